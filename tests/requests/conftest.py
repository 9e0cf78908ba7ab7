"""A house that knows its members, datasets and method, on a SQLite file of its own."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from services.requests.app import MIGRATIONS
from services.requests.models import PLUMBING, Base
from shared.db import Database
from shared.migrate import upgrade
from tests.requests.examples import world
from tests.requests.house import House

POSTGRES = os.environ.get("DURE_TEST_POSTGRES", "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """An empty database of this test's own, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/own.db"
        return
    name = f"dure_test_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(POSTGRES.replace("+asyncpg", ""))
    await admin.execute(f'CREATE DATABASE "{name}"')
    yield f"{POSTGRES.rsplit('/', 1)[0]}/{name}"
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


@pytest.fixture
async def migrated_house(url: str) -> AsyncIterator[House]:
    """A house on a database that the migrations made."""
    await asyncio.to_thread(upgrade, MIGRATIONS, url)
    db = Database(url, Base.metadata, PLUMBING, "requests")
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
