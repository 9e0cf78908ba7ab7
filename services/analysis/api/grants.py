"""Scoring grants: ask, read, decide, take back."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.analysis import actions, queries
from services.analysis.models import GrantState
from services.analysis.rules import Rules
from services.analysis.schemas import GrantIn, GrantOut, GrantReviewIn, ObjectionIn, RevokeIn
from shared.http import Caller, IfMatch, Page, Paging, Reading, Route, Transaction, link_next, tagged
from shared.openapi import CREATED, UNCHANGED

router = APIRouter(prefix="/grants", route_class=Route, tags=["grants"])


def rules_in_force(request: Request) -> Rules:
    rules: Rules = request.app.state.context.state["rules"]
    return rules


RulesInForce = Annotated[Rules, Depends(rules_in_force)]


@router.post("", status_code=201, responses=CREATED)
async def ask_for_grant(data: GrantIn, session: Transaction, caller: Caller, rules: RulesInForce, response: Response) -> GrantOut:
    """Ask for a grant to score with a released model (requester): a client of your ministry, for one purpose."""
    grant = await actions.ask_for_grant(session, caller, data, rules=rules)
    response.headers["Location"] = f"/analysis/grants/{grant.id}"
    tagged(response, grant)
    return await queries.describe_grant(session, caller, grant)


@router.get("")
async def list_grants(
    session: Reading,
    caller: Caller,
    page: Paging,
    request: Request,
    response: Response,
    state: Annotated[GrantState | None, Query(description="Only grants in this state.")] = None,
    model_id: Annotated[UUID | None, Query(description="Only grants on this model.")] = None,
) -> Page[GrantOut]:
    """List grants, newest first: of your ministry, on its models, and on models that were trained on its data.

    Reviewers, analysts and auditors see all.
    """
    items, cursor = await queries.list_grants(session, caller, page, state=state, model_id=model_id)
    link_next(request, response, cursor)
    return Page(items=items, next=cursor)


@router.get("/rules")
async def show_grant_rules(caller: Caller, rules: RulesInForce) -> Rules:
    """Show the limits of grants: each with its basis: rows in a day and in a minute, days of its term."""
    return rules


@router.get("/{grant_id}", responses=UNCHANGED)
async def show_grant(grant_id: UUID, session: Reading, caller: Caller, response: Response) -> GrantOut:
    """Show a grant: the decisions on it, what was counted today, and what you may do with it."""
    grant = await queries.get_grant(session, caller, grant_id)
    tagged(response, grant)
    return await queries.describe_grant(session, caller, grant)


@router.post("/{grant_id}/reviews", status_code=201)
async def review_grant(
    grant_id: UUID, data: GrantReviewIn, session: Transaction, caller: Caller, expected: IfMatch, response: Response
) -> GrantOut:
    """Approve or reject a grant (method-reviewer, centre-analyst, or a steward of the ministry whose request trained the model).

    Two approvals of two bodies grant it, one rejection refuses it. Nobody of the ministry that asked decides.
    """
    grant = await actions.review_grant(session, caller, grant_id, data.verdict, data.reason, expected)
    tagged(response, grant)
    return await queries.describe_grant(session, caller, grant)


@router.post("/{grant_id}/objections", status_code=201)
async def object_to_grant(
    grant_id: UUID, data: ObjectionIn, session: Transaction, caller: Caller, expected: IfMatch, response: Response
) -> GrantOut:
    """Object to a grant (a steward of an owner of the data that the model was trained on).

    A grant that is asked for is refused; one that holds is taken back, and nothing more is scored under it.
    """
    grant = await actions.object_to_grant(session, caller, grant_id, data.reason, expected)
    tagged(response, grant)
    return await queries.describe_grant(session, caller, grant)


@router.post("/{grant_id}/revoke")
async def revoke_grant(
    grant_id: UUID, data: RevokeIn, session: Transaction, caller: Caller, expected: IfMatch, response: Response
) -> GrantOut:
    """Take a grant back (a steward of the model's ministry, a centre-analyst, or a requester of the ministry that asked)."""
    grant = await actions.revoke_grant(session, caller, grant_id, data.reason, expected)
    tagged(response, grant)
    return await queries.describe_grant(session, caller, grant)
