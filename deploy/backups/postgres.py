"""A PostgreSQL database, read by COPY in one snapshot while others write, and loaded again.

The schema is not copied: the migrations make it, up to the revision that the database was at. So
no program of PostgreSQL is needed, nor one of the server's version (docs/adr/0018-backups.md).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.backups.errors import Refused
from deploy.backups.manifest import ChainEntry, DatabaseEntry, TableEntry, migrations
from shared.migrate import config

# For each table its columns in order; a generated one is not copied, its database makes it.
COLUMNS = """
SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position) AS columns
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND is_generated = 'NEVER'
GROUP BY table_name ORDER BY table_name
"""
HEAD = "SELECT position, hash FROM audit_seal ORDER BY position DESC LIMIT 1"
REVISION = "alembic_version"


class PostgresSource:
    """One database of a running installation."""

    def __init__(self, service: str, url: str) -> None:
        self.service = service
        self.engine = create_async_engine(url, poolclass=NullPool)
        self.writer: Any = None
        self.reader: Any = None

    async def hold(self) -> bool:
        """Keep events from coming in. False if the lock was not to be had at once."""
        if self.writer is None:
            self.writer = await self.engine.connect()
            self.reader = await self.engine.connect()
        driver = await driver_of(self.writer)
        await driver.execute("BEGIN; SET LOCAL lock_timeout = '500ms'")
        try:
            # One table alone: who writes several cannot wait for us while we wait for them.
            await driver.execute("LOCK TABLE inbox IN SHARE MODE")
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            return False
        return True

    async def look(self) -> None:
        """Begin to read: what is committed from now on is not seen."""
        driver = await driver_of(self.reader)
        # BEGIN alone takes no snapshot, the first query does.
        await driver.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1")

    async def release(self) -> None:
        if self.writer is not None:
            await (await driver_of(self.writer)).execute("ROLLBACK")

    async def copy(self, databases: Path) -> DatabaseEntry:
        """Write each table to a file of the folder `<service>`."""
        folder = databases / self.service
        folder.mkdir()
        driver, tables = await driver_of(self.reader), {}
        for name, columns in await driver.fetch(COLUMNS):
            copied = await driver.copy_from_table(
                name, columns=columns, output=folder / f"{name}.copy"
            )
            tables[name] = TableEntry(rows=int(copied.rpartition(" ")[2]), columns=columns)
        return await describe(driver, tables)

    async def texts(self, query: str) -> list[str]:
        """The first column of what is read in the snapshot, without nulls."""
        rows = await (await driver_of(self.reader)).fetch(query)
        return [row[0] for row in rows if row[0] is not None]

    async def close(self) -> None:
        for connection in (self.writer, self.reader):
            if connection is not None:
                await (await driver_of(connection)).close()  # a transaction may be open
                await connection.invalidate()
                await connection.close()
        await self.engine.dispose()


async def driver_of(connection: Any) -> Any:
    """asyncpg's own connection: it speaks COPY."""
    return (await connection.get_raw_connection()).driver_connection


async def describe(driver: Any, tables: dict[str, TableEntry]) -> DatabaseEntry:
    revision = await driver.fetchval(f"SELECT version_num FROM {REVISION}")  # noqa: S608  # a constant
    position, digest = await driver.fetchrow(HEAD) or (0, "")
    head = ChainEntry(position=position, hash=digest, public_key=None)
    return DatabaseEntry(engine="postgresql", revision=revision, tables=tables, audit=head)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    """An SQLAlchemy connection of its own engine, in no transaction."""
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


async def tables_of(driver: Any) -> dict[str, TableEntry]:
    tables = {}
    for name, columns in await driver.fetch(COLUMNS):
        rows = await driver.fetchval(f'SELECT count(*) FROM "{name}"')  # noqa: S608  # a table's own name
        tables[name] = TableEntry(rows=rows, columns=columns)
    return tables


async def read(url: str) -> DatabaseEntry:
    """What a database holds now."""
    async with connected(url) as connection:
        driver = await driver_of(connection)
        async with driver.transaction(isolation="repeatable_read", readonly=True):
            return await describe(driver, await tables_of(driver))


async def empty(url: str) -> bool:
    """Whether there is no table."""
    async with connected(url) as connection:
        return not await (await driver_of(connection)).fetch(COLUMNS)


async def load(service: str, url: str, folder: Path, entry: DatabaseEntry) -> None:
    """Make the tables of the recorded revision and fill them from the files, all or nothing."""
    await asyncio.to_thread(command.upgrade, config(migrations(service), url), entry.revision)
    async with connected(url) as connection:
        order = await connection.run_sync(parents_first)
        await connection.rollback()
        driver = await driver_of(connection)
        async with driver.transaction():
            check_columns(service, await tables_of(driver), entry)
            full = [name for name in order if name != REVISION]
            # Migrations may have put rows there.
            await driver.execute(f"TRUNCATE {', '.join(map(quoted, full))}")
            for name in full:
                columns, file = entry.tables[name].columns, folder / f"{name}.copy"
                await driver.copy_to_table(name, columns=columns, source=file)


def parents_first(connection: Connection) -> list[str]:
    """Tables in an order in which no row refers to one that is not there yet."""
    metadata = MetaData()
    metadata.reflect(connection)
    return [table.name for table in metadata.sorted_tables]


def check_columns(service: str, made: dict[str, TableEntry], entry: DatabaseEntry) -> None:
    """Refused if the migrations make other tables than were copied."""
    ours = {name: sorted(table.columns) for name, table in made.items()}
    theirs = {name: sorted(table.columns) for name, table in entry.tables.items()}
    if ours != theirs:
        names = sorted(name for name in ours.keys() | theirs if ours.get(name) != theirs.get(name))
        raise Refused(
            f"The backup's {service} database has other tables or columns than its migration "
            f"{entry.revision} makes: {', '.join(names)}."
        )


async def clear(url: str) -> None:
    """Drop every table: there was none before we made them."""
    async with connected(url) as connection:
        driver = await driver_of(connection)
        names = [quoted(name) for name, _ in await driver.fetch(COLUMNS)]
        if names:
            await driver.execute(f"DROP TABLE {', '.join(names)} CASCADE")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
