"""The values of a CSV file whose build is sound, against the types of the table definition.

Cells are read as text and compared with a pattern before they are cast: a cast alone would round 1.5 to 2, take 0x1F for a
number and drop the time zone of a date and time.
"""

from collections.abc import Sequence
from pathlib import Path

from duckdb import DuckDBPyConnection

from services.catalog.profile.engine import name, text
from services.catalog.schemas.limits import Limits
from services.catalog.schemas.reports import MOST_ERRORS, Fault
from shared.contracts import Column, ColumnType

DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
SHAPES: dict[ColumnType, tuple[Fault, str, str]] = {
    ColumnType.INTEGER: (Fault.NOT_AN_INTEGER, r"[+-]?[0-9]{1,19}", "try_cast({} AS BIGINT) IS NOT NULL"),
    ColumnType.NUMBER: (
        Fault.NOT_A_NUMBER,
        r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?",
        "coalesce(isfinite(try_cast({} AS DOUBLE)), false)",
    ),
    ColumnType.BOOLEAN: (Fault.NOT_A_BOOLEAN, r"(?i:true|false)|0|1", "true"),
    ColumnType.DATE: (Fault.NOT_A_DATE, DATE, "try_cast({} AS DATE) IS NOT NULL"),
    ColumnType.DATETIME: (
        Fault.NOT_A_DATETIME,
        DATE + r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?Z?",
        "try_cast(rtrim({}, 'Z') AS TIMESTAMP) IS NOT NULL",
    ),
}


class Values:
    """Questions to one file. Record numbers count from 0."""

    def __init__(
        self, engine: DuckDBPyConnection, path: Path, names: Sequence[str], columns: Sequence[Column], limits: Limits
    ) -> None:
        self.engine, self.source = engine, csv_source(path, names, limits)
        self.tests = [test for column in columns for test in tests_of(column)]

    def count(self) -> tuple[int, list[int]]:
        """The number of rows, and of cells that fail each test."""
        counts = "".join(f", count_if({condition})" for _, _, condition in self.tests)
        row = self.engine.execute(f"SELECT count(*){counts} FROM {self.source}").fetchone()  # noqa: S608  column names are checked, the path is ours
        assert row is not None
        return row[0], list(row[1:])

    def locate(self, counts: Sequence[int]) -> list[tuple[int, str, Fault]]:
        """Record, column and fault of the first failing cells, in the order of the file."""
        failing = [test for test, count in zip(self.tests, counts, strict=True) if count]
        flags = ", ".join(condition for _, _, condition in failing)
        flagged = f"SELECT row_number() OVER () - 1 AS record, [{flags}] AS flags FROM {self.source}"  # noqa: S608  as above
        first = f"SELECT * FROM ({flagged}) WHERE list_contains(flags, true) LIMIT {MOST_ERRORS}"  # noqa: S608  as above
        rows = self.engine.execute(first).fetchall()
        cells = [
            (record, column, fault)
            for record, found in sorted(rows)
            for (column, fault, _), is_failing in zip(failing, found, strict=True)
            if is_failing
        ]
        return cells[:MOST_ERRORS]


def tests_of(column: Column) -> list[tuple[str, Fault, str]]:
    """Name, fault, and the condition under which a cell has that fault."""
    cell, tests = name(column.name), []
    if not column.nullable:
        tests.append((column.name, Fault.MISSING_VALUE, f"{cell} IS NULL"))
    if shape := SHAPES.get(column.type):
        fault, pattern, cast = shape
        sound = f"regexp_full_match({cell}, {text(pattern)}) AND {cast.format(cell)}"
        tests.append((column.name, fault, f"({cell} IS NOT NULL AND NOT ({sound}))"))
    return tests


def csv_source(path: Path, names: Sequence[str], limits: Limits) -> str:
    columns = ", ".join(f"{text(column)}: 'VARCHAR'" for column in names)
    return (
        f"read_csv({text(str(path))}, auto_detect=false, header=true, delim=',', quote='\"', escape='\"', comment='', "
        f"strict_mode=true, max_line_size={max(limits.record_bytes, limits.header_bytes) + 16}, columns={{{columns}}})"
    )
