"""Connections: what a cancelled call leaves behind harms nobody after it."""

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.db import Database
from tests.shared.conftest import TABLES, Base


@pytest.fixture
async def sqlite(tmp_path: Path) -> Database:
    made = Database(f"sqlite+aiosqlite:///{tmp_path}/own.db", Base.metadata, TABLES, "catalog")
    async with made.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    return made


async def test_a_call_cancelled_before_its_transaction_began_leaves_none_behind(sqlite: Database) -> None:
    """BEGIN waits for the driver's thread; it is carried out although nobody waits for it any more."""
    async with sqlite.engine.connect() as connection:
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
    assert driver is not None
    release = threading.Event()
    # The public functions of aiosqlite offer no way to keep its thread busy.
    busy = asyncio.create_task(driver._execute(release.wait))

    async def read() -> int:
        async with sqlite.reading() as session:
            return int((await session.execute(text("SELECT 1"))).scalar_one())

    cancelled = asyncio.create_task(read())
    for _ in range(20):
        await asyncio.sleep(0)
    cancelled.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    release.set()
    await busy
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert await read() == 1
    await sqlite.close()


async def test_when_it_is_closed_no_thread_answers_to_the_event_loop_any_more(sqlite: Database) -> None:
    """A statement whose caller was cancelled runs on in the driver's thread, which would answer to a loop that has ended."""
    busy, release = threading.Event(), threading.Event()

    def wait() -> int:
        busy.set()
        release.wait()
        return 1

    async def read() -> None:
        async with sqlite.reading() as session:
            raw = await (await session.connection()).get_raw_connection()
            assert raw.driver_connection is not None
            await raw.driver_connection.create_function("wait_for_release", 0, wait)
            await session.execute(text("SELECT wait_for_release()"))

    cancelled = asyncio.create_task(read())
    await asyncio.to_thread(busy.wait)
    cancelled.cancel()
    asyncio.get_running_loop().call_later(0.1, release.set)  # while it is being closed
    await sqlite.close()
    alive = [thread.name for thread in threading.enumerate() if "_connection_worker_thread" in thread.name]
    release.set()
    assert alive == []
    with pytest.raises(asyncio.CancelledError):
        await cancelled
