"""The HTTP door of the requests service."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.requests import actions, queries
from services.requests.models import Status
from services.requests.rules import Rules
from services.requests.schemas import (
    DecisionIn,
    HistoryOut,
    ReasonIn,
    RequestIn,
    RequestOut,
    RequestSummary,
    RevocationIn,
    VoteIn,
    WorkItem,
)
from shared.contracts import Code
from shared.http import Caller, IfMatch, Page, Paging, Reading, Route, Transaction, link_next, tagged
from shared.openapi import CREATED, UNCHANGED

router = APIRouter(route_class=Route, tags=["requests"])


def rules_in_force(request: Request) -> Rules:
    rules: Rules = request.app.state.context.state["rules"]
    return rules


RulesInForce = Annotated[Rules, Depends(rules_in_force)]


def open_limits(request: Request) -> actions.OpenLimits:
    limits: actions.OpenLimits = request.app.state.context.state["open_limits"]
    return limits


OpenLimits = Annotated[actions.OpenLimits, Depends(open_limits)]


@router.post("", status_code=201, responses=CREATED)
async def submit_request(
    data: RequestIn, session: Transaction, caller: Caller, rules: RulesInForce, limits: OpenLimits, response: Response
) -> RequestOut:
    """Ask for an analysis (requester).

    It is checked at once against the live method's inputs and parameters; every fault is named by its JSON pointer.
    Then every owner of every dataset decides, then the council votes. How many requests one person may have open at a time
    is bounded (429), and how many of these may ask for exactly the same (409).
    """
    request = await actions.submit_request(session, caller, data, rules=rules, limits=limits)
    response.headers["Location"] = f"/requests/{request.id}"
    tagged(response, request)
    return await queries.describe(session, request, caller, rules)


@router.get("")
async def list_requests(
    session: Reading,
    caller: Caller,
    rules: RulesInForce,
    page: Paging,
    http: Request,
    response: Response,
    status: Annotated[Status | None, Query(description="Only requests that stand there.")] = None,
    ministry: Annotated[Code | None, Query(description="Only requests of this ministry.")] = None,
) -> Page[RequestSummary]:
    """List the requests that you may see, newest first."""
    rows, cursor = await queries.list_requests(session, caller, page, status=status, ministry=ministry)
    link_next(http, response, cursor)
    return Page(items=await queries.summaries(session, rows, caller, rules), next=cursor)


@router.get("/rules")
async def show_rules(caller: Caller, rules: RulesInForce) -> Rules:
    """Show the rules in force: quorum, grounds of refusal, timers, risk lanes, each with its legal basis."""
    return rules


@router.get("/worklist")
async def list_work(
    session: Reading, caller: Caller, rules: RulesInForce, page: Paging, http: Request, response: Response
) -> Page[WorkItem]:
    """List what waits for you: datasets to decide on, requests to vote on or correct; for the secretary what is overdue."""
    rows, cursor = await queries.list_work(session, caller, rules, page)
    link_next(http, response, cursor)
    return Page(items=await queries.work_items(session, rows, caller, rules), next=cursor)


@router.get("/{request_id}", responses=UNCHANGED)
async def get_request(request_id: UUID, session: Reading, caller: Caller, rules: RulesInForce, response: Response) -> RequestOut:
    """Show a request: where it stands, why it waits and who must act, what was decided, and what you may do now."""
    request = await queries.get_request(session, caller, request_id)
    tagged(response, request)
    return await queries.describe(session, request, caller, rules)


@router.get("/{request_id}/history")
async def list_history(request_id: UUID, session: Reading, caller: Caller) -> list[HistoryOut]:
    """List what happened to a request, oldest first."""
    return [HistoryOut.model_validate(entry) for entry in await queries.list_history(session, caller, request_id)]


@router.post("/{request_id}/return")
async def return_request(
    request_id: UUID,
    data: ReasonIn,
    session: Transaction,
    caller: Caller,
    rules: RulesInForce,
    expected: IfMatch,
    response: Response,
) -> RequestOut:
    """Return a request for correction.

    A steward of an owner may while the owners decide, a council member not recused while the council votes, the council
    secretary at both stages.
    """
    request = await actions.return_request(session, caller, request_id, data, expected=expected)
    tagged(response, request)
    return await queries.describe(session, request, caller, rules)


@router.post("/{request_id}/resubmit")
async def resubmit_request(
    request_id: UUID,
    data: RequestIn,
    session: Transaction,
    caller: Caller,
    rules: RulesInForce,
    expected: IfMatch,
    response: Response,
) -> RequestOut:
    """Submit a returned request again, corrected (requester): a new revision, on which everybody decides anew."""
    request = await actions.resubmit_request(session, caller, request_id, data, rules=rules, expected=expected)
    tagged(response, request)
    return await queries.describe(session, request, caller, rules)


@router.post("/{request_id}/decisions", status_code=201)
async def decide_dataset(
    request_id: UUID,
    data: DecisionIn,
    session: Transaction,
    caller: Caller,
    rules: RulesInForce,
    expected: IfMatch,
    response: Response,
) -> RequestOut:
    """Approve or refuse a dataset of your ministry (steward), with conditions, and if need be fewer columns than asked."""
    request = await actions.decide_dataset(session, caller, request_id, data, rules=rules, expected=expected)
    tagged(response, request)
    return await queries.describe(session, request, caller, rules)


@router.post("/{request_id}/revocations", status_code=201)
async def revoke_grant(
    request_id: UUID,
    data: RevocationIn,
    session: Transaction,
    caller: Caller,
    rules: RulesInForce,
    expected: IfMatch,
    response: Response,
) -> RequestOut:
    """Take back your ministry's approval of a dataset (steward), at any stop before the release.

    The request ends: a run of it stops, and nothing of it is released. What has been released is recalled instead.
    """
    request = await actions.revoke_grant(session, caller, request_id, data, expected=expected)
    tagged(response, request)
    return await queries.describe(session, request, caller, rules)


@router.post("/{request_id}/votes", status_code=201)
async def cast_vote(
    request_id: UUID,
    data: VoteIn,
    session: Transaction,
    caller: Caller,
    rules: RulesInForce,
    expected: IfMatch,
    response: Response,
) -> RequestOut:
    """Vote on a request that every owner approved (council member of a ministry that has no part in it)."""
    request = await actions.cast_vote(session, caller, request_id, data, rules=rules, expected=expected)
    tagged(response, request)
    return await queries.describe(session, request, caller, rules)


@router.post("/{request_id}/withdraw")
async def withdraw_request(
    request_id: UUID,
    data: ReasonIn,
    session: Transaction,
    caller: Caller,
    rules: RulesInForce,
    expected: IfMatch,
    response: Response,
) -> RequestOut:
    """Withdraw a request (requester): whatever of it runs stops, and nothing of it is released."""
    request = await actions.withdraw_request(session, caller, request_id, data, expected=expected)
    tagged(response, request)
    return await queries.describe(session, request, caller, rules)
