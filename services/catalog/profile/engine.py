"""DuckDB for the check of a file: it reads and writes the folder of the file and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from services.catalog.schemas.limits import Limits
from shared.duck import literal, locked_duckdb, quoted

text, name = literal, quoted


@contextmanager
def locked_engine(folder: Path, limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    """A locked DuckDB that spills into the file's own folder, which goes with the check."""
    with locked_duckdb(folder, memory_mb=limits.memory_mb, threads=limits.threads, spill=folder / "spill") as engine:
        yield engine
