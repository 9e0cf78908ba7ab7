"""What an upload tells of what will hurt later: planted in a table, found with its lines, and never shown."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from services.catalog.profile import Limits, check_file
from services.catalog.schemas.causes import sentence
from services.catalog.schemas.reports import Report
from shared.contracts import Column

SMALL = Limits(memory_mb=256, threads=2)
KEY: dict[str, Any] = {"name": "no", "type": "string", "role": "key", "key_domain": "person", "source_name": "주민번호"}
REGION: dict[str, Any] = {"name": "region", "type": "string", "role": "attribute"}
YEAR: dict[str, Any] = {"name": "year", "type": "integer", "role": "quasi_identifier"}
NUMBERS = [f"8{number:012d}" for number in range(1, 200)]


def check(folder: Path, rows: Sequence[Sequence[str]], table: Sequence[dict[str, Any]]) -> Report:
    path = folder / "table"
    lines = [",".join(column["name"] for column in table), *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return check_file(path, "text/csv", [Column.model_validate(column) for column in table], SMALL)


def warned(report: Report) -> dict[str, tuple[int | None, list[int]]]:
    assert report.passed
    return {warning.code.value: (warning.count, warning.lines) for warning in report.warnings}


def test_a_sound_table_has_no_warning(tmp_path: Path) -> None:
    report = check(tmp_path, [[number, "서울"] for number in NUMBERS], [KEY, REGION])
    assert warned(report) == {}
    (profile,) = report.keys
    assert (profile.rows, profile.duplicates, profile.with_separators) == (199, 0, 0.0)
    assert [(group.name, group.rows) for group in profile.lengths] == [("13", 199)]
    assert [(group.name, group.rows) for group in profile.alphabets] == [("digits", 199)]


def planted(place: int, key: str) -> list[list[str]]:
    rows = [[number, "서울"] for number in NUMBERS]
    rows[place][0] = key
    return rows


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (NUMBERS[7], "key-duplicate"), (f"{NUMBERS[7][:6]}-{NUMBERS[7][6:]}", "key-duplicate"),
        ("８" + NUMBERS[7][1:], "key-duplicate"), (NUMBERS[7] + "\u200b", "key-duplicate"),
        (" ", "key-blank"), ("\u3000\u00a0", "key-blank"), ("", "key-blank"),
        ("-", "key-placeholder"), ("0000000000000", "key-placeholder"), ("해당없음", "key-placeholder"),
        ("합 계", "key-placeholder"), ("N/A", "key-placeholder"), ("※ 자료: 통계청", "key-placeholder"),
        ("812345678901", "key-lengths"), ("A000000000001", "key-alphabets"), ("812345-6789012", "key-separators"),
        ("８１２３４５６７８９０１２", "key-spellings"), ("812345678901a", "key-unlike-domain"),
    ],
)  # fmt: skip
def test_a_planted_key_is_found_with_its_line(tmp_path: Path, key: str, code: str) -> None:
    report = check(tmp_path, planted(40, key), [KEY, REGION])
    count, lines = warned(report)[code]
    assert count in (1, 199)
    assert 42 in lines
    assert lines[0] == (9 if code == "key-duplicate" else lines[0])
    (warning,) = [one for one in report.warnings if one.code.value == code]
    assert (warning.column, warning.source_name) == ("no", "주민번호")
    words = sentence(warning)
    if len(key.strip()) > 3 and code != "key-placeholder":
        assert key not in words.ko + words.en + report.model_dump_json()


def test_keys_that_differ_in_case_alone(tmp_path: Path) -> None:
    table = [KEY | {"key_domain": "note"}, REGION]
    count, lines = warned(check(tmp_path, [["Ab1", "x"], ["AB1", "x"], ["cd2", "x"]], table))["key-letter-cases"]
    assert (count, lines) == (1, [2, 3])


def test_duplicates_name_the_column_that_makes_them_distinct(tmp_path: Path) -> None:
    rows = [[number, "서울", year] for number in NUMBERS for year in ("2024", "2025")]
    report = check(tmp_path, rows, [KEY, REGION, YEAR])
    (warning,) = report.warnings
    assert (warning.code, warning.count, warning.lines[:2]) == ("key-duplicate", 199, [2, 3])
    assert "year" in sentence(warning).en and "year" in sentence(warning).ko
    assert report.keys[0].duplicates == 199


@pytest.mark.parametrize("other", [unicodedata.normalize("NFD", "서울"), "서울 ", "서울\u00a0", "서\u200b울", "\u3000서울"])
def test_spellings_of_a_category(tmp_path: Path, other: str) -> None:
    rows = [[number, "서울"] for number in NUMBERS]
    rows[50][1] = other
    assert warned(check(tmp_path, rows, [KEY, REGION])) == {"category-spellings": (1, [2, 52])}


def test_words_for_missing_in_a_category(tmp_path: Path) -> None:
    rows = [[number, "서울"] for number in NUMBERS]
    for place, word in ((3, "-"), (5, "해당없음"), (7, "NULL")):
        rows[place][1] = word
    assert warned(check(tmp_path, rows, [KEY, REGION])) == {"category-missing-words": (3, [5, 7, 9])}
    declared = REGION | {"missing": ["-", "해당없음", "null", "NULL"]}
    assert warned(check(tmp_path, rows, [KEY, declared])) == {}


def test_rows_that_are_totals_or_footnotes(tmp_path: Path) -> None:
    rows = [[number, "서울"] for number in NUMBERS]
    rows[10][1], rows[198][1] = "소 계", "※ 자료: 통계청"
    assert warned(check(tmp_path, rows, [KEY, REGION])) == {"total-rows": (2, [12, 200])}
    whole = [[number, "전체"] for number in NUMBERS]
    assert warned(check(tmp_path, whole, [KEY, REGION])) == {}


def test_a_key_that_cannot_be_linked(tmp_path: Path) -> None:
    assert warned(check(tmp_path, [["1", "x"]], [KEY | {"type": "integer"}, REGION])) == {"key-type": (None, [])}


def test_lines_are_right_behind_records_of_several_lines(tmp_path: Path) -> None:
    rows = [[number, '"서\n울"'] for number in NUMBERS]
    rows[-1][0] = rows[0][0]
    assert warned(check(tmp_path, rows, [KEY, REGION]))["key-duplicate"] == (1, [2, 2 + 2 * 198])


def test_parquet_tells_the_same_by_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "table"
    with duckdb.connect() as connection:
        keys = "CASE i WHEN 4 THEN '-' WHEN 9 THEN '8000000000000' ELSE '8' || lpad(i::VARCHAR, 12, '0') END AS no"
        regions = "CASE WHEN i = 7 THEN '서울 ' ELSE '서울' END AS region"
        rows = f"SELECT {keys}, {regions} FROM range(3000) t(i)"
        connection.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
    report = check_file(path, "application/vnd.apache.parquet", [Column.model_validate(one) for one in (KEY, REGION)], SMALL)
    assert warned(report) == {"key-placeholder": (1, [5]), "key-duplicate": (1, [1, 10]), "category-spellings": (1, [1, 8])}


@pytest.mark.heavy
def test_many_keys_are_profiled_in_bounded_memory(tmp_path: Path) -> None:
    """Two million keys do not fit into what the check may use; it spills and goes on."""
    path = tmp_path / "table"
    with path.open("w") as file:
        file.write("no,region\n")
        file.writelines(f"8{number:012d},r{number % 7}\n" for number in range(2_000_000))
        file.write(f"8{5:012d},r1\n")
    columns = [Column.model_validate(one) for one in (KEY, REGION)]
    report = check_file(path, "text/csv", columns, Limits(memory_mb=128, threads=2))
    assert warned(report)["key-duplicate"] == (1, [7, 2_000_002])
