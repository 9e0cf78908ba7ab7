"""One consistent point of the four databases, taken while the installation goes on working.

An event goes from the outbox of one service into the inboxes of others. While no inbox can be
written, whatever arrived anywhere was committed by its sender before. So snapshots that begin then
hold the sender's side of all that any of them has received. The inboxes are held for the moment in
which four readers begin. What was sent and had not arrived goes again after a restore.
"""

import asyncio
import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from deploy.backups.errors import Refused
from deploy.backups.manifest import DatabaseEntry
from deploy.backups.place import Place
from deploy.backups.postgres import PostgresSource
from deploy.backups.sqlite import SqliteSource

# Each holds for half a second at most. Services retry what they could not write meanwhile.
ATTEMPTS = 60
FAULTS = (OSError, SQLAlchemyError, asyncpg.PostgresError, sqlite3.Error)


class Source(Protocol):
    service: str

    async def hold(self) -> bool: ...
    async def look(self) -> None: ...
    async def release(self) -> None: ...
    async def texts(self, query: str) -> list[str]: ...
    async def copy(self, databases: Path) -> DatabaseEntry: ...
    async def close(self) -> None: ...


def sources(place: Place) -> list[Source]:
    """Refused where there is no database to read."""
    opened: list[Source] = []
    for service, url in place.databases.items():
        if place.engine(service) == "postgresql":
            opened.append(PostgresSource(service, url))
            continue
        try:
            opened.append(SqliteSource(service, place.file(service)))
        except FileNotFoundError as error:
            raise Refused(f"There is no installation: {error} is missing.") from None
    return opened


async def cut(databases: Sequence[Source]) -> None:
    """Have all of them look at the same point. Refused if somebody writes without end."""
    for _ in range(ATTEMPTS):
        held = False
        try:
            held = all(await gathered(source.hold() for source in databases))
            if held:
                await gathered(source.look() for source in databases)
        finally:
            await gathered(source.release() for source in databases)
        if held:
            return
        await asyncio.sleep(random.uniform(0.05, 0.25))  # not in step with who writes
    raise Refused("The databases are written without a pause: no common point was to be had.")


async def gathered(steps: Any) -> list[Any]:
    """All of them end before a fault of one is raised."""
    ends = await asyncio.gather(*steps, return_exceptions=True)
    for end in ends:
        if isinstance(end, FAULTS):
            raise Refused(f"A database cannot be read: {end}") from end
        if isinstance(end, BaseException):
            raise end
    return ends
