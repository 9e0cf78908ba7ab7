"""Runs: read, cancel."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.analysis import actions, queries
from services.analysis.models import RunStatus
from services.analysis.schemas import CancelIn, RunOut, RunSummary
from shared.http import Caller, IfMatch, Page, Paging, Reading, Route, Transaction, link_next, tagged

router = APIRouter(prefix="/runs", route_class=Route, tags=["runs"])


def seen_lately(request: Request) -> timedelta:
    return timedelta(seconds=request.app.state.settings.worker_seen_seconds)


Seen = Annotated[timedelta, Depends(seen_lately)]


@router.get("")
async def list_runs(
    session: Reading,
    caller: Caller,
    page: Paging,
    seen: Seen,
    request: Request,
    response: Response,
    status: Annotated[RunStatus | None, Query(description="Only runs that stand there.")] = None,
    request_id: Annotated[UUID | None, Query(description="Only the run of this request.")] = None,
) -> Page[RunSummary]:
    """The runs that you may see, newest first: those of your ministry's requests, or all at the centre."""
    items, cursor = await queries.list_runs(session, caller, page, status=status, request_id=request_id, seen=seen)
    link_next(request, response, cursor)
    return Page(items=items, next=cursor)


@router.get("/{run_id}")
async def show_run(run_id: UUID, session: Reading, caller: Caller, seen: Seen, response: Response) -> RunOut:
    """A run: where it stands, why it waits and who must act, how its inputs matched."""
    run = await queries.get_run(session, caller, run_id)
    # No ETag: why it waits depends on which workers are there, not only on the run.
    return await queries.describe_run(session, caller, run, seen)


@router.post("/{run_id}/cancel")
async def cancel_run(
    run_id: UUID, data: CancelIn, session: Transaction, caller: Caller, expected: IfMatch, seen: Seen, response: Response
) -> RunOut:
    """Cancel a run (requester of its ministry, or centre-analyst). A worker that runs it hears of it at once."""
    run = await actions.cancel_run(session, caller, run_id, data.reason, expected)
    tagged(response, run)
    return await queries.describe_run(session, caller, run, seen)
