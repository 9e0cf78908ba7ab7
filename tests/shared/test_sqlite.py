"""The way to SQLite: as few journeys to the driver's thread as there are statements, and every row."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from shared.db import Database
from shared.sqlite import FIRST_ROWS
from tests.shared.conftest import TABLES, Base

MANY = 3 * FIRST_ROWS + 7
MEMBERS = TABLES.members


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(f"sqlite+aiosqlite:///{tmp_path}/own.db", Base.metadata, TABLES, "catalog")
    async with made.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        rows = [{"code": f"m{number:05d}", "sequence": 1} for number in range(MANY)]
        await connection.execute(insert(MEMBERS), rows)
    yield made
    await made.close()


async def test_a_statement_and_its_rows_take_one_journey(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    """Begin, three statements and commit: BEGIN travels with the first, COMMIT alone."""
    async with db.transaction() as session:  # a connection is open and prepared
        await session.execute(text("SELECT 1"))
    with caplog.at_level(logging.DEBUG, logger="aiosqlite"):
        async with db.transaction() as session:
            assert (await session.execute(select(MEMBERS.c.code).limit(5))).scalars().all()
            await session.execute(update(MEMBERS).where(MEMBERS.c.code == "m00001").values(sequence=2))
            await session.execute(insert(MEMBERS).values(code="new", sequence=1))
    journeys = [record for record in caplog.records if record.msg.startswith("executing")]
    assert len(journeys) == 4


@pytest.mark.parametrize("stop", [0, 1, FIRST_ROWS, MANY])
async def test_a_stream_gives_every_row_once_and_can_be_left(db: Database, stop: int) -> None:
    seen: list[str] = []
    async with db.reading() as session:
        async for code in (await session.stream(select(MEMBERS.c.code).order_by(MEMBERS.c.code))).scalars():
            if len(seen) == stop:
                break
            seen.append(code)
        all_of_them = (await session.execute(select(MEMBERS.c.code).order_by(MEMBERS.c.code))).scalars().all()
    assert seen == list(all_of_them[:stop])
    assert len(all_of_them) == MANY


async def test_what_fails_is_rolled_back_and_the_connection_goes_on(db: Database) -> None:
    with pytest.raises(IntegrityError):
        async with db.transaction() as session:
            await session.execute(insert(MEMBERS).values(code="half", sequence=1))
            await session.execute(insert(MEMBERS).values(code="m00001", sequence=1))
    async with db.transaction():
        pass  # nothing was said: nothing is begun
    async with db.transaction() as session:
        changed = update(MEMBERS).where(MEMBERS.c.code < "m00003").values(sequence=5).returning(MEMBERS.c.code)
        assert sorted((await session.execute(changed)).scalars()) == ["m00000", "m00001", "m00002"]
        assert (await session.execute(select(MEMBERS).where(MEMBERS.c.code == "half"))).first() is None
