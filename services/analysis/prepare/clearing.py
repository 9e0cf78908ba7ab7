"""What a run leaves in the storage goes as soon as nobody needs it: pseudonyms and sealed keys are still personal data."""

from datetime import timedelta

from sqlalchemy import delete
from sqlmodel import col, select

from services.analysis.actions.endings import locked_run
from services.analysis.models import OnnxMethod, RequestKey, Run, RunArtefact, RunStatus
from services.analysis.queries import files_of_models
from shared.audit import record_audit
from shared.clock import now
from shared.db import Database, Session
from shared.storage import Storage


async def clear_next(db: Database, storage: Storage) -> bool:
    """Delete the bundle of a run that has ended; a file that was only lent to it stays."""
    async with db.reading() as session:
        ended = select(Run).where(col(Run.bundle_kept), col(Run.ended_at).is_not(None)).order_by(col(Run.id)).limit(1)
        run = (await session.exec(ended)).first()
    if run is None:
        return False
    files = [file["sha256"] for file in (run.bundle or {}).get("files", [])]
    async with db.reading() as session:
        kept = await files_of_models(session, files)
    for sha256 in files:
        if sha256 not in kept:
            await storage.delete(sha256)
    async with db.transaction() as session:
        current = await locked_run(session, run.id)
        current.bundle_kept = False
        session.add(current)
        await record_audit(session, "analysis.delete-bundle", f"run/{run.id}")
    return True


async def clear_sealed_next(db: Database, storage: Storage) -> bool:
    """Delete the sealed keys of a closed request: those of listed entities stand in the list, the others nobody needed."""
    closed = select(RequestKey.request_id).where(col(RequestKey.destroyed_at).is_not(None))
    async with db.reading() as session:
        waiting = (col(Run.sealed_kept), col(Run.ended_at).is_not(None), col(Run.request_id).in_(closed))
        run = (await session.exec(select(Run).where(*waiting).order_by(col(Run.id)).limit(1))).first()
    if run is None:
        return False
    if run.sealed_keys:
        await storage.delete(run.sealed_keys["object"]["sha256"])
    async with db.transaction() as session:
        current = await locked_run(session, run.id)
        current.sealed_kept = False
        session.add(current)
        await record_audit(session, "analysis.delete-sealed-keys", f"run/{run.id}")
    return True


async def clear_outputs_next(db: Database, storage: Storage, grace: timedelta) -> bool:
    """Delete what attempts that do not count handed in, when their run has ended long enough ago. What was accepted stays."""
    async with db.reading() as session:
        over = (col(Run.swept).is_(False), col(Run.ended_at) < now() - grace)
        run = (await session.exec(select(Run).where(*over).order_by(col(Run.ended_at)).limit(1))).first()
        if run is None:
            return False
        refused = await refused_outputs(session, run)
        kept = await kept_elsewhere(session, refused)
    for sha256 in {each.sha256 for each in refused} - kept:
        about = await storage.about(sha256)
        # What was there before the run belongs to somebody else, and only has the same bytes.
        if about is not None and about["last_modified"] >= run.created_at:
            await storage.delete(sha256)
    async with db.transaction() as session:
        current = await locked_run(session, run.id)
        if current.swept:
            return True
        current.swept = True
        session.add(current)
        await session.execute(delete(RunArtefact).where(col(RunArtefact.id).in_([each.id for each in refused])))
        if refused:
            detail = {"count": len(refused), "fences": sorted({each.fence for each in refused})}
            await record_audit(session, "analysis.delete-outputs", f"run/{run.id}", detail=detail)
    return True


async def refused_outputs(session: Session, run: Run) -> list[RunArtefact]:
    """Of a run that succeeded what other attempts than the accepted one handed in; of any other run everything."""
    of_run = select(RunArtefact).where(col(RunArtefact.run_id) == run.id)
    if run.status is RunStatus.SUCCEEDED:
        of_run = of_run.where(col(RunArtefact.fence) != run.worker_fence)
    return list((await session.exec(of_run)).all())


async def kept_elsewhere(session: Session, refused: list[RunArtefact]) -> set[str]:
    """Which of these bytes are also an output that stays or is not yet to be deleted, a model, or an uploaded method."""
    ids, digests = [each.id for each in refused], {each.sha256 for each in refused}
    others = select(RunArtefact.sha256).where(col(RunArtefact.sha256).in_(digests), col(RunArtefact.id).not_in(ids))
    uploads = select(OnnxMethod.sha256).where(col(OnnxMethod.sha256).in_(digests))
    found = {*(await session.exec(others)).all(), *filter(None, (await session.exec(uploads)).all())}
    return found | await files_of_models(session, digests)
