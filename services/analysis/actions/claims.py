"""Claim, heartbeat, finish: the fence decides whose word counts, the lease only who may try."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, delete, update
from sqlmodel import col, select

from services.analysis import messages, policy, queries
from services.analysis.actions.endings import end_run, locked_run, obstacle
from services.analysis.actions.models import register_models
from services.analysis.actions.queue import claim_next
from services.analysis.models import LateResult, Run, RunArtefact, RunStatus, Sighting
from services.analysis.queries.queue import TO_WORK, Order
from services.analysis.rules import rules
from shared.audit import record_audit
from shared.auth import Principal, Role, require
from shared.clock import now
from shared.contracts import Alarm, MethodRef, Outcome, Reason, RunStarted
from shared.db import Database, Session
from shared.due import backoff, db_now
from shared.errors import StaleClaim
from shared.outbox import emit

MOST_ALARMS = 50
WAITING = (RunStatus.PREPARED, RunStatus.RUNNING)
LOST = Reason(code="worker-lost", detail="Every worker that took the run was lost before it ended.")


@dataclass(frozen=True)
class Offer:
    """A worker process, the method versions that it can run, and the layers of the sandbox that it lacks; None: not said."""

    worker_id: UUID
    methods: tuple[MethodRef, ...]
    missing_layers: list[str] | None = None


@dataclass(frozen=True)
class ClaimTerms:
    """How long a claim holds, how often a run is claimed, and how many of a ministry may be under way at one time."""

    lease: timedelta
    max_attempts: int
    quota: int = 20
    aging: timedelta = timedelta(hours=1)

    @property
    def order(self) -> Order:
        return Order(self.aging, self.quota, self.max_attempts)


async def see_worker(session: Session, caller: Principal, offer: Offer) -> None:
    """Note that the worker called, so that people can be told whether anybody offers a method."""
    methods = [f"{each.name}@{each.version} {each.digest}" for each in offer.methods]
    seen = Sighting(
        worker_id=offer.worker_id,
        subject=caller.subject,
        seen_at=now(),
        methods=methods,
        missing_layers=offer.missing_layers,
    )
    await session.merge(seen)


async def claim_run(session: Session, caller: Principal, offer: Offer, terms: ClaimTerms) -> Run | None:
    """The run whose turn it is, of a live method that was reviewed with this client; None if there is none."""
    require(caller, Role.WORKER)
    methods = await queries.runnable_methods(session, caller, offer.methods)
    while methods and (run := await claim_next(session, TO_WORK, terms.order, terms.lease, methods)):
        if ending := await obstacle(session, run):
            await end_run(session, run, ending.status, ending.reason, deed="analysis.refuse-run")
            continue
        return await start_run(session, run, offer)
    return None


async def start_run(session: Session, run: Run, offer: Offer) -> Run:
    if run.status is not RunStatus.RUNNING:
        policy.check_move(run, RunStatus.RUNNING)
    run.status, run.worker_id, run.worker_fence = RunStatus.RUNNING, offer.worker_id, run.fence
    run.started_at, run.progress, run.message, run.last_error = now(), 0.0, "", None
    run.marks, run.ends_at, run.missing_layers = None, None, offer.missing_layers
    run.touch()
    session.add(run)
    detail = {"fence": run.fence, "worker": str(offer.worker_id), "missing_layers": offer.missing_layers}
    await record_audit(session, "analysis.claim-run", f"run/{run.id}", detail=detail)
    await emit(session, RunStarted(run_id=run.id, request_id=run.request_id, fence=run.fence))
    return run


async def beat(session: Session, run_id: UUID, fence: int, *, progress: float, message: str, lease: timedelta) -> bool:
    """Extend the lease and note the progress. False: the run has ended meanwhile, so the worker must stop."""
    mine = (col(Run.id) == run_id, col(Run.fence) == fence, col(Run.status) == RunStatus.RUNNING)
    values = {
        "due_at": db_now(lease),
        "message": policy.without_cells(message, 200),
        "version": Run.version + 1,
        **await progressed(session, mine, progress),
    }
    result = await session.execute(update(Run).where(*mine).values(**values).execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    if result.rowcount == 1:
        worker = select(Run.worker_id).where(col(Run.id) == run_id).scalar_subquery()
        await session.execute(update(Sighting).where(col(Sighting.worker_id) == worker).values(seen_at=now()))
        return True
    await check_fence(session, run_id, fence)
    return False


async def progressed(session: Session, mine: Sequence[ColumnElement[bool]], progress: float) -> dict[str, Any]:
    """How far the attempt is and when it will have ended. Progress never goes back: then nothing new is known."""
    row = (await session.execute(select(Run.started_at, Run.progress, Run.marks).where(*mine))).mappings().first()
    if row is None or row["started_at"] is None or progress <= row["progress"]:
        return {}
    at = now()
    marks = policy.marked(row["marks"] or [], (at - row["started_at"]).total_seconds(), progress)
    left = policy.remaining(marks)
    return {"progress": progress, "marks": marks, "ends_at": None if left is None else at + timedelta(seconds=left)}


async def check_fence(session: Session, run_id: UUID, fence: int) -> Run:
    """The run as it is now, running or ended, unless a later claim has it."""
    run = (await session.exec(select(Run).where(col(Run.id) == run_id))).first()
    if run is None or run.fence != fence:
        raise StaleClaim(messages.CLAIM_LOST)
    return run


async def finish_run(
    session: Session,
    run_id: UUID,
    fence: int,
    outcome: Outcome,
    reason: Reason | None,
    named: Sequence[policy.Named],
    alarms: Sequence[Alarm] = (),
    max_attempts: int = 3,
) -> Run:
    """Accept the end of the attempt that holds the run. Said twice it is accepted once; said too late it is refused."""
    run = await locked_run(session, run_id)
    if run.fence != fence:
        raise StaleClaim(messages.CLAIM_LOST)
    if run.status is not RunStatus.RUNNING:
        return repeated(run, outcome)
    of_this_attempt = select(RunArtefact).where(col(RunArtefact.run_id) == run_id, col(RunArtefact.fence) == fence)
    uploaded = list((await session.exec(of_this_attempt.order_by(col(RunArtefact.id)))).all())
    policy.check_finish(outcome, reason, named, uploaded)
    if ending := await obstacle(session, run):
        return await end_run(session, run, ending.status, ending.reason, deed="analysis.refuse-result")
    if outcome is Outcome.CANCELLED:
        return await give_back(session, run)
    if outcome is Outcome.FAILED and policy.is_tried_again(reason, run.attempts, max_attempts):
        return await try_again(session, run, reason.code if reason else "")
    wanted = {(kind, name) for kind, name, _ in named}
    artefacts = [each for each in uploaded if (each.kind, each.name) in wanted]
    run.progress = 1.0 if outcome is Outcome.SUCCEEDED else run.progress
    found = [*policy.linkage_alarms(run.match_rates, run.balance, rules()), *map(policy.plain_alarm, alarms)]
    run.alarms = [each.model_dump(mode="json") for each in found[:MOST_ALARMS]]
    if reason is not None:
        reason = reason.model_copy(update={"detail": policy.without_cells(reason.detail, 1000)})
    if outcome is Outcome.SUCCEEDED:
        await register_models(session, run, artefacts)
    return await end_run(session, run, RunStatus(outcome), reason, deed="analysis.finish-run", artefacts=artefacts)


def repeated(run: Run, outcome: Outcome) -> Run:
    """The same word again, or obedience to a cancel, is fine; anything else comes too late."""
    if outcome is Outcome.FAILED and run.status is RunStatus.PREPARED and run.last_error:
        return run
    if outcome is not Outcome.CANCELLED and run.status != RunStatus(outcome):
        raise StaleClaim(messages.CLAIM_LOST)
    return run


async def give_back(session: Session, run: Run) -> Run:
    """A worker cannot cancel a run: one that stops by itself gives it back, and the next one takes it. It was no attempt."""
    policy.check_move(run, RunStatus.PREPARED)
    run.status, run.due_at, run.worker_id, run.attempts = RunStatus.PREPARED, now(), None, max(run.attempts - 1, 0)
    run.touch()
    session.add(run)
    await record_audit(session, "analysis.give-back-run", f"run/{run.id}", detail={"fence": run.fence})
    return run


async def try_again(session: Session, run: Run, code: str) -> Run:
    """What failed for no fault of the method is given to the next worker, later each time."""
    policy.check_move(run, RunStatus.PREPARED)
    run.status, run.due_at, run.worker_id, run.last_error = RunStatus.PREPARED, now() + backoff(run.attempts), None, code
    run.touch()
    session.add(run)
    detail = {"fence": run.fence, "reason": code, "attempts": run.attempts}
    await record_audit(session, "analysis.retry-run", f"run/{run.id}", detail=detail)
    return run


async def keep_late_result(session: Session, run_id: UUID, fence: int, outcome: Outcome) -> None:
    """Keep a note of a result that was refused; the door audits the refusal itself."""
    run = (await session.exec(select(Run).where(col(Run.id) == run_id))).first()
    if run is None:
        return
    session.add(LateResult(run_id=run_id, fence=fence, current_fence=run.fence, status=run.status, outcome=outcome))


async def reap(db: Database, max_attempts: int, forgotten: timedelta) -> bool:
    """End runs that lost their last worker, and forget workers long gone. True if there was something; writes only then."""
    lost = (col(Run.status).in_(WAITING), col(Run.attempts) >= max_attempts, col(Run.due_at) <= db_now())
    gone = col(Sighting.seen_at) < now() - forgotten
    async with db.reading() as session:
        any_lost = (await session.exec(select(Run.id).where(*lost).limit(1))).first()
        any_gone = (await session.exec(select(Sighting.worker_id).where(gone).limit(1))).first()
    if any_lost is None and any_gone is None:
        return False
    async with db.transaction() as session:
        # Runs with claims left need nothing: they are simply due.
        for run in (await session.exec(select(Run).where(*lost).limit(50).with_for_update(skip_locked=True))).all():
            await end_run(session, run, RunStatus.FAILED, LOST, deed="analysis.fail-lost-run")
        deleted = await session.execute(delete(Sighting).where(gone))
        assert isinstance(deleted, CursorResult)
        if deleted.rowcount:
            await record_audit(session, "analysis.forget-workers", "worker/*", detail={"count": deleted.rowcount})
    return True
