"""Read versions of methods."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlmodel import col, or_, select

from services.analysis import messages, policy
from services.analysis.models import Method, MethodReview, MethodState, OnnxMethod
from services.analysis.schemas import MethodOut, MethodSummary, ReviewOut
from shared.auth import Principal
from shared.contracts import MethodCard, MethodRef
from shared.db import Session
from shared.errors import NotFound
from shared.paging import PageQuery, paginate


async def list_methods(
    session: Session, caller: Principal, page: PageQuery, *, state: MethodState | None = None, name: str | None = None
) -> tuple[list[MethodSummary], str | None]:
    query = select(Method)
    if not policy.sees_every_method(caller):
        query = query.where(or_(col(Method.state) != MethodState.REGISTERED, col(Method.announced_by) == caller.subject))
    if state is not None:
        query = query.where(col(Method.state) == state)
    if name is not None:
        query = query.where(col(Method.name) == name)
    methods, cursor = await paginate(session, query, Method, page)
    reviews, uploads = await reviews_of(session, [method.id for method in methods]), await uploads_of(session, methods)
    shown = [summary(caller, each, reviews.get(each.id, []), uploads.get(each.label)) for each in methods]
    return [MethodSummary(**each) for each in shown], cursor


async def get_method(session: Session, caller: Principal, name: str, release: str) -> Method:
    method = (await session.exec(select(Method).where(col(Method.name) == name, col(Method.release) == release))).first()
    if method is None:
        raise NotFound(messages.NO_METHOD_VERSION)
    policy.check_may_see_method(caller, method)
    return method


async def describe_method(session: Session, caller: Principal, method: Method) -> MethodOut:
    reviews = (await reviews_of(session, [method.id])).get(method.id, [])
    told = [
        ReviewOut(reviewer=each.reviewer, ministry=each.ministry, verdict=each.verdict, reason=each.reason, at=each.created_at)
        for each in reviews
    ]
    return MethodOut(
        **summary(caller, method, reviews, (await uploads_of(session, [method])).get(method.label)),
        card=MethodCard.model_validate(method.card),
        reviews=told,
        withdrawn_reason=method.withdrawn_reason,
    )


async def reviews_of(session: Session, method_ids: Sequence[UUID]) -> dict[UUID, list[MethodReview]]:
    query = select(MethodReview).where(col(MethodReview.method_id).in_(method_ids)).order_by(col(MethodReview.id))
    found: dict[UUID, list[MethodReview]] = {}
    for review in (await session.exec(query)).all():
        found.setdefault(review.method_id, []).append(review)
    return found


async def uploads_of(session: Session, methods: Sequence[Method]) -> dict[str, OnnxMethod]:
    """Those of the versions that were uploaded, by their labels."""
    query = select(OnnxMethod).where(col(OnnxMethod.name).in_({method.name for method in methods}))
    return {upload.label: upload for upload in (await session.exec(query)).all()}


def summary(caller: Principal, method: Method, reviews: Sequence[MethodReview], uploaded: OnnxMethod | None) -> dict[str, Any]:
    return {
        "id": method.id,
        "name": method.name,
        "version": method.release,
        "digest": method.digest,
        "title": method.card["title"],
        "owner": method.card["owner"],
        "state": method.state,
        "announced_by": method.announced_by,
        "announced_at": method.created_at,
        "live_at": method.live_at,
        "waiting": policy.method_waiting(method, reviews),
        "actions": policy.method_actions(caller, method, reviews, uploaded),
    }


async def runnable_methods(session: Session, caller: Principal, offered: Sequence[MethodRef]) -> list[UUID]:
    """Which of the offered versions this client may run."""
    wanted = {(each.name, each.version, each.digest) for each in offered}
    found = (await session.exec(select(Method).where(col(Method.name).in_({name for name, _, _ in wanted})))).all()
    return [each.id for each in found if (each.name, each.release, each.digest) in wanted and policy.may_claim(caller, each)]
