"""The same life of a dataset on SQLite and on PostgreSQL, from an empty database that the migrations have filled."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import services.catalog
from shared import migrate
from shared.contracts import Envelope

MIGRATIONS = Path(services.catalog.__file__).parent / "migrations"


async def test_the_migrations_give_what_the_models_say(database_url: str) -> None:
    await asyncio.to_thread(migrate.upgrade, MIGRATIONS, database_url)
    await asyncio.to_thread(migrate.check, MIGRATIONS, database_url)


async def test_the_life_of_a_dataset(database_url: str, open_desk: Callable[..., Awaitable[Any]], heard: list[Envelope]) -> None:
    desk = await open_desk(database_url=database_url)
    dataset = await desk.published()
    path = f"/catalog/datasets/{dataset['id']}"
    etag = (await desk.get(path)).headers["etag"]
    changed = await desk.client.patch(path, json={"keywords": ["근로", "50%"]}, headers=desk.as_() | {"If-Match": etag})
    assert changed.json()["keywords"] == ["근로", "50%"]
    purpose = desk.example["allowed_purposes"][0]
    for query in ({"q": "근로 50% WAGES"}, {"purpose": purpose}, {"sensitivity": "identifiable"}, {"state": "published"}):
        assert [item["id"] for item in (await desk.get("/catalog/datasets", **query)).json()["items"]] == [dataset["id"]]
    assert (await desk.get("/catalog/datasets", q="50_")).json()["items"] == []
    await desk.put(dataset["id"], b"person_no,wages\nP1,x\n")
    assert (await desk.checked(dataset["id"], 2))["errors"][0]["line"] == 2
    files = await asyncio.gather(*(desk.put(dataset["id"], b"person_no,wages\nP1,%d\n" % number) for number in range(5)))
    assert sorted(response.json()["version"] for response in files) == [3, 4, 5, 6, 7]
    assert (await desk.checked(dataset["id"], 7))["state"] == "passed"
    assert (await desk.withdraw(dataset["id"])).status_code == 200
    await desk.client.settle()
    types = [envelope.type.split(".")[1] for envelope in heard if envelope.subject == f"dataset/{dataset['id']}"]
    assert types[:2] == ["dataset-published", "dataset-published"]
    assert types[-2:] == ["dataset-published", "dataset-withdrawn"]
    sequences = [envelope.sequence for envelope in heard if envelope.subject == f"dataset/{dataset['id']}"]
    assert sequences == list(range(1, len(sequences) + 1))


async def test_who_makes_what_another_makes_at_once_is_asked_to_come_again(
    database_url: str, open_desk: Callable[..., Awaitable[Any]], heard: list[Envelope]
) -> None:
    desk = await open_desk(database_url=database_url)
    await desk.client.settle()
    before = len(heard)
    body = {"code": "molg", "name": {"ko": "법제처", "en": "Legislation"}, "kind": "ministry"}
    caller = desk.as_("council-secretary", "mois")
    answers = await asyncio.gather(*(desk.client.post("/catalog/ministries", json=body, headers=caller) for _ in range(8)))
    made, *others = sorted(answers, key=lambda answer: answer.status_code)
    assert made.status_code == 201
    assert {answer.status_code for answer in others} <= {409, 503}
    assert all(int(answer.headers["retry-after"]) for answer in others if answer.status_code == 503)
    assert (await desk.client.post("/catalog/ministries", json=body, headers=caller)).status_code == 409
    codes = [item["code"] for item in (await desk.get("/catalog/ministries", limit=200)).json()["items"]]
    assert codes.count("molg") == 1
    await desk.client.settle()
    assert len(heard) == before + 1
