"""Types of Parquet columns beside those of the table: which fit, which fit where no value changes, and how."""

import re

from services.catalog.profile.engine import name
from services.catalog.schemas.reports import Fault
from shared.contracts import Column, ColumnType

SMALL = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
LARGE = ("UBIGINT", "HUGEINT", "UHUGEINT")
FLOATS = ("DOUBLE", "FLOAT")
WITHOUT_ZONE = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
TYPES: dict[ColumnType, tuple[str, ...]] = {
    ColumnType.STRING: ("VARCHAR",),
    ColumnType.INTEGER: SMALL,
    ColumnType.NUMBER: (*FLOATS, "DECIMAL", *SMALL),
    ColumnType.BOOLEAN: ("BOOLEAN",),
    ColumnType.DATE: ("DATE",),
    ColumnType.DATETIME: (*WITHOUT_ZONE, "TIMESTAMP WITH TIME ZONE"),
}
SQL_TYPES: dict[ColumnType, str] = {
    ColumnType.STRING: "VARCHAR",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.NUMBER: "DOUBLE",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATE: "DATE",
    ColumnType.DATETIME: "TIMESTAMP",
}
# Larger whole numbers are not all there among floats.
EXACT = 2**53


def fits(found: str, wanted: ColumnType) -> bool:
    """Whether every value of the found type is one of the wanted."""
    return plain(found) in TYPES[wanted]


def plain(found: str) -> str:
    return found.split("(")[0] if found.endswith(")") else found


def exact_where(found: str, column: Column) -> tuple[str, Fault] | None:
    """For a type of which some values fit: the SQL that is true where one does not, and that fault."""
    cell, kind = name(column.name), plain(found)
    if column.type is ColumnType.INTEGER:
        if kind in LARGE or re.fullmatch(r"DECIMAL\([0-9]+,0\)", found):
            return f"({cell} IS NOT NULL AND try_cast({cell} AS BIGINT) IS NULL)", Fault.NOT_AN_INTEGER
        if kind in FLOATS:
            sound = f"isfinite({cell}) AND trunc({cell}) = {cell} AND abs({cell}) <= {EXACT}"
            return f"({cell} IS NOT NULL AND NOT ({sound}))", Fault.NOT_AN_INTEGER
    if column.type is ColumnType.NUMBER and kind in LARGE:
        return "false", Fault.NOT_A_NUMBER
    if column.type is ColumnType.DATE and kind in (*WITHOUT_ZONE, "TIMESTAMP WITH TIME ZONE"):
        at = f"CAST({cell} AS TIMESTAMP)"
        return f"({cell} IS NOT NULL AND NOT (isfinite({at}) AND date_trunc('day', {at}) = {at}))", Fault.NOT_A_DATE
    return None


def converted(found: str, column: Column, *, empty: bool) -> str:
    """The SQL of a cell in a type that fits; `empty`: the column has no value."""
    cell, wanted = name(column.name), SQL_TYPES[column.type]
    if empty and not fits(found, column.type):
        return f"CAST(NULL AS {wanted})"
    if fits(found, column.type):
        return cell
    middle = f"CAST({cell} AS TIMESTAMP)" if column.type is ColumnType.DATE else cell
    return f"CAST({middle} AS {wanted})"


def shown(found: str) -> str:
    """The name of a type as people know it, bounded."""
    return (found if len(found) <= 60 else found[:59] + "…").lower()
