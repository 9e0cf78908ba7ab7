"""A restricted list and the sealed keys of its entities become one list, in the list's order, whatever the size of either."""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator

from services.results.disclosure import UnreadableError, read_line

BATCH = 2000
SCHEMA = """
CREATE TABLE line (at INTEGER PRIMARY KEY, pseudonym TEXT NOT NULL, body TEXT NOT NULL, sealed TEXT);
PRAGMA cache_size = -16384;
PRAGMA journal_mode = OFF;
"""


class JoinedList:
    """The lines of one list on their way. They wait in a temporary database that the disk takes over when it grows."""

    def __init__(self) -> None:
        # The empty name: a file of SQLite's own that has no name in any folder, and goes with the connection.
        self.database = sqlite3.connect("", check_same_thread=False)
        self.database.executescript(SCHEMA)
        self.lines = 0

    def close(self) -> None:
        self.database.close()

    def take(self, batch: list[bytes]) -> Counter[str]:
        """Lines as the method wrote them, of which only what belongs there is kept; how often each fault is in them."""
        found: Counter[str] = Counter()
        rows = []
        for raw in batch:
            self.lines += 1
            try:
                line = read_line(raw)
            except UnreadableError as error:
                found[error.code] += 1
            else:
                # What a method calls sealed was not sealed by us.
                body = json.dumps(line.as_json() | {"sealed": None}, ensure_ascii=False)
                rows.append((line.pseudonym, body))
        with self.database:
            self.database.executemany("INSERT INTO line (pseudonym, body) VALUES (?, ?)", rows)
        return found

    def index(self) -> None:
        self.database.execute("CREATE INDEX by_pseudonym ON line (pseudonym)")

    def seal(self, batch: list[bytes]) -> None:
        """Lines of sealed keys: those of listed entities are kept, the others passed over."""
        entries = [json.loads(raw) for raw in batch]
        with self.database:
            pairs = [(entry["sealed"], entry["pseudonym"]) for entry in entries]
            self.database.executemany("UPDATE line SET sealed = ? WHERE pseudonym = ?", pairs)

    def sealed(self) -> int:
        count: int = self.database.execute("SELECT count(sealed) FROM line").fetchone()[0]
        return count

    def read(self, after: int) -> list[tuple[int, str, str | None]]:
        query = "SELECT at, body, sealed FROM line WHERE at > ? ORDER BY at LIMIT ?"
        return self.database.execute(query, (after, BATCH)).fetchall()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The joined list, as NDJSON."""
        at = 0
        while rows := await asyncio.to_thread(self.read, at):
            at = rows[-1][0]
            yield "".join(joined(body, sealed) for _, body, sealed in rows).encode()


def joined(body: str, sealed: str | None) -> str:
    """The line, complete. The body ends with a null in the place of the sealed key."""
    return f"{body}\n" if sealed is None else f"{body.removesuffix('null}')}{json.dumps(sealed)}}}\n"
