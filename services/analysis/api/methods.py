"""Methods: announce, read, review, withdraw."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from services.analysis import actions, queries
from services.analysis.models import MethodState
from services.analysis.schemas import AnnounceIn, MethodOut, MethodSummary, ReviewIn, WithdrawIn
from shared.contracts import Name, SemVer
from shared.http import Caller, IfMatch, Page, Paging, Reading, Route, Transaction, link_next, tagged
from shared.openapi import CREATED, NEW, UNCHANGED

router = APIRouter(prefix="/methods", route_class=Route, tags=["methods"])
AGAIN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": MethodOut, "description": "It was announced before, the same.", "headers": NEW}
}
MethodName = Annotated[Name, Path(examples=["energy_peers"])]
Version = Annotated[SemVer, Path(examples=["1.0.0"])]


@router.post(
    "",
    status_code=201,
    responses=CREATED | AGAIN,
)
async def announce_method(data: AnnounceIn, session: Transaction, caller: Caller, response: Response) -> MethodOut:
    """Announce a version of a method (worker). It is only registered until two reviewers of two bodies approve it.

    The same version with another card or digest is refused (409): a change is a new version.
    """
    method, created = await actions.announce_method(session, caller, data.card, data.digest)
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/analysis/methods/{method.name}/{method.release}"
    tagged(response, method)
    return await queries.describe_method(session, caller, method)


@router.get("")
async def list_methods(
    session: Reading,
    caller: Caller,
    page: Paging,
    request: Request,
    response: Response,
    state: Annotated[MethodState | None, Query(description="Only versions in this state.")] = None,
    name: Annotated[Name | None, Query(description="Only versions of this method.")] = None,
) -> Page[MethodSummary]:
    """List versions of methods, newest first. What is only registered is shown to reviewers and to who announced it."""
    items, cursor = await queries.list_methods(session, caller, page, state=state, name=name)
    link_next(request, response, cursor)
    return Page(items=items, next=cursor)


@router.get("/{name}/{version}", responses=UNCHANGED)
async def show_method(name: MethodName, version: Version, session: Reading, caller: Caller, response: Response) -> MethodOut:
    """Show a version of a method: its card, its reviews, and what you may do with it."""
    method = await queries.get_method(session, caller, name, version)
    tagged(response, method)
    return await queries.describe_method(session, caller, method)


@router.post("/{name}/{version}/reviews", status_code=201)
async def review_method(
    name: MethodName,
    version: Version,
    data: ReviewIn,
    session: Transaction,
    caller: Caller,
    expected: IfMatch,
    response: Response,
) -> MethodOut:
    """Approve or reject a registered version (method-reviewer; not of the body that announced or uploaded it; one of each body).

    The second approval makes it live at once. A rejected version never goes live.
    """
    method = await actions.review_method(session, caller, name, version, data.verdict, data.reason, expected)
    tagged(response, method)
    return await queries.describe_method(session, caller, method)


@router.post("/{name}/{version}/withdraw")
async def withdraw_method(
    name: MethodName,
    version: Version,
    data: WithdrawIn,
    session: Transaction,
    caller: Caller,
    expected: IfMatch,
    response: Response,
) -> MethodOut:
    """Withdraw a version for good (who announced it, or a centre-analyst). Runs under way on it end."""
    method = await actions.withdraw_method(session, caller, name, version, data.reason, expected)
    tagged(response, method)
    return await queries.describe_method(session, caller, method)
