"""What was withdrawn stays so: a tombstone for what comes later, an end for what is under way."""

from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from services.analysis.actions.endings import WITHDRAWN, end_run, grant
from services.analysis.models import ENDED, Run, RunDataset, Tombstone, Withdrawn
from services.analysis.prepare.keys import destroy_key
from shared.audit import record_audit
from shared.db import Session


async def end_withdrawn_request(session: Session, request_id: UUID) -> None:
    """The request was withdrawn: its run ends at whatever stop it is, and its key is destroyed even after the run."""
    await end_withdrawn_runs(session, Withdrawn.REQUEST, str(request_id))
    await destroy_key(session, request_id, "request-withdrawn")


async def end_revoked_request(session: Session, request_id: UUID, dataset_id: UUID) -> None:
    """An owner took its approval back: the same, for this request alone; other requests may still use the dataset."""
    await end_withdrawn_runs(session, Withdrawn.GRANT, grant(request_id, dataset_id))
    await destroy_key(session, request_id, "grant-revoked")


async def end_withdrawn_runs(session: Session, kind: Withdrawn, key: str) -> None:
    """Remember the withdrawal, and end every run that stands on what was withdrawn."""
    if await session.get(Tombstone, (kind, key)) is None:
        session.add(Tombstone(kind=kind, key=key))
        await record_audit(session, "analysis.note-withdrawal", f"{kind}/{key}")
    query = select(Run).where(col(Run.status).not_in(ENDED), standing_on(kind, key)).order_by(col(Run.id)).with_for_update()
    ending = WITHDRAWN[kind]
    for run in (await session.exec(query.execution_options(populate_existing=True))).all():
        await end_run(session, run, ending.status, ending.reason, deed="analysis.end-withdrawn-run")


def standing_on(kind: Withdrawn, key: str) -> ColumnElement[bool]:
    match kind:
        case Withdrawn.REQUEST:
            return col(Run.request_id) == UUID(key)
        case Withdrawn.DATASET:
            return col(Run.id).in_(select(RunDataset.run_id).where(col(RunDataset.dataset_id) == UUID(key)))
        case Withdrawn.GRANT:
            request_id, dataset_id = key.split("/", 1)
            asked = select(RunDataset.run_id).where(col(RunDataset.dataset_id) == UUID(dataset_id))
            return (col(Run.request_id) == UUID(request_id)) & col(Run.id).in_(asked)
        case Withdrawn.METHOD:
            name, release = key.split("@", 1)
            return (col(Run.method_name) == name) & (col(Run.method_release) == release)
