"""A SQLite database, copied from one snapshot while others write, and put back as a file."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from deploy.backups.errors import Refused
from deploy.backups.manifest import ChainEntry, DatabaseEntry, TableEntry

# Seconds to wait for the writer of the moment; the four databases are tried again together.
PATIENCE = 0.5
TABLES = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
)
HEAD = "SELECT position, hash FROM audit_seal ORDER BY position DESC LIMIT 1"


class SqliteSource:
    """One database of a running installation. Not a file of a database: FileNotFoundError."""

    def __init__(self, service: str, path: Path) -> None:
        self.service, self.path = service, path
        if not path.is_file():
            raise FileNotFoundError(path)
        self.writer, self.reader = connect(path), connect(path)

    async def hold(self) -> bool:
        """Keep others from writing. False if somebody writes just now."""
        try:
            await asyncio.to_thread(self.writer.execute, "BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                return False
            raise
        return True

    async def look(self) -> None:
        """Begin to read: what is written from now on is not seen."""
        # BEGIN alone takes no snapshot, the first read does.
        self.reader.execute("BEGIN")
        self.reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()

    async def release(self) -> None:
        if self.writer.in_transaction:
            self.writer.execute("ROLLBACK")

    async def copy(self, databases: Path) -> DatabaseEntry:
        """Write the snapshot to `<service>.db` in this folder."""
        return await asyncio.to_thread(self.write, databases / f"{self.service}.db")

    def write(self, target: Path) -> DatabaseEntry:
        with closing(sqlite3.connect(target)) as copy:
            # All pages in one step: between two it would begin anew after each write of others.
            self.reader.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
            if (fault := copy.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise Refused(f"The {self.service} database is damaged: {fault}.")
            return describe(copy)

    async def texts(self, query: str) -> list[str]:
        """The first column of what is read in the snapshot, without nulls."""
        return [row[0] for row in self.reader.execute(query) if row[0] is not None]

    async def close(self) -> None:
        self.writer.close()
        self.reader.close()


def connect(path: Path) -> sqlite3.Connection:
    # The connection goes from thread to thread, one at a time.
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=PATIENCE,
        isolation_level=None,
        check_same_thread=False,
    )


def describe(connection: sqlite3.Connection) -> DatabaseEntry:
    """Tables with their rows; without a public key, which no database holds."""
    tables = {}
    for (name,) in connection.execute(TABLES).fetchall():
        columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{name}")')]
        rows = connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608  # a table's own name
        tables[name] = TableEntry(rows=rows, columns=columns)
    revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    position, digest = connection.execute(HEAD).fetchone() or (0, "")
    head = ChainEntry(position=position, hash=digest, public_key=None)
    return DatabaseEntry(engine="sqlite", revision=revision, tables=tables, audit=head)


def read(path: Path) -> DatabaseEntry:
    """What a database file holds now."""
    with closing(connect(path)) as connection:
        return describe(connection)
