"""A whole Parquet file: its metadata first, and the values only when the metadata is modest."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from services.catalog.profile import converting, hints
from services.catalog.profile.cell_causes import cause_of
from services.catalog.profile.engine import locked_engine, name, text
from services.catalog.profile.forms import add_functions, blank, without_missing
from services.catalog.profile.header import Names, check_names
from services.catalog.profile.media import PARQUET, content_of
from services.catalog.profile.parquet_types import converted, exact_where, fits, shown
from services.catalog.schemas.limits import Limits
from services.catalog.schemas.reports import MOST_ERRORS, Fault, Findings, Report
from shared.contracts import Column, ColumnType

MAGIC = b"PAR1"


@dataclass(frozen=True)
class Shape:
    """The columns of a file under their machine names, with the types that they have in it."""

    names: Names
    types: Mapping[str, str]
    source: str
    empty: frozenset[str]  # columns in which every value is missing

    def test_of(self, column: Column) -> tuple[str, Fault] | None:
        """Where a column's type fits only some of its values: the condition of a cell that does not fit."""
        found = self.types[column.name]
        return None if fits(found, column.type) or column.name in self.empty else exact_where(found, column)

    @property
    def plain(self) -> bool:
        return self.names.as_written


def check_parquet(path: Path, columns: Sequence[Column], limits: Limits, findings: Findings) -> Report:
    """The report on a file that is sent as Parquet; a finding names a row, from 1, as its line."""
    if fault := footer_fault(path, limits):
        findings.add(fault)
        return findings.report(0)
    rows, report = 0, None
    with locked_engine(path.parent, limits) as engine:
        add_functions(engine)
        try:
            rows = check_metadata(engine, path, limits, findings)
            shape = None if findings.count else check_types(engine, path, columns, limits, findings)
            if shape is not None and not findings.count:
                check_values(engine, shape, columns, limits, findings)
            if shape is not None and not findings.count:
                report = finished(engine, path, shape, columns, rows, findings)
        except duckdb.OutOfMemoryException:
            findings.add(Fault.NEEDS_TOO_MUCH_MEMORY)
        except duckdb.Error:
            findings.add(Fault.NOT_PARQUET)
    return report if report is not None and not findings.count else findings.report(rows)


def finished(
    engine: DuckDBPyConnection, path: Path, shape: Shape, columns: Sequence[Column], rows: int, findings: Findings
) -> Report:
    """Warnings, and the file in the table's names and types where it has others."""
    typed = {c.name: converted(shape.types[c.name], c, empty=c.name in shape.empty) for c in columns}
    cells = {c.name: cell_of(c) if fits(shape.types[c.name], c.type) else typed[c.name] for c in columns}
    table = hints.Table(engine, shape.source, columns, cells, rows)
    keys = hints.look(table, findings, lambda wanted: {record: record + 1 for record in wanted})
    if shape.plain and all(fits(shape.types[column.name], column.type) for column in columns):
        return findings.report(rows).model_copy(update={"keys": keys})
    converting.write_parquet(engine, shape.source, typed, path.with_name(converting.CONVERTED), rows)
    return findings.report(rows).model_copy(update={"keys": keys, "converted": PARQUET})


def footer_fault(path: Path, limits: Limits) -> Fault | None:
    size = path.stat().st_size
    if size == 0:
        return Fault.EMPTY_FILE
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(max(size - 8, 0))
        tail = file.read(8)
    if head != MAGIC:
        return other_content(path)
    if size < 12 or tail[4:] != MAGIC:
        return Fault.NOT_PARQUET
    footer: int = struct.unpack("<I", tail[:4])[0]
    if footer > limits.footer_bytes:
        return Fault.FOOTER_TOO_LARGE
    return Fault.NOT_PARQUET if footer > size - 12 else None


def other_content(path: Path) -> Fault:
    """What a file without Parquet's mark is."""
    found = content_of(path)
    if found is None:
        with path.open("rb") as file:
            head = file.read(4096)
        return Fault.NOT_PARQUET if b"\0" in head else Fault.TEXT_FILE
    return found


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


def check_types(
    engine: DuckDBPyConnection, path: Path, columns: Sequence[Column], limits: Limits, findings: Findings
) -> Shape | None:
    """Names and types against the table's; None where there are more columns than accepted."""
    described = engine.execute(f"DESCRIBE SELECT * FROM {source(path)}").fetchall()  # noqa: S608  the path is ours
    if len(described) > limits.columns:
        findings.add(Fault.TOO_MANY_COLUMNS)
        return None
    names = check_names([row[0] for row in described], columns, findings, line=None)
    types = {own: str(row[1]) for own, row in zip(names.columns, described, strict=True) if own}
    written = {own: row[0] for own, row in zip(names.columns, described, strict=True) if own}
    picked = ", ".join(f"{name(written[c.name])} AS {name(c.name)}" for c in columns if c.name in written)
    renamed = f"(SELECT {picked} FROM {source(path)})"  # noqa: S608  names are quoted
    unfit = [c for c in columns if c.name in types and not fits(types[c.name], c.type)]
    empty = {c.name for c in unfit if without_values(engine, renamed, c)}
    for column in unfit:
        if column.name not in empty and exact_where(types[column.name], column) is None:
            own = shown(types[column.name])
            findings.add(Fault.COLUMN_WRONG_TYPE, column=column.name, found=own, wanted=column.type.value)
    return Shape(names, types, renamed, frozenset(empty))


def without_values(engine: DuckDBPyConnection, rows: str, column: Column) -> bool:
    found = engine.execute(f"SELECT 1 FROM {rows} WHERE {name(column.name)} IS NOT NULL LIMIT 1").fetchone()  # noqa: S608  names are quoted
    return found is None


def check_values(engine: DuckDBPyConnection, shape: Shape, columns: Sequence[Column], limits: Limits, findings: Findings) -> None:
    """Decode every page, and look for missing and unfit values."""
    tests = [test for column in columns for test in tests_of(column, shape, limits)]
    counts = "".join(f", count_if({condition})" for _, _, condition in tests)
    hashes = "".join(f", bit_xor(hash({name(column.name)}))" for column in columns)
    row = engine.execute(f"SELECT count(*){hashes}{counts} FROM {shape.source}").fetchone()  # noqa: S608  column names are checked, the path is ours
    assert row is not None
    totals = row[1 + len(columns) :]
    failing = [test for test, count in zip(tests, totals, strict=True) if count]
    if not failing:
        return
    flags = ", ".join(condition for _, _, condition in failing)
    cells = ", ".join(f"left(CAST({name(column)} AS VARCHAR), 100)" for column, _, _ in failing)
    flagged = f"SELECT row_number() OVER () AS line, [{flags}] AS flags, [{cells}] AS cells FROM {shape.source}"  # noqa: S608  as above
    found = engine.execute(f"SELECT * FROM ({flagged}) WHERE list_contains(flags, true) LIMIT {MOST_ERRORS}").fetchall()  # noqa: S608  as above
    wanted = {column.name: column.type for column in columns}
    for line, flags_found, values in sorted(found, key=lambda row: row[0]):
        for (column, fault, _), is_failing, value in zip(failing, flags_found, values, strict=True):
            if is_failing:
                findings.keep(fault, line=line, column=column, cause=cause_of(value, fault, wanted[column]))
    findings.count += sum(totals)


def tests_of(column: Column, shape: Shape, limits: Limits) -> list[tuple[str, Fault, str]]:
    """Name, fault, and the condition under which a cell has that fault."""
    cell, tests = name(column.name), []
    own = fits(shape.types[column.name], column.type)
    if not column.nullable:
        missing = f"{cell} IS NULL"
        if column.type is ColumnType.STRING and own:
            missing = f"{cell_of(column)} IS NULL OR {blank(cell)}"
        tests.append((column.name, Fault.MISSING_VALUE, f"({missing})"))
    if test := shape.test_of(column):
        tests.append((column.name, test[1], test[0]))
    if column.type is ColumnType.NUMBER and own:
        tests.append((column.name, Fault.NOT_A_NUMBER, f"({cell} IS NOT NULL AND NOT isfinite({cell}::DOUBLE))"))
    if column.type is ColumnType.STRING and own:
        tests.append((column.name, Fault.NUL_BYTE, f"(contains({cell}, chr(0)) IS TRUE)"))
        tests.append((column.name, Fault.CELL_TOO_LONG, f"(strlen({cell}) > {limits.cell_bytes}) IS TRUE"))
    return tests


def cell_of(column: Column) -> str:
    """A cell; of a text, NULL where it is a word for missing."""
    words = column.missing if column.type is ColumnType.STRING else ()
    return without_missing(name(column.name), words)


def source(path: Path) -> str:
    return f"read_parquet({text(str(path))})"
