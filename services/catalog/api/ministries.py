"""Member ministries over HTTP."""

from fastapi import APIRouter, Request, Response

from services.catalog import actions, policy, queries
from services.catalog.models import Ministry
from services.catalog.schemas.ministries import FormerBodyOut, LeaveIn, MinistryIn, MinistryOut
from shared.auth import Principal
from shared.http import Caller, IfMatch, Page, Paging, Reading, Route, Transaction, link_next, tagged
from shared.openapi import CREATED, UNCHANGED

router = APIRouter(prefix="/ministries", route_class=Route, tags=["ministries"])


def shown(caller: Principal, ministry: Ministry) -> MinistryOut:
    return MinistryOut(
        code=ministry.code,
        name=ministry.name,
        kind=ministry.kind,
        contact=ministry.contact,
        valid_from=ministry.valid_from,
        successor_of=[FormerBodyOut.model_validate(former) for former in ministry.successor_of or []],
        joined_at=ministry.created_at,
        left_at=ministry.left_at,
        left_reason=ministry.left_reason,
        actions=policy.ministry_actions_for(caller, ministry),
    )


@router.post("", status_code=201, responses=CREATED)
async def join_ministry(given: MinistryIn, session: Transaction, caller: Caller, response: Response) -> MinistryOut:
    """Let a further body join, or one that has left join again (council secretary). From now on its people may act."""
    ministry = await actions.join_ministry(session, caller, given)
    tagged(response, ministry)
    response.headers["Location"] = f"/catalog/ministries/{ministry.code}"
    return shown(caller, ministry)


@router.get("")
async def list_ministries(
    session: Reading, caller: Caller, page: Paging, request: Request, response: Response
) -> Page[MinistryOut]:
    """List the members, newest first; one that has left is shown by its code alone."""
    ministries, cursor = await queries.list_ministries(session, page)
    link_next(request, response, cursor)
    return Page(items=[shown(caller, ministry) for ministry in ministries], next=cursor)


@router.post("/{code}/leave")
async def leave_ministry(
    code: str, given: LeaveIn, session: Transaction, caller: Caller, expected: IfMatch, response: Response
) -> MinistryOut:
    """Let a member leave (council secretary of another one): nobody acts for it any more. What it decided and offered stays."""
    ministry = await actions.leave_ministry(session, caller, code, reason=given.reason, expected=expected)
    tagged(response, ministry)
    return shown(caller, ministry)


@router.get("/{code}", responses=UNCHANGED)
async def get_ministry(code: str, session: Reading, caller: Caller, response: Response) -> MinistryOut:
    """Show a member."""
    ministry = await queries.find_ministry(session, code)
    tagged(response, ministry)
    return shown(caller, ministry)
