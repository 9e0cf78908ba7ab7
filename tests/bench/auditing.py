"""The audit: verifying and sealing a chain, against what any verifier has to do: fetch each row and hash it."""

import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import insert
from sqlalchemy.engine import make_url

from shared.audit import audit_row
from shared.audit_rows import FIELDS
from shared.audit_seal import Sealer
from shared.audit_verify import verify
from shared.db import Database
from shared.keys import MacKey, SigningKey
from tests.bench.figures import Bench, Figure, at_least, compared
from tests.bench.machine import plain
from tests.bench.scene import bare_sqlite, scene

ROWS = 50_000
PAGE = 2000
MAC_KEY = MacKey(bytes(32))
COLUMNS = ", ".join(f"audit.{name}" for name in FIELDS)
QUERY = f"SELECT position, hash, {COLUMNS} FROM audit_seal JOIN audit ON audit.id = audit_id ORDER BY position"  # noqa: S608
Fetch = Callable[[int, int], Awaitable[list[Any]]]


async def fill(db: Database) -> None:
    """Rows as `record_audit` writes them, many at once."""
    detail, rows = {"reason": "협력", "verdict": "approve"}, []
    for number in range(ROWS):
        row = audit_row("/requests", "requests.decide-dataset", f"request/{number}", "done", detail)
        rows.append(db.writer.stamp(row))
        db.writer.end([rows[-1]["number"]], committed=True)
    async with db.transaction() as session:
        await session.execute(insert(db.tables.audit), rows)


async def measure_verify(bench: Bench, kind: str) -> list[Figure]:
    """A chain of 50,000 rows: sealed once, verified with the public key alone, and with the key of the MACs."""
    async with scene(kind, bench.folder, bench.postgres) as db:
        db.writer.key = MAC_KEY
        key = SigningKey.ensure(bench.folder / "audit.pem")
        bench.console.doing(f"writing {ROWS:,} audit rows on {kind}")
        await fill(db)
        sealer, began = Sealer(db, key), time.perf_counter()
        while await sealer.turn():
            pass
        sealed = ROWS / (time.perf_counter() - began)
        if kind == "SQLite":
            async with bare_sqlite(Path(make_url(db.url).database or "")) as connection:

                async def page(start: int, end: int) -> list[Any]:
                    query = QUERY.replace("ORDER", f"WHERE position > {start} AND position <= {end} ORDER")
                    return list(await connection.execute_fetchall(query))

                figure = await against(bench, kind, db, key, page, sealed)
        else:
            driver = await asyncpg.connect(plain(db.url))
            try:

                async def fetched(start: int, end: int) -> list[Any]:
                    query = QUERY.replace("ORDER", f"WHERE position > {start} AND position <= {end} ORDER")
                    return [tuple(row) for row in await driver.fetch(query)]

                figure = await against(bench, kind, db, key, fetched, sealed)
            finally:
                await driver.close()
    return [figure]


async def against(bench: Bench, kind: str, db: Database, key: SigningKey, fetch: Fetch, sealed: float) -> Figure:
    async def ours() -> float:
        began = time.perf_counter()
        report = await verify(db, key.verify_key)
        if report.broken or report.findings or report.sealed != ROWS:
            raise RuntimeError(f"the chain does not verify: {report}")
        return ROWS / (time.perf_counter() - began)

    async def reference() -> float:
        began = time.perf_counter()
        for start in range(0, ROWS, PAGE):
            for _, previous, *row in await fetch(start, start + PAGE):
                hashlib.sha256(previous.encode() + json.dumps(row, ensure_ascii=False, default=str).encode()).hexdigest()
        return ROWS / (time.perf_counter() - began)

    pair = await compared(bench, f"audit on {kind}", ours, reference, rounds=bench.size.rounds)
    verified, hashed = pair.medians
    began = time.perf_counter()
    await verify(db, key.verify_key, mac_key=MAC_KEY)
    with_macs = ROWS / (time.perf_counter() - began)
    measured = (
        f"{verified:,.0f} rows/s ({with_macs:,.0f}/s with MACs); fetched and hashed by the driver {hashed:,.0f}/s; "
        f"sealed {sealed:,.0f}/s"
    )
    return Figure(f"audit chain verified, {kind}", measured, tuple(pair.ratios), at_least(0.5))
