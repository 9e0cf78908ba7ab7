"""Upload a method that is an ONNX file and its manifest, and hand it to the worker that hosts it."""

import asyncio
import tempfile
from pathlib import Path

from sqlmodel import col, select

from services.analysis import messages, policy
from services.analysis.modelfiles import RefusedFileError, hosting_faults, onnx_structure
from services.analysis.models import Method, OnnxMethod
from services.analysis.schemas import FaultIn
from shared.audit import record_audit
from shared.auth import Principal, Role, require
from shared.contracts import HostingManifest, StoredObject
from shared.contracts.wording import Sentence
from shared.db import Session
from shared.errors import Conflict, FieldError, NotFound, Unprocessable
from shared.storage import Storage


async def upload_manifest(session: Session, caller: Principal, manifest: HostingManifest) -> tuple[OnnxMethod, bool]:
    """Register a manifest, or know it again; False if it was there. Its file comes next."""
    policy.check_may_upload(caller, manifest)
    policy.check_card(manifest.card)
    card = manifest.card
    known = await find_upload(session, card.name, card.version)
    if known:
        if (HostingManifest.model_validate(known.manifest), known.uploaded_by) != (manifest, caller.subject):
            raise Conflict(messages.OTHER_MANIFEST(label=known.label))
        return known, False
    if await announced(session, card.name, card.version):
        raise Conflict(messages.METHOD_EXISTS(name=card.name, version=card.version))
    method = OnnxMethod(
        name=card.name,
        release=card.version,
        manifest=manifest.model_dump(mode="json"),
        uploaded_by=caller.subject,
        uploaded_ministry=caller.ministry,
    )
    session.add(method)
    await session.flush()
    await record_audit(session, "analysis.upload-manifest", f"onnx-method/{method.label}")
    return method, True


async def check_attach(session: Session, caller: Principal, name: str, release: str) -> OnnxMethod:
    """The upload that a file may be handed in for."""
    method = await locked_upload(session, caller, name, release)
    policy.check_may_attach(caller, method, await announced(session, name, release))
    return method


async def check_onnx_file(storage: Storage, sha256: str, method: OnnxMethod) -> None:
    """Unprocessable unless the file is a plain ONNX file that fits its manifest. What is refused is collected as garbage."""
    with tempfile.TemporaryDirectory(prefix="dure-onnx-") as folder:
        path = Path(folder, "model.onnx")
        await storage.fetch(sha256, path)
        try:
            structure = await asyncio.to_thread(onnx_structure, path)
        except RefusedFileError as refused:
            error = FieldError("#", refused.code, Sentence(refused.detail, ko=refused.ko))
            raise Unprocessable(messages.FILE_NOT_A_METHOD, errors=[error]) from None
    if faults := hosting_faults(structure, HostingManifest.model_validate(method.manifest)):
        errors = [FieldError("#", fault.code, fault.detail.sentence) for fault in faults]
        raise Unprocessable(messages.FILE_UNLIKE_MANIFEST, errors=errors)


async def attach_file(session: Session, caller: Principal, name: str, release: str, stored: StoredObject) -> OnnxMethod:
    method = await check_attach(session, caller, name, release)
    method.sha256, method.size = stored.sha256, stored.size
    method.fault = method.fault_code = method.fault_ko = None
    method.touch()
    session.add(method)
    await record_audit(session, "analysis.attach-onnx-file", f"onnx-method/{method.label}", detail={"sha256": stored.sha256})
    return method


async def read_file(session: Session, caller: Principal, name: str, release: str) -> OnnxMethod:
    """Audited before the first byte leaves: a model may hold what it was trained on."""
    method = await locked_upload(session, caller, name, release)
    policy.check_may_host(caller, method)
    await record_audit(session, "analysis.read-onnx-file", f"onnx-method/{method.label}", outcome="read")
    return method


async def note_fault(session: Session, caller: Principal, name: str, release: str, told: FaultIn) -> OnnxMethod:
    """A worker could not host it, or its trial failed; whoever uploaded it reads why."""
    require(caller, Role.WORKER)
    method = await locked_upload(session, caller, name, release)
    if not await announced(session, name, release):
        fault = policy.fault_told(HostingManifest.model_validate(method.manifest).card, told.code, told.values, told.detail)
        method.fault_code, method.fault, method.fault_ko = fault.code, fault.detail.en, fault.detail.ko
        method.touch()
        session.add(method)
        await record_audit(
            session,
            "analysis.note-onnx-fault",
            f"onnx-method/{method.label}",
            detail={"fault": method.fault, "code": method.fault_code},
        )
    return method


async def locked_upload(session: Session, caller: Principal, name: str, release: str) -> OnnxMethod:
    method = await find_upload(session, name, release, lock=True)
    if method is None:
        raise NotFound(messages.NO_ONNX_METHOD)
    policy.check_may_see_upload(caller, method)
    return method


async def find_upload(session: Session, name: str, release: str, *, lock: bool = False) -> OnnxMethod | None:
    query = select(OnnxMethod).where(col(OnnxMethod.name) == name, col(OnnxMethod.release) == release)
    return (await session.exec(query.with_for_update() if lock else query)).first()


async def announced(session: Session, name: str, release: str) -> bool:
    named = select(Method.id).where(col(Method.name) == name, col(Method.release) == release)
    return (await session.exec(named)).first() is not None
