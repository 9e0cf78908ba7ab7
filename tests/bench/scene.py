"""Databases and a broker's exchanges of the bench's own, removed afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import aio_pika
import aiosqlite
import asyncpg
from aio_pika.abc import AbstractChannel
from sqlalchemy import MetaData

from shared.clock import now
from shared.contracts import Envelope, RequestWithdrawn
from shared.db import Database, plumbing
from shared.ids import new_id
from shared.topology import Topology
from tests.bench.machine import plain

METADATA = MetaData()
TABLES = plumbing(METADATA)
REASON = "The ministry has found that the question is answered by a report which is already published. " * 4
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON")  # as shared.db sets them


def own_name() -> str:
    return f"durebench_{uuid4().hex[:10]}"


def envelopes(count: int) -> list[Envelope]:
    """Events as a service says them, about 800 bytes each."""
    return [envelope(new_id()) for _ in range(count)]


def envelope(request_id: UUID) -> Envelope:
    event = RequestWithdrawn(request_id=request_id, ministry="mohw", reason=REASON)
    return Envelope(
        id=new_id(),
        source="/requests",
        type=event.type,
        subject=event.subject,
        time=now(),
        dataschema=Envelope.schema_url(event.type),
        sequence=1,
        data=event.model_dump(mode="json"),
    )


@asynccontextmanager
async def postgres_url(server: str) -> AsyncIterator[str]:
    """The URL of a database that is dropped at the end."""
    name = own_name()
    admin = await asyncpg.connect(plain(server))
    try:
        await admin.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"{server.rsplit('/', 1)[0]}/{name}"
        finally:
            await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await admin.close()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """A database with the tables that every service has."""
    db = Database(url, METADATA, TABLES, "requests")
    try:
        async with db.engine.begin() as connection:
            await connection.run_sync(METADATA.create_all)
        yield db
    finally:
        await db.close()


@asynccontextmanager
async def scene(kind: str, folder: Path, postgres: str | None) -> AsyncIterator[Database]:
    """A new database in `SQLite` or `PostgreSQL`."""
    if kind == "SQLite":
        async with opened(f"sqlite+aiosqlite:///{folder}/{own_name()}.db") as db:
            yield db
    else:
        assert postgres is not None
        async with postgres_url(postgres) as url, opened(url) as db:
            yield db


@asynccontextmanager
async def bare_sqlite(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    """The driver alone, told to be as careful as we are."""
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        for pragma in PRAGMAS:
            await connection.execute(f"PRAGMA {pragma}")
        yield connection


@asynccontextmanager
async def broker_names(url: str) -> AsyncIterator[tuple[Topology, AbstractChannel]]:
    """Exchanges and one quorum queue of our own, and a plain channel that publishes with confirms."""
    topology = Topology(own_name(), {"analysis": frozenset({RequestWithdrawn.type})})
    connection = await aio_pika.connect(url)
    async with connection, connection.channel(publisher_confirms=True, on_return_raises=True) as channel:
        try:
            yield topology, channel
        finally:
            for queue in topology.queues():
                await channel.queue_delete(queue.name)
            for exchange in topology.exchanges():
                await channel.exchange_delete(exchange.name)


def outbox_rows(events: list[Envelope]) -> list[dict[str, object]]:
    """What emit() writes, for many events one after the other. Written earlier, so that they are due on any clock."""
    began, moment = now() - timedelta(seconds=1), timedelta(microseconds=50)
    return [
        {
            "id": new_id(),
            "event_id": each.id,
            "type": each.type,
            "subject": each.subject,
            "body": each.model_dump_json(exclude_none=True),
            "created_at": began + moment * number,
            "due_at": began + moment * number,
        }
        for number, each in enumerate(events)
    ]
