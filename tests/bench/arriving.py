"""Events that arrive: stored by the inbox, against the same rows written by the driver alone."""

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]  # it has no types
from sqlalchemy.engine import make_url

from shared.bus import Incoming
from shared.db import Database
from shared.inbox import receive, row_of
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
    count = bench.size.events

    async def ours() -> float:
        waiting = batches(arrivals(count))
        began = time.perf_counter()
        for batch in waiting:
            await receive(db, batch)
        return count / (time.perf_counter() - began)

    async def reference() -> float:
        waiting = batches([as_written(row_of(each), kind) for each in arrivals(count)])
        began = time.perf_counter()
        for batch in waiting:
            await write(batch)
        return count / (time.perf_counter() - began)

    pair = await compared(bench, f"inbox on {kind}", ours, reference, rounds=bench.size.short_rounds)
    stored, written = pair.medians
    measured = f"{stored:,.0f} events/s; the driver alone {written:,.0f} rows/s, both {BATCH} to a transaction"
    return Figure(f"inbox first, {kind}", measured, tuple(pair.ratios), at_least(0.5))


def as_written(row: dict[str, Any], kind: str) -> tuple[Any, ...]:
    """A row of the inbox as the driver takes it."""
    cells = [({"fence": 0, "attempts": 0} | row).get(name) for name in COLUMNS]
    return tuple(cell_in_sqlite(cell) for cell in cells) if kind == "SQLite" else tuple(cells)


def cell_in_sqlite(cell: object) -> object:
    if isinstance(cell, UUID):
        return cell.hex
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M:%S.%f")
    return cell
