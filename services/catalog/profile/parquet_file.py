"""A whole Parquet file: its metadata first, and the values only when the metadata is modest."""

import struct
from collections.abc import Sequence
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from services.catalog.profile.engine import locked_engine, name, text
from services.catalog.profile.header import check_names
from services.catalog.schemas.limits import Limits
from services.catalog.schemas.reports import MOST_ERRORS, Fault, Findings, Report
from shared.contracts import Column, ColumnType

MAGIC = b"PAR1"
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
TYPES: dict[ColumnType, tuple[str, ...]] = {
    ColumnType.STRING: ("VARCHAR",),
    ColumnType.INTEGER: INTEGERS,
    ColumnType.NUMBER: ("DOUBLE", "FLOAT", "DECIMAL", *INTEGERS),
    ColumnType.BOOLEAN: ("BOOLEAN",),
    ColumnType.DATE: ("DATE",),
    ColumnType.DATETIME: ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"),
}


def check_parquet(path: Path, columns: Sequence[Column], limits: Limits) -> Report:
    findings, rows = Findings(), 0
    if fault := footer_fault(path, limits):
        findings.add(fault)
        return findings.report(0)
    with locked_engine(path.parent, limits) as engine:
        try:
            rows = check_metadata(engine, path, limits, findings)
            if not findings.count:
                check_types(engine, path, columns, limits, findings)
            if not findings.count:
                check_values(engine, path, columns, limits, findings)
        except duckdb.OutOfMemoryException:
            findings.add(Fault.NEEDS_TOO_MUCH_MEMORY)
        except duckdb.Error:
            findings.add(Fault.NOT_PARQUET)
    return findings.report(rows)


def footer_fault(path: Path, limits: Limits) -> Fault | None:
    size = path.stat().st_size
    if size == 0:
        return Fault.EMPTY_FILE
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(max(size - 8, 0))
        tail = file.read(8)
    if size < 12 or head != MAGIC or tail[4:] != MAGIC:
        return Fault.NOT_PARQUET
    footer: int = struct.unpack("<I", tail[:4])[0]
    if footer > limits.footer_bytes:
        return Fault.FOOTER_TOO_LARGE
    return Fault.NOT_PARQUET if footer > size - 12 else None


def check_metadata(engine: DuckDBPyConnection, path: Path, limits: Limits, findings: Findings) -> int:
    """Rows and row groups as the file's own metadata tells them; no row is read."""
    metadata, sizes = f"parquet_metadata({text(str(path))})", "any_value(row_group_num_rows), sum(total_uncompressed_size)"
    by_group = f"SELECT {sizes}, count(*) FROM {metadata} GROUP BY row_group_id"  # noqa: S608  the path is ours
    groups = engine.execute(by_group).fetchall()
    rows = sum(int(group[0]) for group in groups)
    if any(group[2] > limits.columns for group in groups):
        findings.add(Fault.TOO_MANY_COLUMNS)
    elif any(group[0] > limits.row_group_rows or group[1] > limits.row_group_bytes for group in groups):
        findings.add(Fault.ROW_GROUP_TOO_LARGE)
    elif not 0 < rows <= limits.rows:
        findings.add(Fault.TOO_MANY_ROWS if rows else Fault.NO_ROWS)
    return rows


def check_types(engine: DuckDBPyConnection, path: Path, columns: Sequence[Column], limits: Limits, findings: Findings) -> None:
    found = engine.execute(f"DESCRIBE SELECT * FROM {source(path)}").fetchall()  # noqa: S608  the path is ours
    if len(found) > limits.columns:
        return findings.add(Fault.TOO_MANY_COLUMNS)
    check_names([row[0] for row in found], columns, findings, line=None)
    types = {row[0]: str(row[1]) for row in found}
    for column in columns:
        if column.name in types and not fits(types[column.name], column.type):
            findings.add(Fault.COLUMN_WRONG_TYPE, column=column.name)
    return None


def fits(found: str, wanted: ColumnType) -> bool:
    return (found.split("(")[0] if found.endswith(")") else found) in TYPES[wanted]


def check_values(engine: DuckDBPyConnection, path: Path, columns: Sequence[Column], limits: Limits, findings: Findings) -> None:
    """Decode every page, and look for missing and unfit values."""
    tests = [test for column in columns for test in tests_of(column, limits)]
    counts = "".join(f", count_if({condition})" for _, _, condition in tests)
    hashes = "".join(f", bit_xor(hash({name(column.name)}))" for column in columns)
    row = engine.execute(f"SELECT count(*){hashes}{counts} FROM {source(path)}").fetchone()  # noqa: S608  column names are checked, the path is ours
    assert row is not None
    totals = row[1 + len(columns) :]
    failing = [test for test, count in zip(tests, totals, strict=True) if count]
    if not failing:
        return
    flags = ", ".join(condition for _, _, condition in failing)
    numbered, found = source(path, ", file_row_number=true"), f"list_contains([{flags}], true)"
    wanted = f"SELECT file_row_number + 1, [{flags}] FROM {numbered} WHERE {found}"  # noqa: S608  as above
    cells = engine.execute(f"{wanted} ORDER BY 1 LIMIT {MOST_ERRORS}").fetchall()
    for line, flags_found in cells:
        for (column, fault, _), is_failing in zip(failing, flags_found, strict=True):
            if is_failing:
                findings.keep(fault, line=line, column=column)
    findings.count += sum(totals)


def tests_of(column: Column, limits: Limits) -> list[tuple[str, Fault, str]]:
    cell, tests = name(column.name), []
    if not column.nullable:
        missing = f"{cell} IS NULL" + (f" OR {cell} = ''" if column.type is ColumnType.STRING else "")
        tests.append((column.name, Fault.MISSING_VALUE, f"({missing})"))
    if column.type is ColumnType.NUMBER:
        tests.append((column.name, Fault.NOT_A_NUMBER, f"({cell} IS NOT NULL AND NOT isfinite({cell}::DOUBLE))"))
    if column.type is ColumnType.STRING:
        tests.append((column.name, Fault.NUL_BYTE, f"(contains({cell}, chr(0)) IS TRUE)"))
        tests.append((column.name, Fault.CELL_TOO_LONG, f"(strlen({cell}) > {limits.cell_bytes}) IS TRUE"))
    return tests


def source(path: Path, options: str = "") -> str:
    return f"read_parquet({text(str(path))}{options})"
