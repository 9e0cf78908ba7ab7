"""The embedded suite in this process: what it had said and not sent when it was killed."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy import func, select

from deploy.embedded import build
from shared.contracts import GrantRevoked
from shared.db import Database
from shared.ids import new_id
from shared.outbox import emit


async def arrived(db: Database) -> int:
    inbox = db.tables.inbox
    async with db.reading() as session:
        found = select(func.count()).where(inbox.c.type == GrantRevoked.type, inbox.c.state == "done")
        return int((await session.execute(found)).scalar_one())


async def has_looked(app: FastAPI) -> bool:
    """Whether the relay of the service has taken a turn: it saw that the bus is not complete, or has sent what waits."""
    outbox = app.state.db.tables.outbox
    async with app.state.db.reading() as session:
        waits = (await session.execute(select(func.count()).where(outbox.c.sent_at.is_(None)))).scalar_one()
    return bool(app.state.service.bus_was_down or not waits)


async def say(app: FastAPI) -> None:
    async with app.state.db.transaction() as session:
        given = {"request_id": new_id(), "dataset_id": new_id(), "ministry": "nts", "reason": "A court order."}
        await emit(session, GrantRevoked(**given))


async def test_what_was_not_sent_when_it_was_killed_reaches_everybody_after_a_restart(tmp_path: Path) -> None:
    """However long the others take to start, as a busy machine makes them."""
    killed = build(tmp_path, "http://127.0.0.1:1")["requests"]
    async with killed.router.lifespan_context(killed):
        pass
    await say(killed)
    await killed.state.db.close()
    apps = build(tmp_path, "http://127.0.0.1:1")
    async with AsyncExitStack() as stack, asyncio.timeout(60):
        for name, app in apps.items():
            await stack.enter_async_context(app.router.lifespan_context(app))
            while name == "requests" and not await has_looked(app):
                await asyncio.sleep(0.02)
        for listener in ("analysis", "results"):
            while not await arrived(apps[listener].state.db):
                await asyncio.sleep(0.05)
