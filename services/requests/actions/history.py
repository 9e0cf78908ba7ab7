"""A request under the hand of whoever changes it: found, locked, moved, and each step written into its history."""

from typing import Any
from uuid import UUID

from sqlmodel import col, select

from services.requests import messages, policy
from services.requests.models import AnalysisRequest, HistoryEntry, Status
from shared.auth import Principal
from shared.clock import now
from shared.contracts import Envelope
from shared.db import Session
from shared.errors import NotFound


async def lock_request(session: Session, request_id: UUID) -> AnalysisRequest | None:
    """The request, held until the transaction ends, so that two last votes cannot both be the one before the last."""
    query = select(AnalysisRequest).where(col(AnalysisRequest.id) == request_id).with_for_update()
    return (await session.exec(query.execution_options(populate_existing=True))).one_or_none()


async def find_request(session: Session, caller: Principal, request_id: UUID) -> AnalysisRequest:
    """The request, locked, if the caller may know of it."""
    request = await lock_request(session, request_id)
    if request is None or not policy.may_read(caller, request):
        raise NotFound(messages.NO_REQUEST)
    return request


def write_history(session: Session, request: AnalysisRequest, deed: str, **more: Any) -> None:
    """Note what happened, as history_entry() says it."""
    session.add(history_entry(session, request, deed, **more))


def history_entry(
    session: Session,
    request: AnalysisRequest,
    deed: str,
    *,
    role: str,
    caller: Principal | None = None,
    to: Status | None = None,
    code: str | None = None,
    reason: str | None = None,
) -> HistoryEntry:
    """What happened; the request moves if it moves. Without a caller the actor is whoever sent the event."""
    before = request.status if request.entries else None
    if to is not None:
        policy.check_move(request, to)
        request.status, request.since, request.decide_by = to, now(), None
        request.reason_code, request.reason = code, reason
    request.entries += 1
    request.touch()
    cause: Envelope | None = session.info.get("cause")
    return HistoryEntry(
        request_id=request.id,
        seq=request.entries,
        revision=request.revision,
        deed=deed,
        from_status=before,
        to_status=request.status,
        actor=caller.subject if caller else (cause.source if cause else "/requests"),
        role=role,
        ministry=caller.ministry if caller else None,
        reason_code=code,
        reason=reason,
    )
