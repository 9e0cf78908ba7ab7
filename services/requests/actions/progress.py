"""What became of an approved request elsewhere: statuses only move on, in whatever order the news arrives."""

from uuid import UUID

from services.requests import policy
from services.requests.actions.history import lock_request, write_history
from services.requests.models import AnalysisRequest, Status
from shared.audit import record_audit
from shared.contracts import Outcome, RunFinished
from shared.db import Session


async def follow_run(session: Session, request_id: UUID, run_id: UUID, *, to: Status | None = None) -> None:
    """A run was queued, or started."""
    request = await lock_request(session, request_id)
    if request is None:
        return
    if request.run_id != run_id:
        request.run_id = run_id
        request.touch()
    await move_on(session, request, to)


async def end_run(session: Session, event: RunFinished) -> None:
    """A run ended: its outputs are being checked, or the request has failed for a reason that people can read."""
    request = await lock_request(session, event.brief.request_id)
    if request is None:
        return
    request.run_id = event.run_id
    if event.outcome is Outcome.SUCCEEDED:
        await move_on(session, request, Status.OUTPUT_REVIEW)
        return
    code = event.reason.code if event.reason else event.outcome.value
    reason = event.reason.detail if event.reason else "The run ended without a result."
    await move_on(session, request, Status.FAILED, code=code, reason=reason)


async def follow_result(
    session: Session, request_id: UUID, result_id: UUID, to: Status, *, code: str | None = None, reason: str | None = None
) -> None:
    """A result was held, released, withheld or recalled."""
    request = await lock_request(session, request_id)
    if request is None:
        return
    if request.result_id != result_id:
        request.result_id = result_id
        request.touch()
    await move_on(session, request, to, code=code, reason=reason)


async def move_on(
    session: Session, request: AnalysisRequest, to: Status | None, *, code: str | None = None, reason: str | None = None
) -> None:
    """Move if the request is not further on already; old news changes nothing."""
    if to is None or not policy.can_move(request.status, to):
        return
    deed = f"note-{to.replace('_', '-')}"
    write_history(session, request, deed, role="service", to=to, code=code, reason=reason)
    await record_audit(session, f"requests.{deed}", f"request/{request.id}", detail={"code": code} if code else None)
