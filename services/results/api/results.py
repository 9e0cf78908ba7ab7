"""Results over HTTP: list, look, vote, recall."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.results.actions.alarms import answer_alarm
from services.results.actions.votes import cast_vote, recall_result
from services.results.api.names import AlarmNumber, ResultId
from services.results.models import Status
from services.results.queries import results as results_queries
from services.results.schemas.alarms import AnswerIn
from services.results.schemas.results import RecallIn, ResultOut, ResultSummary, VoteIn
from shared.contracts import Code
from shared.http import Caller, IfMatch, OptionalCaller, Page, Paging, Reading, Route, Transaction, link_next, tagged
from shared.openapi import ANYBODY, UNCHANGED

router = APIRouter(route_class=Route, tags=["results"])


@router.get("", openapi_extra=ANYBODY)
async def list_results(
    request: Request,
    response: Response,
    session: Reading,
    caller: OptionalCaller,
    page: Paging,
    q: Annotated[str | None, Query(max_length=200, description="Words of the title or purpose.", examples=["welfare"])] = None,
    status: Status | None = None,
    ministry: Annotated[Code | None, Query(description="Of requests of this ministry.", examples=["mohw"])] = None,
) -> Page[ResultSummary]:
    """List the results that you may know of, newest first: public ones without a token, others by audience or role."""
    items, cursor = await results_queries.list_results(session, caller, page, q=q, status=status, ministry=ministry)
    link_next(request, response, cursor)
    return Page(items=items, next=cursor)


@router.get("/{result_id}", responses=UNCHANGED, openapi_extra=ANYBODY)
async def show_result(result_id: ResultId, response: Response, session: Reading, caller: OptionalCaller) -> ResultOut:
    """Show a result, with what you may do now. 410 with the reason if it was recalled."""
    result, shown = await results_queries.show_result(session, caller, result_id)
    tagged(response, result)
    return shown


@router.post("/{result_id}/votes", status_code=201)
async def vote(
    result_id: ResultId, data: VoteIn, response: Response, session: Transaction, caller: Caller, expected: IfMatch
) -> ResultOut:
    """Vote on a held result (one of two output checkers of two bodies, neither the one that asked, without another part in it).

    The second vote releases or withholds it.
    """
    result = await cast_vote(session, caller, result_id, approve=data.approve, reason=data.reason, expected=expected)
    tagged(response, result)
    return await results_queries.as_shown(session, caller, result)


@router.post("/{result_id}/alarms/{number}/answers", status_code=201)
async def answer(
    result_id: ResultId,
    number: AlarmNumber,
    data: AnswerIn,
    response: Response,
    session: Transaction,
    caller: Caller,
    expected: IfMatch,
) -> ResultOut:
    """Say what an alarm of a held result means (output checker or centre analyst, never an author of the request).

    Nobody votes before every alarm is answered. `upheld` withholds the result with the reason given.
    """
    result = await answer_alarm(session, caller, result_id, number, verdict=data.verdict, reason=data.reason, expected=expected)
    tagged(response, result)
    return await results_queries.as_shown(session, caller, result)


@router.post("/{result_id}/recall")
async def recall(
    result_id: ResultId, data: RecallIn, response: Response, session: Transaction, caller: Caller, expected: IfMatch
) -> ResultOut:
    """Take a released result back. Readers get 410 with the reason from now on, subscribers an event."""
    result = await recall_result(session, caller, result_id, reason=data.reason, expected=expected)
    tagged(response, result)
    return await results_queries.as_shown(session, caller, result)
