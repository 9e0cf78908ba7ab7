"""Every way in which a CSV file can be unfit, each named by line, column and reason, never by its value."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.catalog.profile import Limits, check_file
from services.catalog.schemas.reports import Report
from shared.canonical import canonical_text
from shared.contracts import Column
from tests.exploring import examples

SMALL = Limits(memory_mb=256, threads=2)
PEOPLE = ["person:string!", "born:date", "age:integer!", "score:number", "poor:boolean", "seen:datetime"]
HEAD = b"person,born,age,score,poor,seen\n"
ROW = b"P1,1980-02-29,44,1.5,true,2024-01-01T09:30:00Z\n"


def table(*specs: str) -> list[Column]:
    """`name:type` for each column; a `!` behind it: a value is needed."""
    columns = []
    for spec in specs:
        name, kind = spec.rstrip("!").split(":")
        column = {"name": name, "type": kind, "role": "attribute", "nullable": not spec.endswith("!")}
        columns.append(Column.model_validate(column))
    return columns


def check(folder: Path, data: bytes, columns: Sequence[str] = PEOPLE, limits: Limits = SMALL) -> Report:
    path = folder / "table"
    path.write_bytes(data)
    return check_file(path, "text/csv", table(*columns), limits)


def found(report: Report) -> list[tuple[int | None, str | None, str]]:
    return [(error.line, error.column, error.code.value) for error in report.errors]


def test_a_sound_file_passes(tmp_path: Path) -> None:
    report = check(tmp_path, HEAD + ROW * 3)
    assert (report.passed, report.rows, found(report)) == (True, 3, [])


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + HEAD + ROW,
        HEAD.replace(b"\n", b"\r\n") + ROW.replace(b"\n", b"\r\n"),
        HEAD + ROW.rstrip(b"\n"),
        b"age,seen,score,person,poor,born\n44,2024-01-01T09:30,1e3,P1,0,1980-02-29\n",
        b'"person","born","age","score","poor","seen"\n"P1","","7","","",""\n',
        HEAD + b'"two\nlines, ""quoted""",1980-01-01,1,-.5,FALSE,2024-01-01 00:00:00.123456\n',
        HEAD + "홍길동,,007,+3.,1,\n".encode(),
    ],
    ids=["bom", "crlf", "no-last-newline", "other-order", "all-quoted", "line-break-in-cell", "korean"],
)
def test_what_is_sound_too(tmp_path: Path, data: bytes) -> None:
    report = check(tmp_path, data)
    assert found(report) == []
    assert report.rows == 1


def test_a_formula_is_text(tmp_path: Path) -> None:
    cells = ["=1+1", "+82-2-123", "-5", "@SUM(A1)", '"=HYPERLINK(""http://x"",""y"")"']
    assert check(tmp_path, ("note\n" + "\n".join(cells) + "\n").encode(), ["note:string"]).passed


@pytest.mark.parametrize(
    ("cell", "column", "code"),
    [
        ("", "age", "missing-value"), ('""', "person", "missing-value"),
        ("1.5", "age", "not-an-integer"), ("1e3", "age", "not-an-integer"), ("0x1F", "age", "not-an-integer"),
        ("1_000", "age", "not-an-integer"), (" 12", "age", "not-an-integer"), ("９", "age", "not-an-integer"),
        ("9223372036854775808", "age", "not-an-integer"), ("=1+1", "age", "not-an-integer"),
        ("nan", "score", "not-a-number"), ("inf", "score", "not-a-number"), ("1e400", "score", "not-a-number"),
        ('"1,5"', "score", "not-a-number"), ("1_0", "score", "not-a-number"),
        ("yes", "poor", "not-a-boolean"), ("t", "poor", "not-a-boolean"), ("참", "poor", "not-a-boolean"),
        ("2023-02-29", "born", "not-a-date"), ("2023-1-5", "born", "not-a-date"), ("2023/01/05", "born", "not-a-date"),
        ("infinity", "born", "not-a-date"), ("2023-01-05 00:00:01", "born", "not-a-date"),
        ("2024-01-01T09:30:00+24:00", "seen", "not-a-datetime"), ("2024-01-01", "seen", "not-a-datetime"),
        ("2024-01-01T25:00:00", "seen", "not-a-datetime"),
    ],
)  # fmt: skip
def test_a_bad_cell_is_named_by_line_and_column(tmp_path: Path, cell: str, column: str, code: str) -> None:
    names = HEAD.decode().strip().split(",")
    cells = ROW.decode().strip().split(",")
    cells[names.index(column)] = cell
    report = check(tmp_path, HEAD + ROW * 3 + (",".join(cells) + "\n").encode() + ROW)
    assert found(report) == [(5, column, code)]
    assert report.error_count == 1
    if len(cell) > 3:
        assert cell not in report.model_dump_json()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", [(None, None, "empty-file")]),
        (b"\xef\xbb\xbf", [(None, None, "empty-file")]),
        (b"\n", [(1, None, "blank-line")]),
        (HEAD, [(None, None, "no-rows")]),
        (HEAD.replace(b",poor", b""), [(1, "poor", "header-missing-column")]),
        (HEAD.replace(b"poor", b"rich"), [(1, "poor", "header-missing-column"), (1, "rich", "header-unknown-column")]),
        (HEAD.replace(b"poor", b"age"), [(1, "poor", "header-missing-column"), (1, "age", "header-duplicate")]),
        (HEAD.replace(b"poor", b"POOR"), [(1, "poor", "header-missing-column"), (1, "POOR", "header-unknown-column")]),
        (HEAD.replace(b"age", b"a\0ge"), [(1, None, "nul-byte")]),
        (HEAD.replace(b"age", b"\xb3\xaa\xc0\xcc"), [(1, None, "not-utf8")]),
        (HEAD.replace(b"age", b'a"ge'), [(1, None, "bad-quote")]),
        (HEAD.replace(b",", b"\r"), [(1, None, "stray-carriage-return")]),
        ("a".encode("utf-16"), [(None, None, "utf-16")]),
        (HEAD + ROW + b"P2,1980-01-01,\x00,1,1,\n", [(3, None, "nul-byte")]),
        (HEAD + ROW * 2 + "나이".encode("cp949") + b",,1,,,\n", [(4, None, "not-utf8")]),
        (HEAD + ROW + b"P2,,1,,\n" + ROW, [(3, None, "wrong-cell-count")]),
        (HEAD + ROW + b"P2,,1,,,,\n", [(3, None, "wrong-cell-count")]),
        (HEAD + ROW + b'"P,2",,1,,\n', [(3, None, "wrong-cell-count")]),
        (HEAD + ROW + b"\n" + ROW, [(3, None, "blank-line")]),
        (HEAD + b"P\r1,,1,,,\n" + ROW, [(2, None, "stray-carriage-return")]),
        (HEAD + ROW + b'5" pipe,,1,,,\n' + ROW, [(3, None, "bad-quote")]),
        (HEAD + ROW + b' "P2",,1,,,\n', [(3, None, "bad-quote")]),
        (HEAD + ROW + b'"P2"x,,1,,,\n', [(3, None, "bad-quote")]),
        (HEAD + b'"a\nb",,1,,,\n' + ROW + b'"P2,,1,,,\n' + ROW, [(5, None, "unclosed-quote")]),
    ],
)
def test_a_file_that_is_badly_built(tmp_path: Path, data: bytes, expected: list[Any]) -> None:
    report = check(tmp_path, data)
    assert found(report) == expected
    assert report.error_count == len(expected)


def test_ten_thousand_columns_are_refused_before_they_are_parsed(tmp_path: Path) -> None:
    names = ",".join(f"column_{number}" for number in range(10_000))
    assert found(check(tmp_path, f"{names}\n".encode())) == [(1, None, "too-many-columns")]


def test_two_thousand_columns_are_accepted(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(2_000)]
    data = ",".join(names) + "\n" + ",".join("1" for _ in names) + "\n"
    assert check(tmp_path, data.encode(), [f"{name}:integer" for name in names], Limits()).passed


def test_sizes_are_bounded(tmp_path: Path) -> None:
    limits = Limits(header_bytes=60, cell_bytes=100, record_bytes=1_000, rows=5, memory_mb=256)
    columns = ["a:string", "b:string"]
    assert found(check(tmp_path, b"a," + b"b" * 100 + b"\n", columns, limits)) == [(1, None, "header-too-long")]
    assert found(check(tmp_path, b"a,b\n1,2\n1," + b"x" * 101 + b"\n", columns, limits)) == [(3, None, "cell-too-long")]
    assert check(tmp_path, b"a,b\n1," + b"x" * 100 + b"\n" + b'"' + b"y" * 98 + b'",2\n', columns, limits).passed
    assert found(check(tmp_path, b"a,b\n1,2\n1," + b"x" * 2_000_000, columns, limits)) == [(3, None, "record-too-long")]
    assert found(check(tmp_path, b'a,b\n1,2\n1,"' + b"x\n" * 2_000, columns, limits)) == [(3, None, "unclosed-quote")]
    assert found(check(tmp_path, b"a,b\n" + b"1,2\n" * 6, columns, limits)) == [(None, None, "too-many-rows")]


def test_many_faults_are_counted_and_the_first_hundred_shown(tmp_path: Path) -> None:
    report = check(tmp_path, b"a,b\n" + b"x,\n" * 5_000, ["a:integer", "b:string!"])
    assert report.error_count == 10_000
    assert len(report.errors) == 100
    assert found(report)[:3] == [(2, "a", "not-an-integer"), (2, "b", "missing-value"), (3, "a", "not-an-integer")]


def test_an_unknown_name_is_shown_escaped_and_cut(tmp_path: Path) -> None:
    data = "a,<b>\u202e\x07,".encode() + b"n" * 500 + b"\n1,2,3\n"
    first, second = (error.column for error in check(tmp_path, data, ["a:string"]).errors)
    assert first == "<b>\\u202e\\u0007"
    assert second is not None
    assert len(second) == 63


@pytest.mark.heavy
def test_lines_are_right_far_into_a_large_file(tmp_path: Path) -> None:
    """Beyond one block, and beyond what DuckDB reads in one piece."""
    rows = b"".join(b'%d,"a\nb, c",%d\n' % (number, number) for number in range(300_000))
    data = b"id,note,n\n" + rows + b'7,"x\ny",\n' + rows + b"8,z,zwei\n" + b"9,z,drei\n"
    report = check(tmp_path, data, ["id:integer", "note:string", "n:integer!"])
    assert report.rows == 600_003
    assert found(report) == [
        (600_002, "n", "missing-value"), (1_200_004, "n", "not-an-integer"), (1_200_005, "n", "not-an-integer"),
    ]  # fmt: skip


@pytest.mark.heavy
def test_lines_are_right_far_into_a_large_plain_file(tmp_path: Path) -> None:
    rows = b"".join(b"%d,some text of some length,%d\n" % (number, number) for number in range(1_000_000))
    report = check(tmp_path, b"id,note,n\n" + rows + b"7,x,?\n" + rows, ["id:integer", "note:string", "n:integer"])
    assert found(report) == [(1_000_002, "n", "not-an-integer")]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)
GOOD = {
    "string": TEXT.filter(canonical_text),  # what is not seen is a missing value
    "integer": st.integers(-(2**63), 2**63 - 1).map(str),
    "number": st.floats(allow_nan=False, allow_infinity=False).map(repr),
    "boolean": st.sampled_from(["true", "FALSE", "0", "1"]),
    "date": st.dates().map(str),
    "datetime": st.datetimes().map(lambda when: when.isoformat(timespec="microseconds")),
}
BAD = {
    "string": ("", "missing-value"), "integer": ("1.5", "not-an-integer"), "number": ("NaN", "not-a-number"),
    "boolean": ("2", "not-a-boolean"), "date": ("2023-02-30", "not-a-date"),
    "datetime": ("2023-01-01T00:00+24:00", "not-a-datetime"),
}  # fmt: skip


@st.composite
def tables_with_one_bad_cell(draw: st.DrawFn) -> tuple[list[str], list[list[str]], int, int]:
    kinds = draw(st.lists(st.sampled_from(sorted(GOOD)), min_size=2, max_size=6))
    rows = draw(st.lists(st.tuples(*(GOOD[kind] for kind in kinds)).map(list), min_size=1, max_size=20))
    row, column = draw(st.integers(0, len(rows) - 1)), draw(st.integers(0, len(kinds) - 1))
    rows[row][column] = BAD[kinds[column]][0]
    return kinds, rows, row, column


@pytest.mark.heavy
@settings(max_examples=examples(50), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    planted=tables_with_one_bad_cell(),
    ending=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_one_planted_cell_is_found_exactly(tmp_path: Path, planted: Any, ending: str, quoting: Any) -> None:
    kinds, rows, row, column = planted
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator=ending, quoting=quoting)
    writer.writerow(f"c{number}" for number in range(len(kinds)))
    for number, cells in enumerate(rows):
        if number == row:
            line = buffer.getvalue().count("\n") + 1
        writer.writerow(cells)
    columns = [f"c{number}:{kind}!" for number, kind in enumerate(kinds)]
    report = check(tmp_path, buffer.getvalue().encode(), columns)
    assert found(report) == [(line, f"c{column}", BAD[kinds[column]][1])]


PIECES = [b'"', b",", b"\n", b"\r\n", b"\r", b"a", b"\xff", b"\0", "가".encode(), b" "]


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.lists(st.sampled_from(PIECES)).map(b"".join))
@example(data=b',""\r')
def test_any_bytes_give_a_report(tmp_path: Path, data: bytes) -> None:
    """Nothing raises, and what passes is read by the csv module of the standard library as the same table.

    But for blank lines at its end, which are dropped with a warning."""
    report = check(tmp_path, b"a,b\n" + data, ["a:string", "b:string"])
    if report.passed:
        read = [cells for cells in csv.reader(io.StringIO(("a,b\n" + data.decode()), newline=""), strict=True) if cells]
        assert len(read) == report.rows + 1
        assert {len(cells) for cells in read} == {2}
