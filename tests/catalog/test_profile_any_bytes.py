"""Whatever bytes come under whatever media type, the answer is a report, and what passes is what other readers read."""

import csv
import io
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.catalog.profile import Limits, check_file
from services.catalog.profile.media import XLSX
from services.catalog.schemas.causes import sentence
from services.catalog.schemas.reports import Report
from shared.contracts import Column
from tests.catalog.workbooks import workbook
from tests.exploring import examples

pytestmark = pytest.mark.heavy
LIMITS = Limits(memory_mb=256, threads=1, workbook_bytes=20_000_000, workbook_cells=1_000_000)
CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
COLUMNS = [
    Column.model_validate({"name": "a", "type": "string", "role": "key", "key_domain": "person", "source_name": "번호"}),
    Column.model_validate({"name": "b", "type": "string", "role": "attribute", "missing": ["-"]}),
]
TYPED = [
    Column.model_validate({"name": name, "type": kind, "role": "attribute"})
    for name, kind in (("a", "string"), ("i", "integer"), ("x", "number"), ("t", "boolean"), ("d", "date"), ("s", "datetime"))
]
PIECES = [
    b'"', b",", b"\n", b"\r\n", b"\r", b"a", b"\xff", b"\0", "가".encode(), b" ", b";", b"\t", b"|", b"-", b"1.0", b"0000000",
    "\ufeff".encode(), "\u200b".encode(), "합계".encode(), "가".encode("cp949"), b"\xd8\x00", b"\x1a", b"\\", b"'", b"#", b"=1+1",
]  # fmt: skip
CSV_TYPES = [
    CSV, "text/csv; charset=cp949", "text/csv; charset=utf-16", "text/csv; delimiter=semicolon", "text/csv; delimiter=tab",
    "application/octet-stream", "application/vnd.ms-excel",
]  # fmt: skip
HEADERS = [b"a,b\n", b"b,a\r\n", "번호,b\n".encode(), b"a,b,\n", b"a;b\n", b" a ,b\n", b"\xef\xbb\xbfa,b\n", b""]


def check(data: bytes, media_type: str, columns: list[Column]) -> tuple[Report, bytes]:
    """The report, and the file that readers would get; no sentence of it fails."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table"
        path.write_bytes(data)
        report = check_file(path, media_type, columns, LIMITS)
        Report.model_validate_json(report.model_dump_json())
        assert all(sentence(one).ko and sentence(one).en for one in [*report.errors, *report.warnings])
        assert report.passed or report.errors
        return report, path.with_name("converted" if report.passed and report.converted else "table").read_bytes()


def agrees(report: Report, readable: bytes, columns: list[Column]) -> None:
    """What passes is read by the csv module of the standard library as the same table."""
    if report.passed and (report.converted or CSV) == CSV:
        rows = list(csv.reader(io.StringIO(readable.decode("utf-8-sig"), newline=""), strict=True))
        assert sorted(rows[0]) == sorted(column.name for column in columns)
        assert len(rows) == report.rows + 1
        assert {len(cells) for cells in rows} == {len(columns)}


quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@settings(max_examples=examples(100), suppress_health_check=quiet)
@given(
    header=st.sampled_from(HEADERS), data=st.lists(st.sampled_from(PIECES)).map(b"".join), media_type=st.sampled_from(CSV_TYPES)
)
@example(header=b"a,b\n", data=b',""\r', media_type=CSV)
def test_any_pieces_of_csv(header: bytes, data: bytes, media_type: str) -> None:
    report, readable = check(header + data, media_type, COLUMNS)
    agrees(report, readable, COLUMNS)


edits = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from("cdi"), st.integers(0, 255)), max_size=6)


def edited(data: bytes, changes: list[tuple[float, str, int]]) -> bytes:
    """The bytes with some changed, left out or put in."""
    body = bytearray(data)
    for where, kind, byte in changes:
        place = int(where * len(body))
        if kind == "i":
            body.insert(place, byte)
        elif body and kind == "c":
            body[place] = byte
        elif body:
            del body[place : place + 1 + byte // 64]
    return bytes(body)


@cache
def sound(kind: str) -> bytes:
    if kind == "parquet":
        with TemporaryDirectory() as folder, duckdb.connect() as connection:
            path = Path(folder) / "made"
            columns = (
                "'a' || i AS a, i AS i, i / 3 AS x, i % 2 = 0 AS t, DATE '2026-01-01' + i::INTEGER AS d, now()::TIMESTAMP AS s"
            )
            connection.execute("SET threads = 1")
            connection.execute(f"COPY (SELECT {columns} FROM range(40) t(i)) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
            return path.read_bytes()
    header, row = ["a", "i", "x", "t", "d", "s"], ["가1", 1, 1.5, True, date(2026, 3, 25), "2026-03-25T01:02:03+09:00"]
    if kind == "xlsx":
        return workbook([header, *[row] * 5])
    lines = [header, *[["가1", "1.0", "-2.5e3", "true", "2026-03-25 00:00:00", "2026-03-25T01:02:03+09:00"]] * 5]
    return "\r\n".join(",".join(line) for line in lines).encode()


@settings(max_examples=examples(60), suppress_health_check=quiet)
@given(changes=edits)
def test_an_edited_csv(changes: Any) -> None:
    report, readable = check(edited(sound("csv"), changes), CSV, TYPED)
    agrees(report, readable, TYPED)


@settings(max_examples=examples(100), suppress_health_check=quiet)
@given(changes=edits)
def test_an_edited_parquet(changes: Any) -> None:
    check(edited(sound("parquet"), changes), PARQUET, TYPED)


@settings(max_examples=examples(100), suppress_health_check=quiet)
@given(changes=edits)
def test_an_edited_workbook(changes: Any) -> None:
    """Most edits of the archive end in its checksums."""
    report, readable = check(edited(sound("xlsx"), changes), XLSX, TYPED)
    agrees(report, readable, TYPED)


XML = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
SCRAPS = [
    '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1" t="inlineStr"><is><t>b</t></is></c></row>',
    "<row>", "</row>", '<row r="3">', '<row r="0">', '<row r="x">', '<c r="A2"><v>1</v></c>', '<c r="B2" t="b"><v>1</v></c>',
    '<c r="B3" t="e"><v>#N/A</v></c>',
    '<c t="s"><v>99</v></c>', '<c r="C2"><v>1e400</v></c>',
    '<c r="A3" t="d"><v>2026-01-01</v></c>',
    '<c r="B9" t="str"><v>-</v></c>', '<c r="ZZZZZ9"/>',
    '<c r="-1"><v>1</v></c>', '<c r="A2" s="1"><v>-5e9</v></c>', "</c>", "&x;",
    '<c r="A4" t="inlineStr"><is><t>\n,"</t></is></c>', '<c r="A5" s="99"><v>nan</v></c>', "<mergeCell/>", "<v>", "\x00",
]  # fmt: skip


@settings(max_examples=examples(100), suppress_health_check=quiet)
@given(scraps=st.lists(st.sampled_from(SCRAPS), max_size=12))
def test_any_scraps_of_a_sheet(scraps: list[str]) -> None:
    report, readable = check(workbook(XML.format("".join(scraps))), XLSX, COLUMNS)
    agrees(report, readable, COLUMNS)


KINDS = ["VARCHAR", "BIGINT", "UBIGINT", "HUGEINT", "DOUBLE", "FLOAT", "DECIMAL(12,0)", "DECIMAL(9,3)", "BOOLEAN", "DATE",
         "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_NS", "BLOB", "UUID", "TIME", "INTERVAL", "BIGINT[]"]  # fmt: skip
VALUES = ["NULL", "'1'", "'0'", "'2026-03-25'", "'2026-03-25 00:00:00'", "'nan'", "'inf'", "'-infinity'", "'true'", "'9e18'",
          "'18446744073709551615'", "'1.5'", "' '", "'가'", "''"]  # fmt: skip


@settings(max_examples=examples(100), suppress_health_check=quiet)
@given(
    kinds=st.tuples(*[st.sampled_from(KINDS)] * 6),
    rows=st.lists(st.tuples(*[st.sampled_from(VALUES)] * 6), min_size=1, max_size=4),
)
def test_any_types_of_parquet(kinds: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    names = [column.name for column in TYPED]
    selects = [
        "SELECT "
        + ", ".join(f"TRY_CAST({value} AS {kind}) AS {name}" for name, kind, value in zip(names, kinds, row, strict=True))
        for row in rows
    ]
    with TemporaryDirectory() as folder, duckdb.connect(config={"threads": 1}) as connection:
        path = Path(folder) / "made"
        connection.execute(f"COPY ({' UNION ALL '.join(selects)}) TO '{path}' (FORMAT parquet)")
        data = path.read_bytes()
    report, readable = check(data, PARQUET, TYPED)
    if report.passed:
        with TemporaryDirectory() as folder, duckdb.connect(config={"threads": 1}) as connection:
            (Path(folder) / "read").write_bytes(readable)
            read = connection.execute(f"SELECT count(*) FROM read_parquet('{folder}/read')").fetchone()
        assert read == (report.rows,) == (len(rows),)
