"""Open an input, CSV or Parquet, in a locked DuckDB: only the approved columns, as the card's types."""

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from services.analysis.prepare.errors import PrepareError
from services.analysis.prepare.forms import add_functions, key_form, literal, text_form, time_form, without_missing
from services.analysis.prepare.plan import Pick
from shared.contracts import ColumnType
from shared.duck import locked_duckdb
from shared.times import KOREA

CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"
HEADER_LIMIT: Final = 1024 * 1024
LIBRARIES_MB, DATABASE_SHARE, LEAST_DATABASE_MB = 160, 0.8, 64
CSV_OPTIONS: Final = (
    "auto_detect=false, header=true, delim=',', quote='\"', escape='\"', comment='', strict_mode=true, max_line_size=2097152"
)
# A clock and behind it Z or an offset; the day alone has hyphens too.
OFFSET: Final = ":.*(Z|z|[+-][0-9]{2}(:?[0-9]{2})?)$"
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
    with locked_duckdb(folder, memory_mb=limits.database_mb, threads=limits.threads, spill=folder / "spill") as connection:
        add_functions(connection)
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


def cell(pick: Pick) -> str:
    """The SQL of a cell as it stands in its file: NULL where a word says that it is missing."""
    column = quoted(pick.stored.name)
    return without_missing(f"CAST({column} AS VARCHAR)", pick.stored.missing) if pick.stored.missing else column


def value(pick: Pick, zone: str) -> str:
    """The SQL of a cell of the bundle that is no key: canonical text, a time, or a value of the card's type."""
    column, own = cell(pick), pick.stored.time_zone or zone
    if pick.card.type is not ColumnType.STRING:
        return typed(column, pick.card.type, own)
    text = f"CAST({column} AS VARCHAR)"
    return time_form(text_form(text), own, zone) if pick.temporal else text_form(text)


def typed(column: str, wanted: ColumnType, zone: str = KOREA) -> str:
    """The SQL that reads a column as a type of the card; NULL where it does not fit. Instants are in UTC."""
    if wanted is ColumnType.STRING:
        return f"CAST({column} AS VARCHAR)"
    if wanted is ColumnType.DATETIME:
        text = f"CAST({column} AS VARCHAR)"
        local = f"timezone('UTC', timezone({literal(zone)}, TRY_CAST({text} AS TIMESTAMP)))"
        instant = f"timezone('UTC', TRY_CAST({text} AS TIMESTAMPTZ))"
        # A text with an offset is an instant by itself; one without is the wall clock of its zone.
        return f"CASE WHEN regexp_matches({text}, '{OFFSET}') THEN {instant} ELSE {local} END"
    return f"TRY_CAST({column} AS {SQL_TYPES[wanted]})"


def misfit(column: str, wanted: ColumnType) -> str:
    """The SQL that is true where a cell does not fit the type: a fraction is no integer, although SQL would round it."""
    lost = f"{column} IS NOT NULL AND {typed(column, wanted)} IS NULL"
    if wanted is ColumnType.INTEGER:
        return f"({lost}) OR TRY_CAST({column} AS DOUBLE) <> floor(TRY_CAST({column} AS DOUBLE))"
    return lost


def key_text(pick: Pick) -> str:
    """The SQL of a key's canonical form: empty or NULL for none, PLACEHOLDER for what names nobody."""
    column = quoted(pick.stored.name)
    text = without_missing(f"CAST({column} AS VARCHAR)", pick.stored.missing)
    if pick.stored.type is ColumnType.INTEGER:
        text = f"CAST({typed(text, ColumnType.INTEGER)} AS VARCHAR)"
    return key_form(text, pick.key_domain or "")
