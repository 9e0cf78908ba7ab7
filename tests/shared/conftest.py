"""A small database of our own, on SQLite and on PostgreSQL, and a service that stands on it."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.db import Database, Due, Row, plumbing


class Base(SQLModel, registry=registry()):
    pass


class Job(Base, Row, Due, table=True):
    name: str = ""


TABLES = plumbing(Base.metadata)
POSTGRES = os.environ.get("DURE_TEST_POSTGRES", "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres")


async def with_tables(url: str) -> Database:
    db = Database(url, Base.metadata, TABLES, "catalog")
    async with db.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    return db


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """The same test on both databases; the PostgreSQL one has a name of its own and is dropped."""
    if request.param == "sqlite":
        made = await with_tables(f"sqlite+aiosqlite:///{tmp_path}/shared.db")
        yield made
        await made.close()
        return
    name = f"dure_test_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(POSTGRES.replace("+asyncpg", ""))
    await admin.execute(f'CREATE DATABASE "{name}"')
    made = await with_tables(f"{POSTGRES.rsplit('/', 1)[0]}/{name}")
    yield made
    await made.close()
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


@pytest.fixture
def job() -> type[Job]:
    return Job
