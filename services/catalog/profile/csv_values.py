"""The values of a CSV file whose build is sound, against the types of the table definition.

Cells are read as text and compared with a pattern before they are cast: a cast alone would round 1.5 to 2, take 0x1F for a
number and drop the time zone of a date and time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from services.catalog.profile.cell_causes import cause_of
from services.catalog.profile.engine import name, text
from services.catalog.profile.forms import blank, cell_of
from services.catalog.profile.header import Names
from services.catalog.schemas.limits import Limits
from services.catalog.schemas.reports import MOST_ERRORS, Cause, Fault
from shared.contracts import Column, ColumnType

DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
# A day may be written as its midnight, and a whole number with a fraction of zeros: nothing is lost.
MIDNIGHT = r"([T ]00:00(:00(\.0{1,9})?)?)?"
SIGNED = r"[+-]([01][0-9]|2[0-3]):?[0-5][0-9]"
OFFSET = rf"(Z|{SIGNED})?"
# Casts of the cell as it stands: with a function around it, DuckDB plans 2,000 columns for minutes.
SHAPES: dict[ColumnType, tuple[Fault, str, str]] = {
    ColumnType.INTEGER: (
        Fault.NOT_AN_INTEGER,
        r"[+-]?[0-9]{1,19}(\.0*)?",
        "try_cast({} AS BIGINT) IS NOT NULL",
    ),
    ColumnType.NUMBER: (
        Fault.NOT_A_NUMBER,
        r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?",
        "coalesce(isfinite(try_cast({} AS DOUBLE)), false)",
    ),
    ColumnType.BOOLEAN: (Fault.NOT_A_BOOLEAN, r"(?i:true|false)|0|1", "true"),
    ColumnType.DATE: (Fault.NOT_A_DATE, DATE + MIDNIGHT, "try_cast({} AS DATE) IS NOT NULL"),
    ColumnType.DATETIME: (
        Fault.NOT_A_DATETIME,
        rf"{DATE}[T ]{CLOCK}{OFFSET}",
        "try_cast({} AS TIMESTAMP) IS NOT NULL",
    ),
}
# The same value in the form that every reader casts.
PLAIN: dict[ColumnType, tuple[str, str]] = {
    ColumnType.INTEGER: ("contains({}, '.')", "split_part({}, '.', 1)"),
    ColumnType.DATE: ("length({}) > 10", "left({}, 10)"),
    # A cast to TIMESTAMP would drop the offset.
    ColumnType.DATETIME: (
        f"regexp_matches({{}}, '{SIGNED}$')",
        f"CASE WHEN regexp_matches({{0}}, '{SIGNED}$') THEN "
        "strftime(timezone('UTC', try_cast({0} AS TIMESTAMPTZ)), '%Y-%m-%dT%H:%M:%S.%fZ') ELSE {0} END",
    ),
}


@dataclass(frozen=True)
class Test:
    """`condition`: SQL that is true for a cell with this fault."""

    column: str
    fault: Fault
    condition: str


@dataclass(frozen=True)
class Located:
    """A failing cell: the number of its record, from 0, and what was most likely meant."""

    record: int
    column: str
    fault: Fault
    cause: Cause | None


class Values:
    """Questions to one file. Record numbers count from 0."""

    def __init__(
        self, engine: DuckDBPyConnection, path: Path, names: Names, columns: Sequence[Column], delimiter: str, limits: Limits
    ) -> None:
        self.engine, self.columns = engine, columns
        self.source = csv_source(path, names, delimiter, limits)
        self.tests = [test for column in columns for test in tests_of(column)]
        self.unnamed = [(position, unnamed(position)) for position in names.unnamed]

    def count(self) -> tuple[int, list[int], list[int]]:
        """The number of rows, of cells that fail each test, and of values in each column without a name."""
        counts = "".join(f", count_if({test.condition})" for test in self.tests)
        nameless = "".join(f", count({name(column)})" for _, column in self.unnamed)
        row = self.engine.execute(f"SELECT count(*){counts}{nameless} FROM {self.source}").fetchone()  # noqa: S608  column names are checked, the path is ours
        assert row is not None
        end = 1 + len(self.tests)
        return row[0], list(row[1:end]), list(row[end:])

    def locate(self, counts: Sequence[int]) -> list[Located]:
        """The first failing cells, in the order of the file."""
        failing = [test for test, count in zip(self.tests, counts, strict=True) if count]
        flags = ", ".join(test.condition for test in failing)
        # A cause can be told from the beginning of a cell; it leaves this process as a code alone.
        cells = ", ".join(f"left({name(test.column)}, 100)" for test in failing)
        flagged = f"SELECT row_number() OVER () - 1 AS record, [{flags}] AS flags, [{cells}] AS cells FROM {self.source}"  # noqa: S608  as above
        first = f"SELECT * FROM ({flagged}) WHERE list_contains(flags, true) LIMIT {MOST_ERRORS}"  # noqa: S608  as above
        rows = self.engine.execute(first).fetchall()
        types = {column.name: column.type for column in self.columns}
        found = [
            Located(record, test.column, test.fault, cause_of(cell, test.fault, types[test.column]))
            for record, flagged_cells, values in sorted(rows, key=lambda row: row[0])
            for test, is_failing, cell in zip(failing, flagged_cells, values, strict=True)
            if is_failing
        ]
        return found[:MOST_ERRORS]

    def first_value(self, column: str) -> int:
        """The record of the first value of a column that has one."""
        numbered = f"SELECT row_number() OVER () - 1 AS record, {name(column)} AS cell FROM {self.source}"  # noqa: S608  as above
        row = self.engine.execute(f"SELECT record FROM ({numbered}) WHERE cell IS NOT NULL LIMIT 1").fetchone()  # noqa: S608  as above
        assert row is not None
        return int(row[0])

    def lenient(self) -> bool:
        """Whether a value stands in a form that not every reader takes, or a word for missing in a typed column."""
        conditions = [condition for column in self.columns for condition in lenient_forms(column)]
        if not conditions:
            return False
        row = self.engine.execute(f"SELECT bool_or({' OR '.join(conditions)}) FROM {self.source}").fetchone()  # noqa: S608  as above
        return bool(row and row[0])


def tests_of(column: Column) -> list[Test]:
    """The tests of a column's cells."""
    cell, tests = cell_of(column), []
    if not column.nullable:
        missing = f"{cell} IS NULL"
        if column.type is ColumnType.STRING:
            missing = f"({missing} OR {blank(name(column.name))})"
        tests.append(Test(column.name, Fault.MISSING_VALUE, missing))
    if shape := SHAPES.get(column.type):
        fault, pattern, cast = shape
        raw = name(column.name)
        sound = f"regexp_full_match({raw}, {text(pattern)}) AND {cast.format(raw)}"
        tests.append(Test(column.name, fault, f"({cell} IS NOT NULL AND NOT ({sound}))"))
    return tests


def lenient_forms(column: Column) -> list[str]:
    raw = name(column.name)
    forms = [PLAIN[column.type][0].format(raw)] if column.type in PLAIN else []
    if column.missing and column.type is not ColumnType.STRING:
        forms.append(f"({raw} IS NOT NULL AND {cell_of(column)} IS NULL)")
    return forms


def plain_value(column: Column) -> str:
    """The SQL of a cell in the form that every reader casts."""
    raw = name(column.name)
    cell = cell_of(column)
    return PLAIN[column.type][1].format(f"({cell})") if column.type in PLAIN else cell if column.missing else raw


def unnamed(position: int) -> str:
    """What a column without a name is called here; no machine name has a blank."""
    return f"column {position}"


def csv_source(path: Path, names: Names, delimiter: str, limits: Limits) -> str:
    """The table function that reads a file, all cells as text, in its own order."""
    read = [column or unnamed(position) for position, column in enumerate(names.columns)]
    columns = ", ".join(f"{text(column)}: 'VARCHAR'" for column in read)
    return (
        f"read_csv({text(str(path))}, auto_detect=false, header=true, delim={text(delimiter)}, quote='\"', escape='\"', "
        f"comment='', strict_mode=true, max_line_size={max(limits.record_bytes, limits.header_bytes) + 16}, "
        f"columns={{{columns}}})"
    )
