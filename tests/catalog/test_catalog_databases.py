"""The same life of a dataset on SQLite and on PostgreSQL, from an empty database that the migrations have filled."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event

import services.catalog
from shared import migrate
from shared.contracts import Envelope
from tests.databases import OWN, administer, postgres_url

PLAIN = {"description": "x", "keywords": [], "allowed_purposes": ["연구"]}
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


async def test_the_search_finds_the_same_on_both_databases(database_url: str, open_desk: Callable[..., Awaitable[Any]]) -> None:
    """Parts of words, two syllables, blanks within Korean compounds, letters beyond the first plane; signs are letters."""
    desk = await open_desk(database_url=database_url)
    table = [{"name": "temp", "type": "number", "role": "measure"}]
    texts = {
        "a": {"title": "가구 소득과 세금", "keywords": ["100%_tax", "소득"]},
        "b": {"title": "Household survey 2026", "keywords": ["\U0001f600\U0001f680 x"]},
        "c": {"title": "공공 데이터", "description": "기상 관측 자료", "allowed_purposes": ["기상 연구", 'a "quoted" one']},
    }
    names = {(await desk.register(**(PLAIN | changes), table=table))["id"]: name for name, changes in texts.items()}
    expected = {
        "소득": "a", "득과": "a", "가구소득": "a", "구소": "a", "공공데이터": "c", "공공 데이터": "c", "기상": "c", "힣힣": "",
        "가득": "", "hold sur": "b", "holdsur": "", "2": "b", "100%_": "a", "0%_t": "a", "%%": "", "temp": "abc",
        "\U0001f600\U0001f680": "b", "\U0001f680\U0001f600": "",
    }  # fmt: skip

    async def found(**query: str) -> str:
        items = (await desk.get("/catalog/datasets", **query)).json()["items"]
        return "".join(sorted(names[item["id"]] for item in items))

    assert {question: await found(q=question) for question in expected} == expected
    assert (await found(purpose="기상 연구"), await found(purpose='a "quoted" one'), await found(purpose="기상")) == (
        "c",
        "c",
        "",
    )


@pytest.mark.postgres
async def test_the_search_reads_an_index(open_desk: Callable[..., Awaitable[Any]]) -> None:
    """The very statements that a search for two syllables and for a purpose makes, where reading all is made dear."""
    name = f"{OWN}{uuid4().hex[:12]}"
    await administer(f'CREATE DATABASE "{name}"')
    try:
        desk = await open_desk(database_url=postgres_url(name))
        made: list[tuple[str, Any]] = []
        engine = desk.client.app.state.db.engine
        event.listen(engine.sync_engine, "before_cursor_execute", lambda _, __, sql, given, *more: made.append((sql, given)))
        for query in ({"q": "소득"}, {"q": "zz"}, {"purpose": "연구"}):
            assert (await desk.get("/catalog/datasets", **query)).status_code == 200
        searches = [(sql, given) for sql, given in made if "letter_pairs" in sql]
        async with engine.connect() as connection:
            await connection.exec_driver_sql("SET enable_seqscan = off")
            await connection.exec_driver_sql("SET enable_indexscan = off")  # else it walks by id, the table being empty
            plans = ["\n".join((await connection.exec_driver_sql(f"EXPLAIN {sql}", given)).scalars()) for sql, given in searches]
        assert ["ix_dataset_letter_pairs_words" in plan for plan in plans] == [True, True, False], plans
        assert "ix_dataset_letter_pairs_purposes" in plans[2]
        await desk.client.app.state.service.stop()
    finally:
        await administer(f'DROP DATABASE "{name}" WITH (FORCE)')
