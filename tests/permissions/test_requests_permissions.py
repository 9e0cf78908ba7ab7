"""Every cell of the requests service's permission table."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from deploy.permissions import rows
from shared.contracts import OutputKind
from tests.permissions.matrix import REASON, Call, Headers, Who, World, common, mismatches, sealed
from tests.requests.examples import INCOME_ID, INCOME_STEWARD, SECRETARY, approval, asked, ballot, live
from tests.requests.examples import world as heard
from tests.requests.house import UNBOUNDED, House

cases = common("requests")
cases.get_(
    show_rules="/requests/rules",
    list_requests="/requests",
    list_work="/requests/worklist",
    get_request="/requests/{w.known}",
    list_history="/requests/{w.known}/history",
)
NOT_NOW = {
    "return_request while owners decide": "council-member@other",
    "return_request while the council votes": "steward@owner",
}


@dataclass
class Requests(World):
    """mohw asks for data of nts, and of molit."""

    house: House
    known: Any = None


@cases.on("submit_request")
async def submit_request(world: Requests, who: Who | None) -> Call:
    return Call("POST", "/requests", asked())


@cases.on("resubmit_request")
async def resubmit_request(world: Requests, who: Who | None) -> Call:
    request = await world.house.submit()
    await world.house.send_back(request.id, SECRETARY)
    return Call("POST", f"/requests/{request.id}/resubmit", asked())


@cases.on("withdraw_request")
async def withdraw_request(world: Requests, who: Who | None) -> Call:
    return Call("POST", f"/requests/{(await world.house.submit()).id}/withdraw", REASON)


@cases.on("decide_dataset")
async def decide_dataset(world: Requests, who: Who | None) -> Call:
    return Call("POST", f"/requests/{(await world.house.submit()).id}/decisions", approval(INCOME_ID))


@cases.on("revoke_grant")
async def revoke_grant(world: Requests, who: Who | None) -> Call:
    request = await world.house.submit()
    await world.house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID))
    return Call("POST", f"/requests/{request.id}/revocations", {"dataset_id": str(INCOME_ID)} | REASON)


@cases.on("cast_vote")
async def cast_vote(world: Requests, who: Who | None) -> Call:
    return Call("POST", f"/requests/{(await world.house.in_council()).id}/votes", ballot())


@cases.on("return_request while owners decide")
async def return_from_owners(world: Requests, who: Who | None) -> Call:
    return Call("POST", f"/requests/{(await world.house.submit()).id}/return", REASON)


@cases.on("return_request while the council votes")
async def return_from_council(world: Requests, who: Who | None) -> Call:
    return Call("POST", f"/requests/{(await world.house.in_council()).id}/return", REASON)


@pytest.mark.heavy
async def test_every_cell(serve: Callable[..., Awaitable[Any]], headers: Headers) -> None:
    client = await serve("requests", open_each=UNBOUNDED.each, open_identical=UNBOUNDED.identical)
    house = House(client.app.state.db)
    await house.hear(*heard(), live(OutputKind.TABLE))
    world = Requests(client, headers, house, (await house.submit()).id)
    await sealed(world, "requests")
    found = await mismatches(world, rows("requests"), cases, NOT_NOW)
    assert not found, "\n".join(found)
