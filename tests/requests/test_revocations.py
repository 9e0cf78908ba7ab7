"""An owner takes its approval back: at every stop before the release, by a steward of that owner alone."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from services.requests.models import Status
from shared.auth import Principal
from shared.contracts import Event, GrantRevoked, Outcome, ResultHeld, ResultReleased, RunQueued, RunStarted
from shared.errors import Conflict, Forbidden, NotFound, PreconditionFailed, Unprocessable
from shared.ids import new_id
from tests.requests.examples import (
    HOUSEHOLD_ID,
    HOUSEHOLD_STEWARD,
    INCOME_ID,
    INCOME_STEWARD,
    OTHER_ID,
    SECRETARY,
    approval,
    asked,
    ballot,
    caller,
    member,
    refusal,
    world,
)
from tests.requests.house import House
from tests.requests.test_consumers import MEMBERS, RESULT, RUN, finished

Headers = Callable[..., dict[str, str]]
STOPS = [Status.OWNER_REVIEW, Status.COUNCIL_REVIEW, Status.APPROVED, Status.IN_ANALYSIS, Status.OUTPUT_REVIEW]


async def at_stop(house: House, stop: Status) -> Any:
    """A request that stands there, its income table approved."""
    if stop is Status.OWNER_REVIEW:
        request = await house.submit()
        return await house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID))
    if stop is Status.COUNCIL_REVIEW:
        return await house.in_council()
    request = await house.approved()
    later: list[Event] = [RunQueued(run_id=RUN, request_id=request.id), RunStarted(run_id=RUN, request_id=request.id, fence=1)]
    if stop is not Status.APPROVED:
        await house.hear(*later)
    if stop is Status.OUTPUT_REVIEW:
        await house.hear(finished(request.id, Outcome.SUCCEEDED), ResultHeld(result_id=RESULT, request_id=request.id))
    found = await house.look(request.id)
    assert found.status is stop
    return found


@pytest.mark.parametrize("stop", STOPS)
async def test_at_every_stop_it_ends_the_request(house: House, stop: Status) -> None:
    request = await at_stop(house, stop)
    revoked = await house.revoke(request.id, INCOME_STEWARD, INCOME_ID, expected=request.version)
    assert (revoked.status, revoked.reason_code, revoked.reason) == (Status.REVOKED, "grant-revoked", "A court order.")
    event = (await house.said())[-1]
    expected = {"request_id": request.id, "dataset_id": INCOME_ID, "ministry": "nts", "reason": "A court order."}
    assert isinstance(event, GrantRevoked)
    assert event.model_dump() == expected
    assert event.withdrawal
    assert (await house.deeds())[-1] == "requests.revoke-grant"
    entry = (await house.history(request.id))[-1]
    assert (entry.deed, entry.from_status, entry.actor) == ("revoke-grant", stop, INCOME_STEWARD.subject)
    assert len(revoked.current_decisions) == len(request.current_decisions)
    assert [one.dataset_id for one in revoked.revocations] == [INCOME_ID]


@pytest.mark.parametrize("stop", STOPS)
async def test_nothing_follows_a_revocation(house: House, stop: Status) -> None:
    request = await at_stop(house, stop)
    await house.revoke(request.id, INCOME_STEWARD, INCOME_ID)
    before = await house.size()
    for deed in (
        house.revoke(request.id, INCOME_STEWARD, INCOME_ID),
        house.revoke(request.id, HOUSEHOLD_STEWARD, HOUSEHOLD_ID),
        house.decide(request.id, HOUSEHOLD_STEWARD, approval(HOUSEHOLD_ID)),
        house.vote(request.id, member("msit")),
        house.resubmit(request.id),
        house.withdraw(request.id),
        house.send_back(request.id, SECRETARY),
    ):
        with pytest.raises(Conflict):
            await deed
    assert await house.size() == before
    again = await house.submit()
    assert again.status is Status.OWNER_REVIEW


@pytest.mark.parametrize(
    ("who", "refused"),
    [
        (HOUSEHOLD_STEWARD, Forbidden),
        (caller("steward", "mohw", "kim"), Forbidden),
        (SECRETARY, Forbidden),
        (member("moe"), Forbidden),
        (caller("requester", "mohw"), Forbidden),
        (caller("steward", "moe"), NotFound),
        (caller("ops", "nts"), NotFound),
    ],
)
async def test_only_a_steward_of_the_owner(house: House, who: Principal, refused: type[Exception]) -> None:
    request = await house.approved()
    before = await house.size()
    with pytest.raises(refused):
        await house.revoke(request.id, who, INCOME_ID)
    assert await house.size() == before


async def test_only_what_was_approved(house: House) -> None:
    request = await house.submit()
    with pytest.raises(Conflict, match="no approval"):
        await house.revoke(request.id, INCOME_STEWARD, INCOME_ID)
    with pytest.raises(Unprocessable):
        await house.revoke(request.id, INCOME_STEWARD, OTHER_ID)
    await house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID))
    with pytest.raises(PreconditionFailed):
        await house.revoke(request.id, INCOME_STEWARD, INCOME_ID, expected=1)
    await house.send_back(request.id, SECRETARY)
    with pytest.raises(Conflict):
        await house.revoke(request.id, INCOME_STEWARD, INCOME_ID)
    await house.resubmit(request.id)
    with pytest.raises(Conflict, match="no approval"):
        await house.revoke(request.id, INCOME_STEWARD, INCOME_ID)
    await house.decide(request.id, INCOME_STEWARD, refusal(INCOME_ID))
    with pytest.raises(Conflict):
        await house.revoke(request.id, INCOME_STEWARD, INCOME_ID)


async def test_what_is_released_is_recalled_instead(house: House) -> None:
    request = await house.approved()
    event = ResultReleased(result_id=new_id(), request_id=request.id, title="t", ministry="mohw", audience=MEMBERS)
    await house.hear(event)
    with pytest.raises(Conflict, match="recall"):
        await house.revoke(request.id, INCOME_STEWARD, INCOME_ID)


async def test_over_http(serve: Callable[..., Awaitable[Any]], say: Callable[[Event], Awaitable[Any]], headers: Headers) -> None:
    client = await serve("requests")
    for event in world():
        await say(event)
    await client.settle()
    made = await client.post("/requests", json=asked(), headers=headers("requester", "mohw", subject="kim"))
    at, nts = f"/requests/{made.json()['id']}", headers("steward", "nts")
    for owner, dataset in (("molit", HOUSEHOLD_ID), ("nts", INCOME_ID)):
        assert "revocations" not in (await client.get(at, headers=headers("steward", owner))).json()["actions"]
        assert (
            await client.post(f"{at}/decisions", json=approval(dataset), headers=headers("steward", owner))
        ).status_code == 201
    shown = await client.get(at, headers=nts)
    assert shown.json()["actions"] == ["revocations"]
    body = {"dataset_id": str(INCOME_ID), "reason": "A court order."}

    async def revoke(given: object, who: dict[str, str], **more: str) -> httpx.Response:
        answer: httpx.Response = await client.post(f"{at}/revocations", json=given, headers=who | more)
        return answer

    assert (await revoke(body, headers("steward", "molit"))).json()["right"] == "steward of nts"
    assert (await revoke(body | {"reason": " "}, nts)).json()["errors"][0]["pointer"] == "#/reason"
    assert (await revoke({"reason": "Because."}, nts)).json()["errors"][0]["pointer"] == "#/dataset_id"
    assert (await revoke(body, nts, **{"If-Match": '"1"'})).status_code == 412
    done = await revoke(body, nts, **{"If-Match": shown.headers["etag"]})
    assert (done.status_code, done.json()["status"], done.json()["actions"]) == (201, "revoked", [])
    assert [one["revoked_by"] for one in done.json()["revocations"]] == ["steward.nts"]
    assert done.json()["waiting"] is None
    assert (await revoke(body, nts)).status_code == 409
    assert (await client.post(f"{at}/votes", json=ballot(), headers=headers("council-member", "moe"))).status_code == 409
    refused = await client.get("/requests/audit?outcome=refused", headers=headers("auditor", "bai"))
    assert {row["action"] for row in refused.json()["items"]} >= {"requests.revoke-grant"}
