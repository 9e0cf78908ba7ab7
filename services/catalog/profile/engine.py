"""DuckDB, locked: it reads one folder, and installs, loads, attaches and writes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from services.catalog.schemas.limits import Limits


@contextmanager
def locked_engine(folder: Path, limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as engine:
        for statement in (
            f"SET memory_limit = '{limits.memory_mb}MB'",
            f"SET threads = {limits.threads}",
            "SET temp_directory = ''",
            "SET autoinstall_known_extensions = false",
            "SET autoload_known_extensions = false",
            "SET allow_community_extensions = false",
            f"SET allowed_directories = [{text(str(folder))}]",
            "SET enable_external_access = false",
            "SET lock_configuration = true",
        ):
            engine.execute(statement)
        yield engine


def text(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """A quoted identifier."""
    return '"' + value.replace('"', '""') + '"'
