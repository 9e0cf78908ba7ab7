"""What a run leaves in the storage goes as soon as nobody needs it: pseudonyms and sealed keys are still personal data."""

from sqlmodel import col, select

from services.analysis.actions.endings import locked_run
from services.analysis.models import RequestKey, Run
from services.analysis.queries import files_of_models
from shared.audit import record_audit
from shared.db import Database
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
