"""Queue a run for an approved request, cancel it, and close its request."""

from uuid import UUID

from sqlmodel import col, select

from services.analysis import policy
from services.analysis.actions.endings import Ending, end_run, locked_run, obstacle
from services.analysis.models import Method, MethodState, Model, ModelState, Run, RunDataset, RunStatus
from services.analysis.prepare.keys import destroy_key
from shared.audit import record_audit
from shared.auth import Principal
from shared.contracts import MethodRef, Reason, RequestApproved, RunQueued
from shared.db import Session, check_version
from shared.outbox import emit

NOT_LIVE = Reason(code="method-not-live", detail="The version of the method that was asked for is not live here.")

NOT_RELEASED = Reason(code="model-not-released", detail="The model that the request names is not released here.")


async def queue_run(session: Session, approved: RequestApproved) -> Run:
    """One run for an approved request, however often the approval arrives; ended at once if it can never be done."""
    known = (await session.exec(select(Run).where(col(Run.request_id) == approved.brief.request_id))).first()
    if known:
        return known
    run = Run(
        request_id=approved.brief.request_id,
        ministry=approved.brief.ministry,
        method_name=approved.method.name,
        method_release=approved.method.version,
        method_digest=approved.method.digest,
        champion_id=approved.champion.model_id if approved.champion else None,
        approved=approved.model_dump(mode="json"),
    )
    session.add(run)
    await session.flush()
    session.add_all(RunDataset(run_id=run.id, dataset_id=each) for each in {each.dataset_id for each in approved.inputs})
    await session.flush()
    await record_audit(session, "analysis.queue-run", f"run/{run.id}", detail={"request": str(run.request_id)})
    await emit(session, RunQueued(run_id=run.id, request_id=run.request_id))
    ending = await obstacle(session, run) or await not_live(session, approved.method) or await not_released(session, approved)
    if ending:
        await end_run(session, run, ending.status, ending.reason, deed="analysis.refuse-run")
    return run


async def not_live(session: Session, wanted: MethodRef) -> Ending | None:
    named = select(Method).where(col(Method.name) == wanted.name, col(Method.release) == wanted.version)
    method = (await session.exec(named)).first()
    live = method is not None and method.state is MethodState.LIVE and method.digest == wanted.digest
    return None if live else Ending(RunStatus.FAILED, NOT_LIVE)


async def not_released(session: Session, approved: RequestApproved) -> Ending | None:
    """The champion is the very model that was released here."""
    if (wanted := approved.champion) is None:
        return None
    model = await session.get(Model, wanted.model_id)
    released = model is not None and model.state is ModelState.RELEASED and model.ref == wanted
    return None if released else Ending(RunStatus.FAILED, NOT_RELEASED)


async def cancel_run(session: Session, caller: Principal, run_id: UUID, why: str, expected: int | None = None) -> Run:
    """Stop a run at whatever stop it is. A worker that has it hears of it at its next word to us, or at once if it listens."""
    run = await locked_run(session, run_id)
    policy.check_may_cancel(caller, run)
    check_version(run, expected)
    policy.check_not_ended(run)
    reason = Reason(code="cancelled", detail=f"Cancelled by {caller.ministry}: {why}"[:4000])
    return await end_run(session, run, RunStatus.CANCELLED, reason, deed="analysis.cancel-run")


async def close_request(session: Session, request_id: UUID, why: str) -> None:
    """The request is closed: the key that made its pseudonyms is destroyed, so nobody can ever link with them again."""
    await destroy_key(session, request_id, why)
