"""Open an input, CSV or Parquet, in a locked DuckDB: only the approved columns, as the card's types."""

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from services.analysis.prepare.errors import PrepareError
from shared.contracts import ColumnType
from shared.duck import locked_duckdb

CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"
SPACES: Final = " \t\r\n"
HEADER_LIMIT: Final = 1024 * 1024
LIBRARIES_MB, DATABASE_SHARE, LEAST_DATABASE_MB = 160, 0.8, 64
CSV_OPTIONS: Final = (
    "auto_detect=false, header=true, delim=',', quote='\"', escape='\"', comment='', strict_mode=true, max_line_size=2097152"
)
SQL_TYPES: Final[Mapping[ColumnType, str]] = {
    ColumnType.STRING: "VARCHAR",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.NUMBER: "DOUBLE",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATE: "DATE",
    ColumnType.DATETIME: "TIMESTAMP",
}


@dataclass(frozen=True)
class Limits:
    """What linking may use. Memory is that of the whole process; its database spills to its own folder."""

    memory_mb: int = 1024
    threads: int = 2

    @property
    def database_mb(self) -> int:
        """The rest is for the libraries, and for what the database holds beyond its limit: sorting, joining, writing Parquet."""
        return max(int((self.memory_mb - LIBRARIES_MB) * DATABASE_SHARE), LEAST_DATABASE_MB)


@contextmanager
def locked(folder: Path, limits: Limits = Limits()) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that reads and writes this folder and nothing else, and whose settings nobody can change."""
    with locked_duckdb(
        folder, memory_mb=limits.database_mb, threads=limits.threads, spill=folder / "spill"
    ) as connection:
        yield connection


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def source(path: Path, media_type: str, role: str) -> tuple[str, dict[str, str]]:
    """The table function that reads a file, and its parameters."""
    if media_type == PARQUET:
        return "read_parquet($path)", {"path": str(path)}
    if media_type == CSV:
        names = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header(path, role))
        return f"read_csv($path, {CSV_OPTIONS}, columns={{{names}}})", {"path": str(path)}
    raise PrepareError("input-unreadable", f"The input {role} is of a media type that cannot be read.")


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def header(path: Path, role: str) -> list[str]:
    """The column names of a CSV file."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader([file.readline(HEADER_LIMIT)], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        names = []
    if not names or len(set(names)) != len(names):
        raise PrepareError("input-unreadable", f"The header of the input {role} cannot be read.")
    return names


def typed(column: str, wanted: ColumnType) -> str:
    """The SQL that reads a column as a type of the card; NULL where it does not fit."""
    if wanted is ColumnType.STRING:
        return f"CAST({column} AS VARCHAR)"
    return f"TRY_CAST({column} AS {SQL_TYPES[wanted]})"


def misfit(column: str, wanted: ColumnType) -> str:
    """The SQL that is true where a cell does not fit the type: a fraction is no integer, although SQL would round it."""
    lost = f"{column} IS NOT NULL AND {typed(column, wanted)} IS NULL"
    if wanted is ColumnType.INTEGER:
        return f"({lost}) OR TRY_CAST({column} AS DOUBLE) <> floor(TRY_CAST({column} AS DOUBLE))"
    return lost


def key_text(column: str, stored: ColumnType) -> str:
    """The SQL of a key's canonical text: trimmed, an integer without leading zeros or sign, NULL if nothing is left."""
    plain = typed(column, ColumnType.INTEGER) if stored is ColumnType.INTEGER else column
    return f"nullif(trim(CAST({plain} AS VARCHAR), {literal(SPACES)}), '')"
