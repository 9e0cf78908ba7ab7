"""What was withdrawn stays so: a tombstone for what comes later, an end for what is under way."""

from uuid import UUID

from sqlalchemy import ColumnElement, false
from sqlmodel import col, select

from services.analysis import policy
from services.analysis.actions.endings import WITHDRAWN, end_run, grant
from services.analysis.actions.grants import keep_withdrawn_model
from services.analysis.models import ENDED, Model, ModelState, Run, RunDataset, Tombstone, Withdrawn
from services.analysis.prepare.keys import destroy_key
from shared.audit import record_audit
from shared.contracts import ModelWithdrawn
from shared.db import Session
from shared.outbox import emit

SOURCE = {
    Withdrawn.GRANT: "The owner of a dataset that it learned from took its approval back.",
    Withdrawn.DATASET: "A dataset that it learned from was withdrawn.",
    Withdrawn.METHOD: "The version of the method that trained it was withdrawn.",
    Withdrawn.REQUEST: "The request that it was trained for was withdrawn.",
}


async def end_withdrawn_request(session: Session, request_id: UUID) -> None:
    """The request was withdrawn: its run ends at whatever stop it is, and its key is destroyed even after the run."""
    await end_withdrawn_runs(session, Withdrawn.REQUEST, str(request_id))
    await destroy_key(session, request_id, "request-withdrawn")


async def end_revoked_request(session: Session, request_id: UUID, dataset_id: UUID) -> None:
    """An owner took its approval back: the same, for this request alone; other requests may still use the dataset."""
    await end_withdrawn_runs(session, Withdrawn.GRANT, grant(request_id, dataset_id))
    await destroy_key(session, request_id, "grant-revoked")


async def end_withdrawn_runs(session: Session, kind: Withdrawn, key: str) -> None:
    """Remember the withdrawal, end every run that stands on what was withdrawn, and take back the models that came of it."""
    if await session.get(Tombstone, (kind, key)) is None:
        session.add(Tombstone(kind=kind, key=key))
        await record_audit(session, "analysis.note-withdrawal", f"{kind}/{key}")
    query = select(Run).where(col(Run.status).not_in(ENDED), standing_on(kind, key)).order_by(col(Run.id)).with_for_update()
    ending = WITHDRAWN[kind]
    for run in (await session.exec(query.execution_options(populate_existing=True))).all():
        await end_run(session, run, ending.status, ending.reason, deed="analysis.end-withdrawn-run")
    if kind in SOURCE:
        await take_back_models(session, trained_on(kind, key), SOURCE[kind])


async def take_back_models(session: Session, which: ColumnElement[bool], reason: str) -> None:
    query = select(Model).where(which, col(Model.state) != ModelState.WITHDRAWN).order_by(col(Model.id)).with_for_update()
    for model in (await session.exec(query.execution_options(populate_existing=True))).all():
        await take_back(session, model, reason)


async def take_back(session: Session, model: Model, reason: str) -> None:
    """The model is withdrawn for good; what is under way with it ends."""
    policy.check_model_move(model, ModelState.WITHDRAWN)
    model.state, model.withdrawn_reason = ModelState.WITHDRAWN, reason
    model.touch()
    session.add(model)
    await record_audit(session, "analysis.withdraw-model", f"model/{model.id}", detail={"reason": reason})
    await emit(session, ModelWithdrawn(model_id=model.id, reason=reason))
    await keep_withdrawn_model(session, model.id)
    await end_withdrawn_runs(session, Withdrawn.MODEL, str(model.id))


async def withhold_models(session: Session, request_id: UUID, what: str) -> None:
    """The result of the run that trained them does not leave, so neither do they."""
    await take_back_models(session, col(Model.request_id) == request_id, f"The result of the run that trained it was {what}.")


def trained_on(kind: Withdrawn, key: str) -> ColumnElement[bool]:
    match kind:
        case Withdrawn.REQUEST:
            return col(Model.request_id) == UUID(key)
        case Withdrawn.DATASET:
            return col(Model.run_id).in_(select(RunDataset.run_id).where(col(RunDataset.dataset_id) == UUID(key)))
        case Withdrawn.GRANT:
            request_id, dataset_id = key.split("/", 1)
            asked = select(RunDataset.run_id).where(col(RunDataset.dataset_id) == UUID(dataset_id))
            return (col(Model.request_id) == UUID(request_id)) & col(Model.run_id).in_(asked)
        case Withdrawn.METHOD:
            name, release = key.split("@", 1)
            return (col(Model.method_name) == name) & (col(Model.method_release) == release)
        case Withdrawn.MODEL:
            return false()


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
        case Withdrawn.MODEL:
            return col(Run.champion_id) == UUID(key)
