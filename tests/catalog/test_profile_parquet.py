"""Parquet files: metadata first, then every value."""

import struct
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from services.catalog.profile import Limits, check_file
from services.catalog.schemas.reports import Report
from shared.contracts import Column

SMALL = Limits(memory_mb=256, threads=2)


def table(*specs: str) -> list[Column]:
    columns = []
    for spec in specs:
        name, kind = spec.rstrip("!").split(":")
        column = {"name": name, "type": kind, "role": "attribute", "nullable": not spec.endswith("!")}
        columns.append(Column.model_validate(column))
    return columns


def write(path: Path, query: str, options: str = "") -> Path:
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet{options})")
    return path


def check(path: Path, columns: Sequence[str], limits: Limits = SMALL) -> Report:
    return check_file(path, "application/vnd.apache.parquet", table(*columns), limits)


def found(report: Report) -> list[tuple[int | None, str | None, str]]:
    return [(error.line, error.column, error.code.value) for error in report.errors]


ALL = (
    "SELECT 'P' || i AS person, i::INTEGER AS age, i / 3.0 AS score, i::DECIMAL(10,2) AS price, i % 2 = 0 AS poor, "
    "DATE '2020-01-01' + i::INTEGER AS born, TIMESTAMP '2020-01-01 00:00:00' + to_seconds(i) AS seen FROM range(1000) t(i)"
)
ALL_COLUMNS = [
    "person:string!",
    "age:integer!",
    "score:number",
    "price:number",
    "poor:boolean",
    "born:date",
    "seen:datetime",
]


def test_a_sound_file_passes(tmp_path: Path) -> None:
    report = check(write(tmp_path / "table", ALL), ALL_COLUMNS)
    assert (found(report), report.rows, report.passed) == ([], 1000, True)


def test_names_and_types_are_those_of_the_table(tmp_path: Path) -> None:
    path = write(tmp_path / "table", "SELECT 1 AS age, 'x' AS extra, [1] AS nested, 1.5 AS whole")
    report = check(path, ["age:string", "missing:integer", "nested:integer", "whole:integer"])
    assert found(report) == [
        (None, "missing", "header-missing-column"), (None, "extra", "header-unknown-column"),
        (None, "age", "column-wrong-type"), (None, "nested", "column-wrong-type"), (None, "whole", "column-wrong-type"),
    ]  # fmt: skip


def test_bad_cells_are_named_by_row_and_column(tmp_path: Path) -> None:
    query = (
        "SELECT CASE i WHEN 700 THEN NULL WHEN 800 THEN '' WHEN 900 THEN 'a' || chr(0) ELSE 'x' END AS a, "
        "CASE i WHEN 3 THEN 'nan'::DOUBLE WHEN 5 THEN NULL ELSE i END AS b FROM range(200000) t(i)"
    )
    report = check(write(tmp_path / "table", query, ", ROW_GROUP_SIZE 2048"), ["a:string!", "b:number"])
    assert found(report) == [
        (4, "b", "not-a-number"), (701, "a", "missing-value"), (801, "a", "missing-value"), (901, "a", "nul-byte"),
    ]  # fmt: skip
    assert report.error_count == 4


def test_a_long_cell_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "table", "SELECT repeat('가', 30000) AS a UNION ALL SELECT 'x'")
    assert [code for _, _, code in found(check(path, ["a:string"]))] == ["cell-too-long"]


def test_a_large_row_group_is_refused_by_its_metadata(tmp_path: Path) -> None:
    rows = write(tmp_path / "rows", "SELECT i AS a FROM range(1300000) t(i)", ", ROW_GROUP_SIZE 2000000")
    assert found(check(rows, ["a:integer"])) == [(None, None, "row-group-too-large")]
    wide = write(tmp_path / "bytes", "SELECT md5(i::VARCHAR) AS a FROM range(200000) t(i)", ", ROW_GROUP_SIZE 200000")
    limits = Limits(memory_mb=256, row_group_bytes=1_000_000)
    assert found(check(wide, ["a:string"], limits)) == [(None, None, "row-group-too-large")]
    fine = write(tmp_path / "fine", "SELECT md5(i::VARCHAR) AS a FROM range(200000) t(i)", ", ROW_GROUP_SIZE 10000")
    assert check(fine, ["a:string"], limits).passed


def test_no_rows_and_too_many_rows(tmp_path: Path) -> None:
    assert found(check(write(tmp_path / "none", "SELECT 1 AS a WHERE false"), ["a:integer"])) == [(None, None, "no-rows")]
    many = write(tmp_path / "many", "SELECT i AS a FROM range(11) t(i)")
    assert found(check(many, ["a:integer"], Limits(rows=10))) == [(None, None, "too-many-rows")]


@pytest.mark.parametrize(
    "data", [b"PAR1", b"a,b\n1,2\n", b"PAR1" + b"x" * 100 + b"PAR1", b"PAR1" + b"\0" * 40 + b"\x10\0\0\0PAR1"]
)
def test_what_is_not_parquet(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "table").write_bytes(data)
    codes = ("not-parquet", "footer-too-large", "text-file")
    assert check(tmp_path / "table", ["a:integer"]).errors[0].code in codes


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "table").touch()
    assert found(check(tmp_path / "table", ["a:integer"])) == [(None, None, "empty-file")]


def test_a_footer_that_claims_gigabytes(tmp_path: Path) -> None:
    data = b"PAR1" + b"x" * 100 + struct.pack("<I", 2**31) + b"PAR1"
    (tmp_path / "table").write_bytes(data)
    assert found(check(tmp_path / "table", ["a:integer"])) == [(None, None, "footer-too-large")]


def test_damage_anywhere_gives_a_report(tmp_path: Path) -> None:
    """A flipped or a missing byte is a finding or harmless; it never raises."""
    sound = write(tmp_path / "sound", ALL, ", ROW_GROUP_SIZE 500").read_bytes()
    reports = []
    for position in range(0, len(sound), max(1, len(sound) // 60)):
        damaged = bytearray(sound)
        damaged[position] ^= 0x5A
        for data in (bytes(damaged), sound[:position]):
            (tmp_path / "table").write_bytes(data)
            reports.append(check(tmp_path / "table", ALL_COLUMNS))
    assert sum(not report.passed for report in reports) > len(reports) / 2


def test_only_its_own_folder_is_read(tmp_path: Path) -> None:
    """The engine is locked: no other file, no extension, no way to unlock it."""
    from services.catalog.profile.engine import locked_engine

    (tmp_path / "in").mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    forbidden = [
        f"SELECT * FROM read_csv('{tmp_path}/secret.csv')", f"SELECT * FROM read_csv('{tmp_path}/in/../secret.csv')",
        f"COPY (SELECT 1) TO '{tmp_path}/out.csv'", "INSTALL httpfs", "LOAD httpfs", "SET enable_external_access = true",
        f"ATTACH '{tmp_path}/other.db'", "SELECT * FROM read_text('/etc/passwd')",
    ]  # fmt: skip
    with locked_engine(tmp_path / "in", SMALL) as engine:
        for statement in forbidden:
            with pytest.raises(duckdb.Error):
                engine.execute(statement)
