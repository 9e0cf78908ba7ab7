"""Events that arrive: stored by the inbox, against the same rows written by the driver alone."""

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.engine import make_url

from shared.bus import Incoming
from shared.clock import now
from shared.db import Database
from shared.inbox import receive
from tests.bench.figures import Bench, Figure, at_least, compared
from tests.bench.machine import plain
from tests.bench.scene import TABLES, bare_sqlite, envelopes, scene

BATCH = 50  # what arrives over RabbitMQ is stored in batches of this size
COLUMNS = [column.name for column in TABLES.inbox.columns]
Rows = Sequence[Sequence[Any]]
Write = Callable[[Rows], Awaitable[None]]


def arrivals(count: int) -> list[Incoming]:
    return [Incoming(each.model_dump_json(exclude_none=True).encode(), "requests") for each in envelopes(count)]


def batches(many: Sequence[Any]) -> list[Sequence[Any]]:
    return [many[start : start + BATCH] for start in range(0, len(many), BATCH)]


async def measure_inbox(bench: Bench, kind: str) -> Figure:
    async with scene(kind, bench.folder, bench.postgres) as ours, scene(kind, bench.folder, bench.postgres) as bare:
        if kind == "SQLite":
            async with bare_sqlite(Path(make_url(bare.url).database or "")) as connection:
                marks = ", ".join("?" for _ in COLUMNS)
                statement = f"INSERT INTO inbox ({', '.join(COLUMNS)}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING"

                async def write(rows: Rows) -> None:
                    await connection.execute("BEGIN IMMEDIATE")
                    await connection.executemany(statement, rows)
                    await connection.execute("COMMIT")

                return await measure_against(bench, kind, ours, write)
        driver = await asyncpg.connect(plain(bare.url))
        marks = ", ".join(f"${at}" for at, _ in enumerate(COLUMNS, start=1))
        inserting = f"INSERT INTO inbox ({', '.join(COLUMNS)}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING"

        async def write_many(rows: Rows) -> None:
            await driver.executemany(inserting, rows)  # one transaction by itself

        try:
            return await measure_against(bench, kind, ours, write_many)
        finally:
            await driver.close()


async def measure_against(bench: Bench, kind: str, db: Database, write: Write) -> Figure:
    count, make = bench.size.events, row_for_sqlite if kind == "SQLite" else row_for_postgresql

    async def ours() -> float:
        waiting = batches(arrivals(count))
        began = time.perf_counter()
        for batch in waiting:
            await receive(db, batch)
        return count / (time.perf_counter() - began)

    async def reference() -> float:
        waiting = batches(arrivals(count))
        began = time.perf_counter()
        for batch in waiting:
            await write([make(each.body) for each in batch])
        return count / (time.perf_counter() - began)

    pair = await compared(bench, f"inbox on {kind}", ours, reference, rounds=bench.size.short_rounds)
    stored, written = pair.medians
    measured = f"{stored:,.0f} events/s; the driver alone, from the same bytes, {written:,.0f}/s; {BATCH} to a transaction"
    return Figure(f"inbox first, {kind}", measured, tuple(pair.ratios), at_least(0.5))


def row_for_postgresql(body: bytes) -> tuple[Any, ...]:
    """The row of an event, made without a look at whether it is one."""
    told, at = json.loads(body), now()
    row = {"id": UUID(told["id"]), "source": told["source"], "type": told["type"], "subject": told["subject"]}
    row |= {"body": body.decode(), "received_at": at, "due_at": at, "state": "new", "fence": 0, "attempts": 0}
    return tuple(row.get(name) for name in COLUMNS)


def row_for_sqlite(body: bytes) -> tuple[Any, ...]:
    """As SQLite keeps it: UUIDs and times are text."""
    told, at = json.loads(body), now().strftime("%Y-%m-%d %H:%M:%S.%f")
    row = {"id": UUID(told["id"]).hex, "source": told["source"], "type": told["type"], "subject": told["subject"]}
    row |= {"body": body.decode(), "received_at": at, "due_at": at, "state": "new", "fence": 0, "attempts": 0}
    return tuple(row.get(name) for name in COLUMNS)
