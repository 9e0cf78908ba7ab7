"""Member ministries over HTTP."""

from fastapi import APIRouter, Request, Response

from services.catalog import actions, queries
from services.catalog.models import Ministry
from services.catalog.schemas.ministries import FormerBodyOut, MinistryIn, MinistryOut
from shared.http import Caller, Page, Paging, Reading, Route, Transaction, link_next, tagged
from shared.openapi import UNCHANGED

router = APIRouter(prefix="/ministries", route_class=Route, tags=["ministries"])


def shown(ministry: Ministry) -> MinistryOut:
    return MinistryOut(
        code=ministry.code,
        name=ministry.name,
        kind=ministry.kind,
        contact=ministry.contact,
        valid_from=ministry.valid_from,
        successor_of=[FormerBodyOut.model_validate(former) for former in ministry.successor_of or []],
        joined_at=ministry.created_at,
        actions=[],
    )


@router.post("", status_code=201)
async def join_ministry(given: MinistryIn, session: Transaction, caller: Caller, response: Response) -> MinistryOut:
    """Let a further body join (council secretary). Its stewards may register datasets from now on."""
    ministry = await actions.join_ministry(session, caller, given)
    tagged(response, ministry)
    response.headers["Location"] = f"/catalog/ministries/{ministry.code}"
    return shown(ministry)


@router.get("")
async def list_ministries(
    session: Reading, caller: Caller, page: Paging, request: Request, response: Response
) -> Page[MinistryOut]:
    """The members, the newest first."""
    ministries, cursor = await queries.list_ministries(session, page)
    link_next(request, response, cursor)
    return Page(items=[shown(ministry) for ministry in ministries], next=cursor)


@router.get("/{code}", responses=UNCHANGED)
async def get_ministry(code: str, session: Reading, caller: Caller, response: Response) -> MinistryOut:
    """One member."""
    ministry = await queries.find_ministry(session, code)
    tagged(response, ministry)
    return shown(ministry)
