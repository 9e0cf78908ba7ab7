"""One database per service: the engine, read and write sessions, and the tables that every service has."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlmodel
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    Result,
    RowMapping,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    event,
    orm,
)
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession as OrmAsyncSession
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.clock import now
from shared.errors import PreconditionFailed, Unavailable
from shared.ids import new_id

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


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC datetimes on both databases; SQLite keeps them as text that sorts by time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place here")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """JSON as text, with Korean letters kept readable; the same on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, default=str, allow_nan=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


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


@dataclass(frozen=True)
class Plumbing:
    """The tables that every service has, in its own metadata."""

    outbox: Table
    inbox: Table
    sequences: Table
    audit: Table
    seals: Table
    checkpoints: Table
    idempotency: Table


def due_columns() -> list[Column[Any]]:
    return [
        Column("due_at", UtcDateTime),
        Column("fence", Integer, nullable=False, default=0),
        Column("attempts", Integer, nullable=False, default=0),
        Column("last_error", Text),
    ]


def plumbing(metadata: MetaData) -> Plumbing:
    """Add outbox, inbox, audit and idempotency tables to a service's metadata."""
    outbox = Table(
        "outbox",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("event_id", Uuid, nullable=False, unique=True),
        Column("type", String(120), nullable=False),
        Column("subject", String(200), nullable=False),
        Column("body", Text, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("sent_at", UtcDateTime),
        *due_columns(),
        Index("ix_outbox_due_at", "due_at"),
        Index("ix_outbox_created_at", "created_at"),
    )
    inbox = Table(
        "inbox",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("source", String(120), nullable=False),
        Column("type", String(120), nullable=False),
        Column("subject", String(200), nullable=False),
        Column("body", Text, nullable=False),
        Column("received_at", UtcDateTime, nullable=False),
        Column("state", String(10), nullable=False),
        Column("done_at", UtcDateTime),
        *due_columns(),
        Index("ix_inbox_due_at", "due_at"),
        Index("ix_inbox_state_type", "state", "type"),
    )
    sequences = Table(
        "subject_sequence", metadata, Column("subject", String(200), primary_key=True), Column("last", BigInteger, nullable=False)
    )
    audit = Table(
        "audit",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("at", String(40), nullable=False),
        Column("deed", String(80), nullable=False),
        Column("outcome", String(10), nullable=False),
        Column("subject", String(200), nullable=False),
        Column("actor", String(200), nullable=False),
        Column("ministry", String(40), nullable=False),
        Column("roles", String(300), nullable=False),
        Column("request_id", String(80), nullable=False),
        Column("trace_id", String(40), nullable=False),
        Column("detail", Text, nullable=False),
        Index("ix_audit_subject", "subject"),
        Index("ix_audit_actor", "actor"),
    )
    seals = Table(
        "audit_seal",
        metadata,
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("audit_id", Uuid, nullable=False),
        Column("hash", String(64), nullable=False),
        UniqueConstraint("audit_id", name="uq_audit_seal_audit_id"),
    )
    checkpoints = Table(
        "audit_checkpoint",
        metadata,
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("hash", String(64), nullable=False),
        Column("at", String(40), nullable=False),
        Column("key_id", String(64), nullable=False),
        Column("signature", String(120), nullable=False),
    )
    idempotency = Table(
        "idempotency_key",
        metadata,
        Column("actor", String(200), primary_key=True),
        Column("key", String(200), primary_key=True),
        Column("operation", String(300), nullable=False),
        Column("body_sha256", String(64), nullable=False),
        Column("status", Integer),
        Column("headers", Text),
        Column("body", Text),
        Column("created_at", UtcDateTime, nullable=False),
    )
    return Plumbing(outbox, inbox, sequences, audit, seals, checkpoints, idempotency)


def prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy says BEGIN itself, see begin_sqlite
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def begin_sqlite(connection: Connection) -> None:
    # A read that becomes a write fails at once with SQLITE_BUSY, so a write says so at its beginning.
    reading = connection.get_execution_options().get("dure_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


class Database:
    """A service's database. `on_commit` is called after every commit that left something to do."""

    def __init__(self, url: str, metadata: MetaData, tables: Plumbing, service: str) -> None:
        self.url, self.metadata, self.tables, self.service = url, metadata, tables, service
        self.sqlite = url.startswith("sqlite")
        # On SQLite a write holds the file's lock, so few connections are enough; waiting happens in the pool, in order.
        options: dict[str, Any] = {"pool_size": 8, "max_overflow": 0, "pool_timeout": 15}
        if not self.sqlite:
            options |= {
                "pool_pre_ping": True,
                "connect_args": {"server_settings": {"lock_timeout": "5000", "application_name": f"dure-{service}"}},
            }
        self.engine = create_async_engine(url, **options)
        read_options: dict[str, Any] = {"dure_reading": True}
        if self.sqlite:
            event.listen(self.engine.sync_engine, "connect", prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", begin_sqlite)
        else:
            read_options |= {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
        self.read_engine = self.engine.execution_options(**read_options)
        info = {"db": self}
        self.writers = async_sessionmaker(self.engine, class_=Session, expire_on_commit=False, info=info)
        self.readers = async_sessionmaker(self.read_engine, class_=Session, expire_on_commit=False, info=info)
        self.on_commit: Callable[[], None] = lambda: None

    @asynccontextmanager
    async def transaction(self, **info: Any) -> AsyncIterator[Session]:
        """A write session: commits at the end, rolls back on any exception."""
        async with translated(), self.writers() as session:
            session.info.update(info)
            async with session.begin():
                yield session
            self.on_commit()

    @asynccontextmanager
    async def reading(self, **info: Any) -> AsyncIterator[Session]:
        """A read session on one snapshot; it can write nothing on PostgreSQL and takes no lock on SQLite."""
        async with translated(), self.readers() as session:
            session.info.update(info)
            async with session.begin():
                yield session

    async def close(self) -> None:
        await self.engine.dispose()


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """A database that is busy or away is the operators' matter, not the caller's: 503 with Retry-After."""
    try:
        yield
    except (OperationalError, TimeoutError, ConnectionError, OSError) as error:
        raise Unavailable("The database is busy or not reachable. Nothing was changed.") from error
    except DBAPIError as error:
        if error.connection_invalidated or getattr(error.orig, "sqlstate", "") in {"55P03", "40001", "40P01", "57P01", "57P03"}:
            raise Unavailable("The database is busy or not reachable. Nothing was changed.") from error
        raise


def database(session: Session) -> Database:
    """The database this session belongs to."""
    db: Database = session.info["db"]
    return db


def check_version(row: Row, expected: int | None) -> None:
    """If-Match: refuse a change made on an older reading."""
    if expected is not None and row.version != expected:
        raise PreconditionFailed(f"It is at version {row.version} now, not {expected}.")
