"""A program that was killed comes back: nothing that it left over is lost, and little of it waits."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import update

from shared.bus import InProcessBus
from shared.clock import now
from shared.contracts import LocalText, MinistryJoined
from shared.db import Database
from shared.due import claim_rows, record_row, release_claims
from shared.outbox import BATCH, emit, relay_batch
from tests.conftest import idle
from tests.waiting import PATIENCE

JOINED = MinistryJoined(code="nts", name=LocalText(ko="국세청", en="National Tax Service"))
LONG = timedelta(hours=1)
Build = Callable[[str], FastAPI]


@pytest.fixture
async def leftover(make_settings: Callable[..., Any], tmp_path: Path) -> Build:
    """The catalog's database with an event that a killed program had written, and a way to build services on one bus."""
    bus = InProcessBus({"catalog", "requests"})

    def build(name: str) -> FastAPI:
        app: FastAPI = importlib.import_module(f"services.{name}.app").build(make_settings(name), bus)
        return app

    before = importlib.import_module("services.catalog.app").build(make_settings("catalog"), InProcessBus())
    async with before.router.lifespan_context(before):
        pass
    async with before.state.db.transaction() as session:
        await emit(session, JOINED)
    await before.state.db.close()
    return build


@pytest.fixture
async def start() -> AsyncIterator[Callable[[FastAPI], Awaitable[None]]]:
    async with AsyncExitStack() as stack:

        async def start(app: FastAPI) -> None:
            await stack.enter_async_context(app.router.lifespan_context(app))

        yield start


async def until_true(look: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await look():
            await asyncio.sleep(0.02)


async def outbox_row(app: FastAPI) -> Any:
    async with app.state.db.reading() as session:
        return (await session.execute(app.state.db.tables.outbox.select())).mappings().one()


async def heard(app: FastAPI) -> int:
    async with app.state.db.reading() as session:
        return len((await session.execute(app.state.db.tables.inbox.select())).all())


async def test_nothing_is_lost_on_a_listener_that_starts_later(
    leftover: Build, start: Callable[[FastAPI], Awaitable[None]]
) -> None:
    catalog, requests = leftover("catalog"), leftover("requests")

    async def looked() -> bool:
        return bool(catalog.state.service.bus_was_down)

    await start(catalog)
    await until_true(looked)
    assert (await outbox_row(catalog))["sent_at"] is None
    await start(requests)
    await until_true(lambda: idle(catalog))
    assert await heard(requests) == 1


async def test_what_a_killed_program_had_claimed_leaves_at_once(
    leftover: Build, start: Callable[[FastAPI], Awaitable[None]]
) -> None:
    catalog, requests = leftover("catalog"), leftover("requests")
    async with catalog.state.db.transaction() as session:
        assert await claim_rows(session, catalog.state.db.tables.outbox, n=BATCH, lease=LONG)
    await start(requests)
    await start(catalog)
    await until_true(lambda: idle(catalog))
    assert await heard(requests) == 1


async def test_what_a_killed_program_had_begun_to_handle_is_handled_at_once(
    leftover: Build, start: Callable[[FastAPI], Awaitable[None]]
) -> None:
    catalog, requests = leftover("catalog"), leftover("requests")
    await start(catalog)
    await start(requests)
    await until_true(lambda: idle(catalog))
    await until_true(lambda: idle(requests))
    assert await heard(requests) == 1
    await requests.state.service.stop()
    table = requests.state.db.tables.inbox
    async with requests.state.db.transaction() as session:
        await session.execute(update(table).values(state="new", due_at=now() + LONG, done_at=None))
    await requests.state.db.close()
    again = leftover("requests")
    await start(again)
    await until_true(lambda: idle(again))


async def test_a_release_gives_up_claims_and_no_back_off(db: Database) -> None:
    async with db.transaction() as session:
        for _ in range(3):
            await emit(session, JOINED)
    table = db.tables.outbox
    async with db.transaction() as session:
        claimed = await claim_rows(session, table, n=3, lease=LONG)
        await record_row(session, table, claimed[0]["id"], claimed[0]["fence"], last_error="TimeoutError", due_at=now() + LONG)
        await record_row(session, table, claimed[1]["id"], claimed[1]["fence"], due_at=None, sent_at=now())
    assert not await relay_batch(db, InProcessBus())
    async with db.transaction() as session:
        await release_claims(session, table)
    assert await relay_batch(db, InProcessBus())
    async with db.reading() as session:
        rows = (await session.execute(table.select().order_by(table.c.id))).mappings().all()
    assert [row["due_at"] is None for row in rows] == [False, True, True]


async def test_who_held_a_claim_that_was_released_records_nothing(db: Database) -> None:
    async with db.transaction() as session:
        await emit(session, JOINED)
    table = db.tables.outbox
    async with db.transaction() as session:
        [held] = await claim_rows(session, table, n=1, lease=LONG)
    async with db.transaction() as session:
        await release_claims(session, table)
        [taken] = await claim_rows(session, table, n=1, lease=LONG)
        assert not await record_row(session, table, held["id"], held["fence"], last_error="TimeoutError")
        assert await record_row(session, table, taken["id"], taken["fence"], due_at=None, sent_at=now())
