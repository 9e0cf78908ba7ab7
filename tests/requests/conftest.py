"""A house that knows its members, datasets and method, on a SQLite file of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.requests.app import MIGRATIONS
from services.requests.models import PLUMBING, Base
from shared.db import Database
from tests.databases import migrated
from tests.requests.examples import world
from tests.requests.house import House


@pytest.fixture
async def migrated_house(database_url: str) -> AsyncIterator[House]:
    """A house on a database that the migrations made."""
    await migrated(MIGRATIONS, database_url)
    db = Database(database_url, Base.metadata, PLUMBING, "requests")
    house = House(db)
    await house.hear(*world())
    yield house
    await db.close()


@pytest.fixture
async def empty_house(tmp_path: Path) -> AsyncIterator[House]:
    db = Database(f"sqlite+aiosqlite:///{tmp_path}/house.db", Base.metadata, PLUMBING, "requests")
    async with db.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield House(db)
    await db.close()


@pytest.fixture
async def house(empty_house: House) -> House:
    await empty_house.hear(*world())
    return empty_house
