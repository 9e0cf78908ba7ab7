"""How a run ends, whatever ends it; and what stands in its way."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlmodel import col, select

from services.analysis import messages, policy
from services.analysis.models import Run, RunArtefact, RunDataset, RunStatus, Tombstone, Withdrawn
from services.analysis.prepare.keys import destroy_key
from shared.audit import record_audit
from shared.clock import now
from shared.contracts import Alarm, Artefact, MethodRef, Outcome, Reason, RequestBrief, RunFinished, SealedKeys, StoredObject
from shared.db import Session
from shared.errors import NotFound
from shared.outbox import emit


@dataclass(frozen=True)
class Ending:
    """How a run ends when something that it stands on was withdrawn."""

    status: RunStatus
    reason: Reason


WITHDRAWN: Final[dict[Withdrawn, Ending]] = {
    Withdrawn.REQUEST: Ending(
        RunStatus.CANCELLED, Reason(code="request-withdrawn", detail="The ministry that asked for it took its request back.")
    ),
    Withdrawn.DATASET: Ending(
        RunStatus.FAILED, Reason(code="dataset-withdrawn", detail="The owner of a dataset that the run stands on took it back.")
    ),
    Withdrawn.GRANT: Ending(
        RunStatus.FAILED, Reason(code="grant-revoked", detail="The owner of a dataset took back its approval for this request.")
    ),
    Withdrawn.METHOD: Ending(
        RunStatus.FAILED, Reason(code="method-withdrawn", detail="The version of the method that was asked for was withdrawn.")
    ),
    Withdrawn.MODEL: Ending(
        RunStatus.FAILED, Reason(code="model-withdrawn", detail="The model that the run was to be scored with was withdrawn.")
    ),
}


async def obstacle(session: Session, run: Run, of: Collection[Withdrawn] = tuple(Withdrawn)) -> Ending | None:
    """Whether the request, a dataset, its grant, the method or the champion of this run was withdrawn, looked up anew."""
    datasets = (await session.exec(select(RunDataset.dataset_id).where(col(RunDataset.run_id) == run.id))).all()
    keys = {
        Withdrawn.REQUEST: [str(run.request_id)],
        Withdrawn.DATASET: [str(dataset_id) for dataset_id in datasets],
        Withdrawn.GRANT: [grant(run.request_id, dataset_id) for dataset_id in datasets],
        Withdrawn.METHOD: [run.method_label],
        Withdrawn.MODEL: [str(run.champion_id)] if run.champion_id else [],
    }
    for kind, wanted in ((kind, wanted) for kind, wanted in keys.items() if kind in of):
        found = select(Tombstone).where(col(Tombstone.kind) == kind, col(Tombstone.key).in_(wanted)).limit(1)
        if (await session.exec(found)).first():
            return WITHDRAWN[kind]
    return None


def grant(request_id: UUID, dataset_id: UUID) -> str:
    """How a tombstone names an owner's approval of one dataset for one request."""
    return f"{request_id}/{dataset_id}"


async def locked_run(session: Session, run_id: UUID) -> Run:
    """The run as it is now; nobody else changes it until this transaction ends."""
    query = select(Run).where(col(Run.id) == run_id).with_for_update().execution_options(populate_existing=True)
    run = (await session.exec(query)).first()
    if run is None:
        raise NotFound(messages.NO_RUN)
    return run


async def end_run(
    session: Session, run: Run, status: RunStatus, reason: Reason | None, *, deed: str, artefacts: Sequence[RunArtefact] = ()
) -> Run:
    """The one way out: status, audit, RunFinished. Only a result that is to be checked still needs its request's key."""
    policy.check_move(run, status)
    reason = policy.with_attempts(reason, run.attempts) if reason and status is RunStatus.FAILED else reason
    run.status, run.reason, run.due_at, run.ended_at = status, reason.model_dump() if reason else None, None, now()
    run.touch()
    session.add(run)
    detail = {"status": status, "reason": reason.code if reason else None, "fence": run.worker_fence}
    await record_audit(session, deed, f"run/{run.id}", detail=detail)
    if status is not RunStatus.SUCCEEDED:
        await destroy_key(session, run.request_id, reason.code if reason else status)
    await emit(session, finished(run, reason, artefacts))
    return run


def finished(run: Run, reason: Reason | None, artefacts: Sequence[RunArtefact]) -> RunFinished:
    succeeded = run.status is RunStatus.SUCCEEDED
    return RunFinished(
        run_id=run.id,
        brief=RequestBrief.model_validate(run.approved["brief"]),
        method=method_of(run),
        fence=run.worker_fence,
        outcome=Outcome(run.status),
        reason=reason,
        artefacts=tuple(Artefact(name=each.name, kind=each.kind, object=stored(each)) for each in artefacts),
        match_rates=run.match_rates,
        balance=run.balance,
        champion_id=run.champion_id,
        sealed_keys=SealedKeys.model_validate(run.sealed_keys) if run.sealed_keys and succeeded else None,
        alarms=tuple(Alarm.model_validate(each) for each in run.alarms) if succeeded else (),
    )


def stored(artefact: RunArtefact) -> StoredObject:
    return StoredObject(sha256=artefact.sha256, size=artefact.size, media_type=artefact.media_type)


def method_of(run: Run) -> MethodRef:
    return MethodRef(name=run.method_name, version=run.method_release, digest=run.method_digest)
