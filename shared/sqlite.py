"""SQLite for the event loop: a statement and its rows cost one journey to the driver's thread.

SQLAlchemy asks aiosqlite for a cursor, its execution, its rows and its end one after the other. Each
is a journey to a thread that has to wait for the interpreter twice, so four of them cost more than
most statements do. BEGIN travels with the first statement of its transaction.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from sqlite3 import Connection as Driver
from sqlite3 import Cursor as DriverCursor
from sqlite3 import OperationalError
from sqlite3 import connect as connect_driver
from typing import Any, Self

import aiosqlite

# Rows that come with the statement: whole pages do, a stream of a large table stays a stream.
FIRST_ROWS = 1000
READ, WRITE = "BEGIN", "BEGIN IMMEDIATE"
PATIENCE = 5.0  # seconds that a write waits for its turn, as it waits for other processes by `busy_timeout`
Row = tuple[Any, ...]


class Cursor:
    """What SQLAlchemy's adapter uses of a cursor; bound to one statement, or one list of parameters."""

    arraysize = 1

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self.cursor: DriverCursor | None = None
        self.rows: deque[Row] = deque()
        self.exhausted = True

    async def __aenter__(self) -> Self:
        return self

    @property
    def description(self) -> Any:
        return self.cursor.description if self.cursor else None

    @property
    def rowcount(self) -> int:
        return self.cursor.rowcount if self.cursor else -1

    @property
    def lastrowid(self) -> int | None:
        return self.cursor.lastrowid if self.cursor else None

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        await self.connection.begin_and(self.run, sql, parameters)

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        await self.connection.begin_and(self.run_many, sql, parameters)

    def run(self, driver: Driver, sql: str, parameters: Sequence[Any]) -> None:
        """In the driver's thread."""
        self.cursor = driver.execute(sql, parameters)
        if self.cursor.description:
            self.rows.extend(self.cursor.fetchmany(FIRST_ROWS))
            self.exhausted = len(self.rows) < FIRST_ROWS

    def run_many(self, driver: Driver, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        """In the driver's thread."""
        self.cursor = driver.executemany(sql, parameters)

    async def fetchone(self) -> Row | None:
        found = await self.fetchmany(1)
        return found[0] if found else None

    async def fetchmany(self, size: int | None = None) -> list[Row]:
        wanted = size or self.arraysize
        if len(self.rows) < wanted and not self.exhausted:
            assert self.cursor is not None
            more = await self.connection.journey(self.cursor.fetchmany, max(wanted, FIRST_ROWS))
            self.exhausted = not more
            self.rows.extend(more)
        return [self.rows.popleft() for _ in islice(range(wanted), len(self.rows))]

    async def fetchall(self) -> list[Row]:
        found = list(self.rows)
        self.rows.clear()
        if not self.exhausted:
            assert self.cursor is not None
            found += await self.connection.journey(self.cursor.fetchall)
            self.exhausted = True
        return found

    async def close(self) -> None:
        if not self.exhausted and self.cursor is not None:  # else the statement has ended by itself
            await self.connection.journey(self.cursor.close)
        self.exhausted = True


class Connection(aiosqlite.Connection):
    """One connection with its thread. `pending` is the BEGIN that travels with the next statement.

    Writers of one process take turns in order. Left to SQLite each would sleep and try again, ever
    longer, while the file is free.
    """

    pending: str | None = None
    beginning = False  # while it travels: a caller that was cancelled meanwhile left it to be carried out
    turn: asyncio.Lock | None = None
    in_turn = False

    def cursor(self) -> Cursor:  # type: ignore[override]  # SQLAlchemy's adapter enters it
        return Cursor(self)

    async def journey(self, function: Any, *args: Any) -> Any:
        """The result of a function that is called in the driver's thread."""
        return await self._execute(function, *args)  # type: ignore[no-untyped-call]  # as aiosqlite's own cursor does

    async def begin_and(self, run: Any, *args: Any) -> None:
        """Begin the pending transaction, and run a statement in it, in one journey. OperationalError if it is nobody's turn
        for too long."""
        begin = self.pending
        if begin == WRITE:
            await self.take_turn()
        self.pending, self.beginning = None, begin is not None
        try:
            await self.journey(self.both, begin, run, *args)
        except Exception:  # a cancelled caller leaves the mark
            self.beginning = False
            raise
        self.beginning = False

    async def take_turn(self) -> None:
        if self.turn is None or self.in_turn:
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await self.turn.acquire()
        except TimeoutError:
            raise OperationalError("database is locked") from None
        self.in_turn = True

    def end_turn(self) -> None:
        if self.turn is not None and self.in_turn:
            self.in_turn = False
            self.turn.release()

    def both(self, begin: str | None, run: Any, *args: Any) -> None:
        """In the driver's thread."""
        if begin is not None:
            self._conn.execute(begin)
        run(self._conn, *args)

    async def commit(self) -> None:
        if self.pending is None:  # else nothing was said in it
            await super().commit()
        self.pending = None
        self.end_turn()

    async def rollback(self) -> None:
        self.pending = None
        try:
            await super().rollback()
        finally:
            self.end_turn()

    def stop(self) -> asyncio.Future[Any] | None:
        self.end_turn()
        return super().stop()


def connector(turn: asyncio.Lock) -> Callable[..., Awaitable[Connection]]:
    """What SQLAlchemy calls as its `async_creator_fn`, with the arguments that it takes from the URL. All connections that
    it makes take turns in writing."""

    async def connect(database: str | Path, **options: Any) -> Connection:
        connection = Connection(partial(connect_driver, str(database), **options), iter_chunk_size=64)
        connection._thread.daemon = True  # as SQLAlchemy does: a program that ends waits for no database
        connection.turn = turn
        await connection
        return connection

    return connect
