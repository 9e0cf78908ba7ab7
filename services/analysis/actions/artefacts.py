"""What a worker reads of its run, and what it hands in."""

from uuid import UUID

from sqlmodel import col, func, select

from services.analysis import messages, policy
from services.analysis.actions.endings import end_run, locked_run
from services.analysis.models import Method, Run, RunArtefact, RunStatus
from shared.audit import record_audit
from shared.auth import Principal
from shared.contracts import MethodCard, ModelManifest, OutputKind, Reason, StoredObject
from shared.db import Session
from shared.errors import Conflict, NotFound, StaleClaim

DAMAGED = Reason(code="input-corrupt", detail="The prepared input was damaged in the storage, so nobody can work on it.")


async def held_run(session: Session, run_id: UUID, fence: int) -> Run:
    """The run, if this claim still holds it. A lease that ran out unnoticed does no harm: the fence decides."""
    run = await locked_run(session, run_id)
    if run.fence != fence or run.status is not RunStatus.RUNNING:
        raise StaleClaim(messages.CLAIM_LOST)
    return run


async def card_of(session: Session, run: Run) -> MethodCard:
    query = select(Method).where(col(Method.name) == run.method_name, col(Method.release) == run.method_release)
    return MethodCard.model_validate((await session.exec(query)).one().card)


async def read_bundle(session: Session, run_id: UUID, fence: int, name: str) -> StoredObject:
    """The file of the bundle that the worker is about to get; noted before its first byte leaves."""
    run = await held_run(session, run_id, fence)
    found = next((file for file in run.bundle_files if file["name"] == name), None)
    if found is None:
        raise NotFound(messages.NO_BUNDLE_FILE)
    detail = {"file": name, "sha256": found["sha256"], "fence": fence, "worker": str(run.worker_id)}
    await record_audit(session, "analysis.read-bundle", f"run/{run.id}", outcome="read", detail=detail)
    return StoredObject.model_validate(found)


async def read_log(session: Session, caller: Principal, run_id: UUID) -> StoredObject:
    """What the method printed in the last attempt that sent it; noted before it is shown."""
    run = await session.get(Run, run_id)
    if run is None:
        raise NotFound(messages.NO_RUN)
    policy.check_may_read_log(caller, run)
    logs = select(RunArtefact).where(col(RunArtefact.run_id) == run_id, col(RunArtefact.kind) == OutputKind.LOG)
    log = (await session.exec(logs.order_by(col(RunArtefact.fence).desc(), col(RunArtefact.id).desc()).limit(1))).first()
    if log is None:
        raise NotFound(messages.NO_LOG)
    detail = {"fence": log.fence, "sha256": log.sha256}
    await record_audit(session, "analysis.read-log", f"run/{run.id}", outcome="read", detail=detail)
    return StoredObject(sha256=log.sha256, size=log.size, media_type=log.media_type)


async def end_damaged_run(session: Session, run_id: UUID, fence: int) -> None:
    """The bundle in the storage is not what was written: nobody can do this run."""
    run = await held_run(session, run_id, fence)
    await end_run(session, run, RunStatus.FAILED, DAMAGED, deed="analysis.end-damaged-run")


async def check_artefact(session: Session, run_id: UUID, fence: int, kind: OutputKind, name: str, most: int) -> None:
    """Whether an upload would be kept, asked before its bytes are taken."""
    run = await held_run(session, run_id, fence)
    policy.check_output(await card_of(session, run), kind, name)
    of_this_attempt = (col(RunArtefact.run_id) == run_id, col(RunArtefact.fence) == fence)
    if (await session.exec(select(func.count()).select_from(RunArtefact).where(*of_this_attempt))).one() >= most:
        raise Conflict(messages.MOST_FILES(most=most))


async def keep_artefact(
    session: Session,
    run_id: UUID,
    fence: int,
    kind: OutputKind,
    name: str,
    stored: StoredObject,
    *,
    most: int,
    manifest: ModelManifest | None = None,
) -> RunArtefact:
    """Note an upload under its fence; the same name again replaces what this same attempt uploaded."""
    if manifest is not None:
        policy.check_lineage(manifest, await held_run(session, run_id, fence))
    await check_artefact(session, run_id, fence, kind, name, most)
    query = select(RunArtefact).where(
        col(RunArtefact.run_id) == run_id,
        col(RunArtefact.fence) == fence,
        col(RunArtefact.kind) == kind,
        col(RunArtefact.name) == name,
    )
    artefact = (await session.exec(query)).first()
    artefact = artefact or RunArtefact(run_id=run_id, fence=fence, kind=kind, name=name, sha256="", size=0, media_type="")
    artefact.sha256, artefact.size, artefact.media_type = stored.sha256, stored.size, stored.media_type
    artefact.manifest = manifest.model_dump(mode="json") if manifest else None
    session.add(artefact)
    await session.flush()
    return artefact
