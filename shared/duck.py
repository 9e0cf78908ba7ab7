"""DuckDB as every service opens it: locked to some folders, in UTC, and silent."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

# What a DuckDB of ours always has, wherever it is opened.
ALWAYS = (
    # It draws on standard output, also into a pipe, as soon as a query takes two seconds. The second
    # switch is needed too: whoever sets progress_bar_time switches the first one on again.
    "SET enable_progress_bar = false",
    "SET enable_progress_bar_print = false",
    # Otherwise a TIMESTAMP WITH TIME ZONE is cast in the time zone of the host.
    "SET TimeZone = 'UTC'",
)
CLOSED: dict[str, Any] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
}


def silent_duckdb(database: str | Path = ":memory:", **config: Any) -> duckdb.DuckDBPyConnection:
    """A DuckDB that prints nothing and has no time zone of the host; it can do all that DuckDB can."""
    connection = duckdb.connect(database, config=config)
    for statement in ALWAYS:
        connection.execute(statement)
    return connection


@contextmanager
def locked_duckdb(*folders: Path, memory_mb: int, threads: int, spill: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB in memory that reads and writes these folders and nothing else.

    It installs, loads and attaches nothing, and none of its settings can be changed. Beyond
    `memory_mb` (MiB) it writes to the folder `spill`; without one it raises OutOfMemoryException.
    """
    own: dict[str, Any] = {"threads": threads, "memory_limit": f"{memory_mb}MiB", "temp_directory": str(spill or "")}
    with silent_duckdb(**CLOSED, **own) as connection:
        for statement in (
            f"SET allowed_directories = [{', '.join(literal(str(folder)) for folder in folders)}]",
            "SET enable_external_access = false",
            "SET lock_configuration = true",
        ):
            connection.execute(statement)
        yield connection


def literal(value: str) -> str:
    """A string as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def quoted(value: str) -> str:
    """A name as an SQL identifier."""
    return '"' + value.replace('"', '""') + '"'
