"""Runs: read, cancel, put before or after others."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.analysis import actions, queries
from services.analysis.models import RunStatus
from services.analysis.schemas import CancelIn, PriorityIn, RunOut, RunSummary
from shared.http import Caller, IfMatch, Page, Paging, Reading, Route, Transaction, link_next, tagged

router = APIRouter(prefix="/runs", route_class=Route, tags=["runs"])


def present(request: Request) -> queries.Present:
    settings = request.app.state.settings
    order = queries.Order(timedelta(seconds=settings.aging_seconds), settings.runs_per_ministry)
    return queries.Present(timedelta(seconds=settings.worker_seen_seconds), order)


Present = Annotated[queries.Present, Depends(present)]


@router.get("")
async def list_runs(
    session: Reading,
    caller: Caller,
    page: Paging,
    now: Present,
    request: Request,
    response: Response,
    status: Annotated[RunStatus | None, Query(description="Only runs that stand there.")] = None,
    request_id: Annotated[UUID | None, Query(description="Only the run of this request.")] = None,
) -> Page[RunSummary]:
    """List the runs that you may see, newest first: those of your ministry's requests, or all at the centre."""
    items, cursor = await queries.list_runs(session, caller, page, status=status, request_id=request_id, present=now)
    link_next(request, response, cursor)
    return Page(items=items, next=cursor)


@router.get("/{run_id}")
async def show_run(run_id: UUID, session: Reading, caller: Caller, now: Present, response: Response) -> RunOut:
    """Show a run: where it stands, why it waits and who must act, how its inputs matched."""
    run = await queries.get_run(session, caller, run_id)
    # No ETag: why it waits depends on which workers are there, not only on the run.
    return await queries.describe_run(session, caller, run, now)


@router.post("/{run_id}/cancel")
async def cancel_run(
    run_id: UUID, data: CancelIn, session: Transaction, caller: Caller, expected: IfMatch, now: Present, response: Response
) -> RunOut:
    """Cancel a run (requester of its ministry, or centre-analyst). A worker that runs it hears of it at once."""
    run = await actions.cancel_run(session, caller, run_id, data.reason, expected)
    tagged(response, run)
    return await queries.describe_run(session, caller, run, now)


@router.post("/{run_id}/priority")
async def prioritise_run(
    run_id: UUID, data: PriorityIn, session: Transaction, caller: Caller, expected: IfMatch, now: Present, response: Response
) -> RunOut:
    """Put a run before others or after them, with a reason (centre-analyst). A run that waits long rises by itself."""
    run = await actions.prioritise_run(session, caller, run_id, data.priority, data.reason, expected)
    tagged(response, run)
    return await queries.describe_run(session, caller, run, now)
