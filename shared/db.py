"""One database per service: the engine, read and write sessions, what every row has."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID
from weakref import WeakSet

import sqlmodel
from sqlalchemy import Connection, MetaData, Result, RowMapping, event, make_url, orm
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession as OrmAsyncSession
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.pool import PoolResetState
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import messages, sqlite
from shared.audit_rows import Writer
from shared.clock import now
from shared.errors import PreconditionFailed, Unavailable
from shared.ids import new_id
from shared.keys import MacKey
from shared.sqltypes import Json, UtcDateTime
from shared.tables import Plumbing, plumbing
from shared.turns import Turns, asking
from shared.writes import Writes

__all__ = [
    "Database", "Due", "Fields", "Json", "Plumbing", "Row", "Session", "UtcDateTime", "check_version", "database", "plumbing",
    "translated",
]  # fmt: skip

# One row of a plain select, or what looks like it.
Fields = Mapping[str, Any] | RowMapping


class RowSession(sqlmodel.Session):
    """SQLModel's session whose execute() is SQLAlchemy's own: plain rows are asked for on purpose here."""

    def execute(self, statement: Any, params: Any = None, **options: Any) -> Result[Any]:
        result: Result[Any] = orm.Session.execute(self, statement, params, **options)
        return result


class Session(AsyncSession):
    """A session of one service's database; `info` holds the database, the caller and the causing event."""

    sync_session_class = RowSession

    async def execute(self, statement: Any, params: Any = None, **options: Any) -> Result[Any]:
        result: Result[Any] = await OrmAsyncSession.execute(self, statement, params, **options)
        return result


class Row(SQLModel):
    """What every business row has. `version` is its ETag: call touch() with every change."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    version: int = 1

    def touch(self) -> None:
        self.version += 1


class Due(SQLModel):
    """Work that waits in a table (see shared.due). While it is claimed, `due_at` is the end of the lease."""

    due_at: datetime | None = Field(default_factory=now, sa_type=UtcDateTime, index=True)
    fence: int = 0
    attempts: int = 0
    last_error: str | None = None


# Seconds that a closing service waits for SQLite's threads. A statement that takes longer is left to the process's end.
THREADS_END = 5.0


def prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy says BEGIN itself, see begin_sqlite
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


# In a write session's `info`: the numbers of the audit rows that its transaction wrote.
AUDITED = "audited"


def begin_sqlite(connection: Connection) -> None:
    # A read that becomes a write fails at once with SQLITE_BUSY, so a write says so at its beginning.
    reading = connection.get_execution_options().get("dure_reading", False)
    driver_of(connection.connection).pending = sqlite.READ if reading else sqlite.WRITE


def driver_of(connection: Any) -> sqlite.Connection:
    driver: sqlite.Connection = connection.driver_connection
    return driver


def reset_sqlite(connection: Any, record: Any, state: PoolResetState) -> None:
    """What returns to the pool within a transaction is rolled back; nearly nothing does, and asking costs no journey.

    A BEGIN whose caller was cancelled may still wait for the driver's thread: the rollback is carried out after it."""
    driver = driver_of(connection)
    begun = driver.beginning or driver.in_transaction
    driver.beginning, driver.pending = False, None
    if state.asyncio_safe and begun:
        connection.rollback()
    else:
        driver.end_turn()


def check_open(connection: Any, *_: Any) -> None:
    """A server that has gone has closed its connections: known without asking it at every checkout."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def stop_reading(connection: Connection, *_: Any) -> None:
    """A read whose caller has left ends before its next statement; a write that has begun goes on to its end."""
    call = asking.get()
    if call is not None and connection.get_execution_options().get("dure_reading"):
        call.check()


CONNECTIONS = 8
# Of these so many are left to the background: relay, dispatch, seal, and what claims work of its own.
KEPT = 3
PATIENCE = 15.0  # seconds


class Database:
    """A service's database. `on_commit` is called after every commit that left something to do.

    Of its `connections` (at least 4) some are kept for the background loops; calls over HTTP share the others in turns.
    `mac_key` is the key of the audit rows that are written through it; without one they carry no MAC.
    """

    def __init__(
        self,
        url: str,
        metadata: MetaData,
        tables: Plumbing,
        service: str,
        mac_key: MacKey | None = None,
        *,
        connections: int = CONNECTIONS,
    ) -> None:
        self.url, self.metadata, self.tables, self.service = url, metadata, tables, service
        self.writer = Writer(service, mac_key)
        self.sqlite = url.startswith("sqlite")
        # On SQLite a write holds the file's lock, so few connections are enough; waiting happens in the pool, in order.
        options: dict[str, Any] = {"pool_size": connections, "max_overflow": 0, "pool_timeout": PATIENCE}
        shared = connections - KEPT
        # One caller leaves two of them to others, where there are that many.
        self.turns = Turns(shared, max(1, shared - 2), PATIENCE)
        if self.sqlite:
            options["pool_reset_on_return"] = None  # see reset_sqlite
            options["connect_args"] = {"async_creator_fn": sqlite.connector(asyncio.Lock())}
        else:
            options["connect_args"] = {"server_settings": {"lock_timeout": "5000", "application_name": f"dure-{service}"}}
        self.engine = create_async_engine(url, **options)
        self.threads: WeakSet[Thread] = WeakSet()
        event.listen(self.engine.sync_engine, "before_cursor_execute", stop_reading)
        read_options: dict[str, Any] = {"dure_reading": True}
        if self.sqlite:
            event.listen(self.engine.sync_engine, "connect", prepare_sqlite)
            event.listen(self.engine.sync_engine, "connect", self.know_thread)
            event.listen(self.engine.sync_engine, "begin", begin_sqlite)
            event.listen(self.engine.sync_engine, "reset", reset_sqlite)
        else:
            event.listen(self.engine.sync_engine, "checkout", check_open)
            read_options |= {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
        self.read_engine = self.engine.execution_options(**read_options)
        info = {"db": self}
        self.writers = async_sessionmaker(self.engine, class_=Session, expire_on_commit=False, info=info)
        self.readers = async_sessionmaker(self.read_engine, class_=Session, expire_on_commit=False, info=info)
        self.on_commit: Callable[[], None] = lambda: None
        self.emitted = False  # an event was written here: the relay need not look whether there is one
        self.received = False  # an event arrived here: the same for its handling
        self.writes = Writes()

    @property
    def folder(self) -> Path | None:
        """Where SQLite's file is."""
        return Path(make_url(self.url).database or "").parent if self.sqlite else None

    @asynccontextmanager
    async def transaction(self, *, wakes: bool = True, **info: Any) -> AsyncIterator[Session]:
        """A write session: commits at the end, rolls back on any exception. CallerLeft before it has begun, Unavailable.

        `wakes`: whether the commit leaves something to do, unlike a loop's own notes."""
        with self.writes.watched():
            async with translated(), self.turns.turn(), self.writers() as session:
                session.info.update(info)
                numbers: list[int] = session.info.setdefault(AUDITED, [])
                try:
                    async with session.begin():
                        yield session
                except BaseException:
                    self.writer.end(numbers, committed=False)
                    raise
                self.writer.end(numbers, committed=True)
            if wakes:
                self.on_commit()

    @asynccontextmanager
    async def reading(self, **info: Any) -> AsyncIterator[Session]:
        """A read session on one snapshot; it can write nothing on PostgreSQL and takes no lock on SQLite.

        CallerLeft before a statement whose caller has left, Unavailable."""
        async with translated(), self.turns.turn(), self.readers() as session:
            session.info.update(info)
            async with session.begin():
                yield session

    def know_thread(self, connection: Any, _: Any) -> None:
        self.threads.add(connection.driver_connection._thread)  # the driver has no public name for it

    async def close(self) -> None:
        """Close all connections.

        One whose caller was cancelled is closed by the driver's thread, beside us: it answers to this event loop, which
        must not have ended by then.
        """
        await self.engine.dispose()
        for thread in tuple(self.threads):
            await asyncio.to_thread(thread.join, THREADS_END)


# What PostgreSQL calls a lock that did not come in time, two transactions that cannot both be, and a server that shuts down.
BUSY = {"55P03", "40001", "40P01", "57P01", "57P03"}
# Two who make the same at once both find that it is not there yet. Who comes again is told what there is then; on SQLite one
# write waits for the other.
MADE_TWICE = "23505"


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """A database that is busy or away is the operators' matter, not the caller's: 503 with Retry-After."""
    try:
        yield
    except (OperationalError, sqlite3.OperationalError, PoolTimeout, TimeoutError, ConnectionError, OSError) as error:
        raise Unavailable(messages.DATABASE_AWAY) from error
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", "")
        if error.connection_invalidated or state in BUSY:
            raise Unavailable(messages.DATABASE_AWAY) from error
        if state == MADE_TWICE:
            raise Unavailable(messages.MADE_TWICE, retry_after=1) from error
        raise


def database(session: Session) -> Database:
    """The database this session belongs to."""
    db: Database = session.info["db"]
    return db


def check_version(row: Row, expected: int | None) -> None:
    """If-Match: refuse a change made on an older reading."""
    if expected is not None and row.version != expected:
        raise PreconditionFailed(messages.STALE_VERSION(version=row.version, expected=expected))
