"""The same life of a dataset on SQLite and on PostgreSQL, from an empty database that the migrations have filled."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

import services.catalog
from shared import migrate
from shared.contracts import Envelope

POSTGRES = os.environ.get("DURE_TEST_POSTGRES", "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres")
MIGRATIONS = Path(services.catalog.__file__).parent / "migrations"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """An empty database; the PostgreSQL one has a name of its own and is dropped."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/empty.db"
        return
    name = f"dure_test_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(POSTGRES.replace("+asyncpg", ""))
    await admin.execute(f'CREATE DATABASE "{name}"')
    yield f"{POSTGRES.rsplit('/', 1)[0]}/{name}"
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


async def test_the_migrations_give_what_the_models_say(url: str) -> None:
    await asyncio.to_thread(migrate.upgrade, MIGRATIONS, url)
    await asyncio.to_thread(migrate.check, MIGRATIONS, url)


async def test_the_life_of_a_dataset(url: str, open_desk: Callable[..., Awaitable[Any]], heard: list[Envelope]) -> None:
    desk = await open_desk(database_url=url)
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
