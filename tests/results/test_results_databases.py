"""The same on SQLite and on PostgreSQL: migrations from empty, and the whole way of a result."""

import asyncio
from typing import Any

from services.results.actions.subscriptions import MOST
from services.results.app import MIGRATIONS
from services.results.consumers import consumers
from services.results.models import Status
from services.results.vault import new_key
from shared import migrate
from shared.contracts import Alarm, Audience, AudienceKind, Event, LocalText, MethodLive, MinistryJoined, OutputKind, RunFinished
from tests.conftest import MEMBERS
from tests.results.build import METHOD, artefact, card, finished, table
from tests.results.conftest import House
from tests.results.receivers import Receiver, listening


async def test_from_empty_the_migrations_build_what_the_models_say(database_url: str) -> None:
    await asyncio.to_thread(migrate.upgrade, MIGRATIONS, database_url)
    await asyncio.to_thread(migrate.check, MIGRATIONS, database_url)


async def test_a_result_goes_its_whole_way(database_url: str, serve: Any, headers: Any, say: Any) -> None:
    members, settings = (*MEMBERS, "m_1", "mx1"), {"webhook_private": True, "idle_seconds": 0.1}
    client = await serve("results", database_url=database_url, secret_keys=[new_key()], members=members, **settings)
    house = House(client, headers, say)
    async with listening(Receiver()) as receiver:
        body = {"url": receiver.url, "events": ["results.result-released.v1", "results.result-recalled.v1"]}
        await client.post("/results/subscriptions", json=body, headers=headers("steward", "nts"))
        made = (await artefact(house.storage, OutputKind.TABLE, "by_region", table()),)
        audience = Audience(kind=AudienceKind.MINISTRIES, ministries=("nts", "m_1"))
        result = await house.held(made, audience=audience, title="복지 사각지대 Blind Spots")
        votes = await asyncio.gather(*(house.vote(result.id, who) for who in ("kim", "lee", "park")))
        assert sorted(vote.status_code for vote in votes) == [201, 201, 409]
        assert (await house.result()).status is Status.RELEASED
        for ministry, count in (("nts", 1), ("m_1", 1), ("mx1", 0), ("mohw", 1)):
            found = await house.get("/results", "steward", ministry, params={"q": "blind 복지", "status": "released"})
            assert len(found.json()["items"]) == count, ministry
        reason = {"reason": "A wrong unit was found."}
        await client.post(f"/results/{result.id}/recall", json=reason, headers=headers("output-checker", "mois"))
        await receiver.heard(2)
        assert (await house.get(f"/results/{result.id}", "steward", "nts")).status_code == 410


async def test_an_alarm_is_answered_once_and_its_result_released(database_url: str, serve: Any, headers: Any, say: Any) -> None:
    client = await serve("results", database_url=database_url, secret_keys=[new_key()], idle_seconds=0.1)
    house = House(client, headers, say)
    made = (await artefact(house.storage, OutputKind.TABLE, "by_region", table()),)
    alarm = Alarm(code="model-too-good", detail="거의 완벽합니다.")
    await house.finish(finished(made, alarms=(alarm,)))
    await house.finish(finished(made))
    await house.until(Status.HELD)
    (result,) = [each for each in await house.results() if each.alarms]
    await house.until(Status.HELD, id=result.id)
    seen = (await house.get("/results", "centre-analyst", "mois")).json()["items"]
    assert [item["id"] for item in seen] == [str(result.id)]
    assert (await house.vote(result.id, "kim")).status_code == 409
    path, body = f"/results/{result.id}/alarms/1/answers", {"verdict": "explained", "reason": "설명할 수 있는 결과입니다."}
    posts = (client.post(path, json=body, headers=headers("centre-analyst", "mois", subject=f"a{at}")) for at in range(3))
    assert sorted(answer.status_code for answer in await asyncio.gather(*posts)) == [201, 409, 409]
    for who in ("kim", "lee"):
        assert (await house.vote(result.id, who)).status_code == 201
    assert (await house.result(id=result.id)).status is Status.RELEASED


async def test_names_that_were_told_stand_in_the_report(house: House) -> None:
    await house.say(MinistryJoined(code="mohw", name=LocalText(ko="보건복지부", en="Health and Welfare")), sequence=2)
    await house.say(MinistryJoined(code="mohw", name=LocalText(ko="옛 이름", en="An older name")), sequence=1)
    await house.say(MethodLive(method=METHOD, card=card()))
    result = await house.released((await artefact(house.storage, OutputKind.TABLE, "by_region", table()),))
    page = (await house.get(f"/results/{result.id}/report", "steward", "nts")).text
    assert "보건복지부" in page
    assert "옛 이름" not in page
    assert "사각지대 찾기" in page
    assert "Nobody is poor because of a score &amp; nothing else." in page


def test_every_withdrawal_is_listened_to() -> None:
    withdrawals = {name for name, event in Event.types.items() if event.withdrawal}
    assert withdrawals
    assert withdrawals | {RunFinished.type} <= set(consumers)


async def test_a_ministry_has_no_more_subscriptions_than_it_may_however_many_ask_at_once(
    database_url: str, serve: Any, headers: Any
) -> None:
    client = await serve("results", database_url=database_url, secret_keys=[new_key()], webhook_private=True)
    body = {"url": "http://127.0.0.1:9/hook", "events": ["results.result-released.v1"]}

    async def ask() -> int:
        answer = await client.post("/results/subscriptions", json=body, headers=headers("steward", "nts"))
        return int(answer.status_code)

    assert [await ask() for _ in range(MOST - 2)] == [201] * (MOST - 2)
    assert sorted(await asyncio.gather(*(ask() for _ in range(8)))) == [201] * 2 + [409] * 6
