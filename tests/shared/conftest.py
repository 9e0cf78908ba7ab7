"""A small database of our own, on SQLite and on PostgreSQL, and a service that stands on it."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.db import Database, Due, Row, plumbing
from shared.keys import MacKey


class Base(SQLModel, registry=registry()):
    pass


class Job(Base, Row, Due, table=True):
    name: str = ""


TABLES = plumbing(Base.metadata)
MAC_KEY = MacKey(bytes(range(32)))


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A database with our tables, on SQLite and on PostgreSQL."""
    made = Database(database_url, Base.metadata, TABLES, "catalog", MAC_KEY)
    async with made.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield made
    await made.close()


@pytest.fixture
def job() -> type[Job]:
    return Job
