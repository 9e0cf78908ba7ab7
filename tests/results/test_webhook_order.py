"""A receiver never hears of a result what is no longer so: what a later event has overtaken is not sent."""

import asyncio
from typing import Any

import pytest
from sqlmodel import update

from services.results.models import Result, Subscription
from services.results.vault import new_key
from services.results.webhooks import deliver
from shared.contracts import Envelope
from tests.results.conftest import House
from tests.results.receivers import Receiver, listening
from tests.results.test_webhooks import HELD, RELEASED, deliveries, logged, make_due, nothing_waits, release, subscribe
from tests.waiting import PATIENCE

RECALLED = "results.result-recalled.v1"


async def recall(house: House, result: Result) -> None:
    reason = {"reason": "A wrong unit was found."}
    caller = house.headers("council-secretary", "mois")
    answer = await house.client.post(f"/results/{result.id}/recall", json=reason, headers=caller)
    assert answer.status_code == 200, answer.text


def told(receiver: Receiver) -> list[str]:
    return [Envelope.parse(body).type for _, body in receiver.requests]


async def redeliver(house: House, created: dict[str, Any], delivery: dict[str, Any]) -> int:
    path = f"/results/subscriptions/{created['id']}/deliveries/{delivery['id']}/redeliver"
    status: int = (await house.client.post(path, headers=house.headers("steward", "nts"))).status_code
    return status


async def test_what_was_overtaken_is_not_sent_again(database_url: str, serve: Any, headers: Any, say: Any) -> None:
    settings = {"webhook_private": True, "idle_seconds": 0.1}
    house = House(await serve("results", database_url=database_url, secret_keys=[new_key()], **settings), headers, say)
    async with listening(Receiver(answers=[500, 204])) as receiver:
        created = await subscribe(house, receiver.url, RELEASED, RECALLED)
        result = await release(house)
        await logged(house, created, "http-status")
        await recall(house, result)
        await receiver.heard(2)
        await make_due(house)
        await nothing_waits(house)
        assert told(receiver) == [RELEASED, RECALLED]
        recalled, released = await deliveries(house, created)
        assert (recalled["state"], released["state"]) == ("delivered", "overtaken")
        assert (released["last_error"], released["next_attempt_at"], released["actions"]) == ("overtaken", None, [])
        assert [attempt["outcome"] for attempt in released["attempts"]] == ["http-status"]
        assert await redeliver(house, created, released) == 409
        assert await redeliver(house, created, recalled) == 202
        await receiver.heard(3)
        assert told(receiver)[-1] == RECALLED


@pytest.mark.parametrize(("answer", "state"), [(500, "overtaken"), (204, "delivered")])
async def test_a_later_event_waits_for_the_one_that_is_being_sent(house: House, answer: int, state: str) -> None:
    go = asyncio.Event()
    house.client.app.state.settings.webhook_seconds = PATIENCE
    async with listening(Receiver(answers=[answer, 204], go=go)) as receiver:
        created = await subscribe(house, receiver.url, RELEASED, RECALLED)
        result = await release(house)
        await receiver.heard(1)
        await recall(house, result)
        await deliver(house.client.app.state.context)
        assert told(receiver) == [RELEASED], "the second could have arrived first"
        go.set()
        await receiver.heard(2)
        await nothing_waits(house)
        assert told(receiver) == [RELEASED, RECALLED]
        assert [each["state"] for each in await deliveries(house, created)] == ["delivered", state]


async def test_what_was_delivered_before_a_recall_is_not_sent_by_hand_after_it(house: House) -> None:
    async with listening(Receiver()) as receiver:
        created = await subscribe(house, receiver.url, RELEASED, RECALLED)
        result = await release(house)
        released = await logged(house, created, "delivered")
        assert released["actions"] == ["redeliver"]
        await recall(house, result)
        await receiver.heard(2)
        await nothing_waits(house)
        assert await redeliver(house, created, released) == 409


async def test_other_results_and_other_subscriptions_are_not_overtaken(house: House) -> None:
    async with listening(Receiver(answers=[503])) as one, listening(Receiver(answers=[503])) as two:
        both = await subscribe(house, one.url, RELEASED, RECALLED)
        released = await subscribe(house, two.url, RELEASED)
        result, _ = await release(house), await release(house)
        await one.heard(2)
        await two.heard(2)
        await recall(house, result)
        await one.heard(3)
        await house.client.settle()
        assert [each["state"] for each in await deliveries(house, both)] == ["waiting", "waiting", "overtaken"]
        assert [each["state"] for each in await deliveries(house, released)] == ["waiting", "waiting"]


async def test_a_held_result_that_was_released_is_told_as_released(house: House) -> None:
    async with listening(Receiver(answers=[503, 204])) as receiver:
        created = await subscribe(house, receiver.url, HELD, RELEASED, ministry="mohw")
        await release(house)
        await receiver.heard(2)
        await make_due(house)
        await nothing_waits(house)
        assert told(receiver) == [HELD, RELEASED]
        assert [each["state"] for each in await deliveries(house, created, "mohw")] == ["delivered", "overtaken"]


async def test_a_call_that_ended_with_its_process_holds_nothing_up(house: House) -> None:
    async with listening(Receiver(go=asyncio.Event())) as deaf, listening(Receiver()) as receiver:
        created = await subscribe(house, deaf.url, RELEASED, RECALLED)
        result = await release(house)
        await deaf.heard(1)
        await house.client.app.state.context.state["courier"].land()  # as a kill: nothing is recorded
        await recall(house, result)
        await call_at(house, created, receiver.url)
        await make_due(house)
        await receiver.heard(1)
        await nothing_waits(house)
        assert told(receiver) == [RECALLED]
        assert [each["state"] for each in await deliveries(house, created)] == ["delivered", "overtaken"]


async def call_at(house: House, created: dict[str, Any], url: str) -> None:
    """Its receiver answers elsewhere from now on."""
    async with house.client.app.state.db.transaction() as session:
        await session.exec(update(Subscription).values(url=url))
