"""The queue of runs: a claim when ten thousand wait, how soon a cancel reaches a method, and the storm."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from sqlalchemy import insert, text

from services.analysis import actions
from services.analysis.app import MIGRATIONS
from services.analysis.models import PLUMBING, Base, Method, MethodState, Priority, Run, RunStatus
from shared.auth import Principal, Role
from shared.clock import now
from shared.contracts import MethodRef
from shared.db import Database
from shared.migrate import upgrade
from tests.bench.figures import QUICK, Bench, Figure, at_most, compared, milliseconds
from tests.bench.linking import DIGEST, approved, card
from tests.bench.machine import plain
from tests.bench.scene import own_name
from tests.faults.broker import Broker
from tests.faults.centre import Centre, process_of
from tests.faults.storming import SHORT, STRIKES, check_each_done_once, storm
from tests.processes import gone

WAITING, FEW, MINISTRIES, CLAIMS = 10_000, 40, 40, 20
WORKER = Principal("bench", "kostat", frozenset({Role.WORKER}))
TERMS = actions.ClaimTerms(timedelta(seconds=60), 3, quota=100)
REACHED = 2.0  # seconds within which a cancel has to have reached the method


class Undone(Exception):
    """So that a claim leaves the queue as it was."""


@asynccontextmanager
async def database(bench: Bench, kind: str) -> AsyncIterator[Database]:
    name = own_name()
    if kind == "SQLite":
        url = f"sqlite+aiosqlite:///{bench.folder}/{name}.db"
    else:
        assert bench.postgres is not None
        admin = await asyncpg.connect(plain(bench.postgres))
        await admin.execute(f'CREATE DATABASE "{name}"')
        url = f"{bench.postgres.rsplit('/', 1)[0]}/{name}"
    await asyncio.to_thread(upgrade, MIGRATIONS, url)
    db = Database(url, Base.metadata, PLUMBING, "analysis")
    try:
        yield db
    finally:
        await db.close()
        if kind != "SQLite":
            await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            await admin.close()


async def furnish(db: Database, count: int) -> None:
    """A live method, and so many prepared runs of forty ministries and all priorities."""
    method = Method(
        name="linked", release="1.0.0", digest=DIGEST, card=card().model_dump(mode="json"), state=MethodState.LIVE,
        announced_by=WORKER.subject, announced_ministry=WORKER.ministry,
    )  # fmt: skip
    sample = Run(
        request_id=uuid4(), ministry="", method_name="linked", method_release="1.0.0", method_digest=DIGEST,
        approved=approved(()).model_dump(mode="json"), status=RunStatus.PREPARED,
    ).model_dump()  # fmt: skip
    priorities = list(Priority)
    rows: list[dict[str, Any]] = [
        sample
        | {"id": uuid4(), "request_id": uuid4(), "ministry": f"m{n % MINISTRIES}", "priority": priorities[n % 3]}
        | {"created_at": now() - timedelta(seconds=n % 3000)}
        for n in range(count)
    ]
    async with db.transaction() as session:
        session.add(method)
        await session.execute(insert(Run), rows)
    async with db.engine.connect() as connection:
        await connection.execute(text("ANALYZE"))
        await connection.commit()


async def claims(db: Database) -> float:
    offer = actions.Offer(uuid4(), (MethodRef(name="linked", version="1.0.0", digest=DIGEST),))
    began = time.perf_counter()
    for _ in range(CLAIMS):
        try:
            async with db.transaction(caller=WORKER) as session:
                if await actions.claim_run(session, WORKER, offer, TERMS) is None:
                    raise RuntimeError("nothing was claimed")
                raise Undone
        except Undone:
            pass
    return (time.perf_counter() - began) / CLAIMS


async def measure_claims(bench: Bench, kind: str) -> Figure:
    """A claim from a long queue beside one from a queue of one run for each ministry: it must not matter."""
    async with database(bench, kind) as long, database(bench, kind) as short:
        bench.console.doing(f"{WAITING} runs are being queued")
        await furnish(long, WAITING)
        await furnish(short, FEW)
        pair = await compared(bench, "claims", lambda: claims(long), lambda: claims(short), rounds=bench.size.short_rounds)
    ours, few = pair.medians
    measured = f"{milliseconds(ours)} when {WAITING:,} wait; {milliseconds(few)} when {FEW} do"
    return Figure(f"a claim from a long queue to one from a short one, {kind}", measured, tuple(pair.ratios), at_most(2))


@asynccontextmanager
async def centre(folder: Path, more: dict[str, Any], count: int) -> AsyncIterator[Centre]:
    centre = Centre(folder, f"sqlite+aiosqlite:///{folder}.db", Broker(), more, count)
    try:
        await centre.start()
        yield centre
    finally:
        await centre.stop()


async def measure_cancel(bench: Bench) -> list[Figure]:
    """From the moment that somebody cancels until no process of the method is left, through a real worker."""
    took = []
    async with centre(bench.folder / uuid4().hex, {}, 1) as running:
        for number in range(bench.size.rounds):
            bench.console.doing(f"cancel, round {number + 1} of {bench.size.rounds}")
            took.append(await cancelled(running))
    measured = f"{', '.join(milliseconds(each) for each in sorted(took))} until the method's process was gone"
    return [Figure(f"cancel to {REACHED:g} s", measured, tuple(each / REACHED for each in took), at_most(1))]


async def cancelled(running: Centre) -> float:
    await running.approve(await running.approvals(1, sleep=600))
    async with asyncio.timeout(120):
        while not (runs := await running.runs()) or (run := runs[-1]).ended or not run.message.startswith("pid "):
            await asyncio.sleep(0.05)
    pid = process_of(run)
    began = time.perf_counter()
    await running.call("POST", f"/analysis/runs/{run.id}/cancel", "centre-analyst", json={"reason": "The bench."})
    async with asyncio.timeout(60):
        while not gone(pid):
            await asyncio.sleep(0.005)
    return time.perf_counter() - began


@contextmanager
def unsaid(*loggers: str) -> Iterator[None]:
    """What is broken on purpose is not told between the figures."""
    before = {name: logging.getLogger(name).level for name in loggers}
    for name in before:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


async def measure_storm(bench: Bench) -> list[Figure]:
    """A thousand runs over four workers; an error if one was lost or done twice."""
    count = 100 if bench.size is QUICK else 1000
    async with centre(bench.folder / uuid4().hex, SHORT, 4) as running:
        bench.console.doing(f"{count} runs, {len(STRIKES)} strikes")
        began = time.perf_counter()
        with unsaid("aio_pika", "aiormq", "shared.rabbit"):
            await storm(running, count)
        took = time.perf_counter() - began
        await check_each_done_once(running, count)
    measured = f"{count:,} runs over 4 workers in {took:.0f} s with {len(STRIKES)} kill -9: each done once, none lost"
    return [Figure("runs in a storm of workers, service and broker killed", measured)]
