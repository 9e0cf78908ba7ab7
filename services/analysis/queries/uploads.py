"""Read ONNX methods that were uploaded."""

from typing import Any

from sqlmodel import col, exists, select

from services.analysis import messages, policy
from services.analysis.models import Method, OnnxMethod
from services.analysis.schemas import OnnxMethodOut, OnnxMethodSummary
from shared.auth import Principal
from shared.contracts import HostingManifest
from shared.db import Session
from shared.errors import NotFound
from shared.paging import PageQuery, paginate


async def list_uploads(
    session: Session, caller: Principal, page: PageQuery, *, hostable: bool
) -> tuple[list[OnnxMethodSummary], str | None]:
    query = select(OnnxMethod)
    if not policy.sees_every_upload(caller):
        query = query.where(col(OnnxMethod.uploaded_ministry) == caller.ministry)
    if hostable:
        query = query.where(col(OnnxMethod.sha256).is_not(None), col(OnnxMethod.fault).is_(None))
    found, cursor = await paginate(session, query, OnnxMethod, page)
    return [OnnxMethodSummary(**await summary(session, method)) for method in found], cursor


async def get_upload(session: Session, caller: Principal, name: str, release: str) -> OnnxMethod:
    named = select(OnnxMethod).where(col(OnnxMethod.name) == name, col(OnnxMethod.release) == release)
    method = (await session.exec(named)).first()
    if method is None:
        raise NotFound(messages.NO_ONNX_METHOD)
    policy.check_may_see_upload(caller, method)
    return method


async def describe_upload(session: Session, method: OnnxMethod) -> OnnxMethodOut:
    return OnnxMethodOut(**await summary(session, method), manifest=HostingManifest.model_validate(method.manifest))


async def summary(session: Session, method: OnnxMethod) -> dict[str, Any]:
    named = exists().where(col(Method.name) == method.name, col(Method.release) == method.release)
    announced = bool((await session.exec(select(named))).one())
    return {
        "id": method.id,
        "name": method.name,
        "version": method.release,
        "sha256": method.sha256,
        "size": method.size,
        "uploaded_by": method.uploaded_by,
        "uploaded_at": method.created_at,
        "announced": announced,
        "waiting": policy.upload_waiting(method, announced),
        "fault": None if announced else policy.known_fault(method),
    }
