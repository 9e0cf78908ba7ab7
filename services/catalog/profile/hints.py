"""What does not refuse a file but will hurt later: keys, spellings, and rows that are none. No value leaves."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from services.catalog.profile import categories, keys
from services.catalog.schemas.reports import MOST_LINES, FileError, Findings, KeyProfile, Warned
from shared.contracts import Column, ColumnRole, ColumnType

LinesOf = Callable[[set[int]], dict[int, int]]


@dataclass(frozen=True)
class Table:
    """A file that was read: its rows as `source`, and the SQL of each column's cell."""

    engine: duckdb.DuckDBPyConnection
    source: str
    columns: Sequence[Column]
    cells: Mapping[str, str]
    rows: int

    def of_type(self, *roles: ColumnRole) -> Iterable[Column]:
        """The columns of texts in one of these roles."""
        return (one for one in self.columns if one.role in roles and one.type is ColumnType.STRING)

    def numbered(self, cell: str) -> str:
        """SQL of the rows with their number, from 0, and one cell."""
        return f"(SELECT row_number() OVER () - 1 AS record, {cell} AS cell FROM {self.source})"  # noqa: S608  column names are checked, the path is ours


def look(table: Table, findings: Findings, lines_of: LinesOf) -> list[KeyProfile]:
    """Add warnings, and give the profile of each key column."""
    profiles, found = [], Findings(table.columns)
    for column in table.columns:
        if column.role is ColumnRole.KEY and column.type is not ColumnType.STRING:
            found.warn(Warned.KEY_TYPE, column=column.name, wanted=column.type.value)
    for column in table.of_type(ColumnRole.KEY):
        try:
            profiles.append(keys.profile(table, column, found))
        except duckdb.OutOfMemoryException:
            found.warn(Warned.NOT_PROFILED, column=column.name)
    for column in table.of_type(*set(ColumnRole) - {ColumnRole.KEY}):
        try:
            categories.compare(table, column, found)
        except duckdb.OutOfMemoryException:
            found.warn(Warned.NOT_PROFILED, column=column.name)
    lines = lines_of({record for warning in found.warnings for record in warning.lines})
    findings.warnings += [placed(warning, lines) for warning in found.warnings]
    return profiles


def placed(warning: FileError, lines: Mapping[int, int]) -> FileError:
    """The warning with lines of the file instead of records."""
    where = sorted(lines[record] for record in warning.lines)[:MOST_LINES]
    return warning.model_copy(update={"lines": where, "line": min(where, default=None)})
