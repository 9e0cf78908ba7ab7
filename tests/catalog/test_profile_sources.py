"""Files as ministries have them: taken where they can be read in one way only, refused by their real cause elsewhere."""

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from services.catalog.profile import Limits, check_file
from services.catalog.profile.media import XLSX
from services.catalog.schemas.causes import CAUSES, WARNINGS, sentence
from services.catalog.schemas.reports import Cause, Fault, FileError, Report, Warned
from services.catalog.schemas.sentences import SENTENCES
from shared.contracts import Column
from tests.catalog.workbooks import MAIN, workbook

SMALL = Limits(memory_mb=256, threads=2)
CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
PEOPLE: list[dict[str, Any]] = [
    {"name": "person_no", "type": "string", "role": "key", "key_domain": "note", "nullable": False, "source_name": "개인번호"},
    {"name": "region", "type": "string", "role": "attribute", "source_name": "시 도"},
    {"name": "wages", "type": "integer", "role": "measure", "source_name": "근로소득", "missing": ["-", "해당없음"]},
]
PLAIN = b"person_no,region,wages\nA1,\xec\x84\x9c\xec\x9a\xb8,7\n"


def check(folder: Path, data: bytes, media_type: str = CSV, table: Sequence[dict[str, Any]] = PEOPLE, **limits: int) -> Report:
    path = folder / "table"
    path.write_bytes(data)
    (folder / "converted").unlink(missing_ok=True)
    columns = [Column.model_validate(column) for column in table]
    return check_file(path, media_type, columns, SMALL.model_copy(update=limits))


def codes(report: Report) -> list[tuple[int | None, str | None, str]]:
    return [(error.line, error.column, error.cause or error.code) for error in report.errors]


def warned(report: Report) -> list[tuple[str | None, str, list[int]]]:
    return [(warning.column, warning.code, warning.lines) for warning in report.warnings]


def readable(folder: Path, report: Report) -> list[list[str]]:
    """What readers get, by the csv module of the standard library."""
    path = folder / ("converted" if report.converted else "table")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


KOREAN = "개인번호,시 도,근로소득\nA1,서울,7\n"
WANTED = [["person_no", "region", "wages"], ["A1", "서울", "7"]]


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PLAIN, CSV),
        (KOREAN.encode(), CSV),
        (KOREAN.encode("cp949"), "text/csv; charset=cp949"),
        (KOREAN.encode("euc-kr"), "text/csv; charset=EUC-KR"),
        (KOREAN.encode("utf-16"), "text/csv; charset=utf-16"),
        (KOREAN.encode("utf-16-le"), "text/csv; charset=utf-16"),
        (KOREAN.encode("utf-16-be"), "text/csv; charset=UTF-16BE"),
        (KOREAN.encode("utf-16"), "application/octet-stream"),
        (KOREAN.encode(), "application/vnd.ms-excel"),
        (KOREAN.replace(",", ";").encode(), "text/csv; delimiter=semicolon"),
        (KOREAN.replace(",", ";").encode(), 'text/csv; delimiter=";"'),
        (KOREAN.replace(",", "|").encode(), "text/csv; delimiter=pipe"),
        (KOREAN.replace(",", "\t").encode("utf-16"), "text/csv; charset=utf-16; delimiter=tab"),
        (KOREAN.replace(",", "\t").encode(), "text/tab-separated-values"),
        ("\ufeff\ufeff개인번호 ,\u00a0시  도,\u200b근로소득\u3000\nA1,서울,7\n".encode(), CSV),
        ("개인번호,시 도,근로소득,,\nA1,서울,7,,\n".encode(), CSV),
        ("개인번호,시 도,근로소득\r\nA1,서울,7\n".encode(), CSV),
        ("개인번호,시 도,근로소득\nA1,서울,7\r\n\r\n\n".encode(), CSV),
        ("개인번호,시 도,근로소득\nA1,서울,7.00\n".encode(), CSV),
        (workbook([["개인번호", "시 도", "근로소득"], ["A1", "서울", 7.0]]), XLSX),
        (workbook([["개인번호", "시 도", "근로소득"], ["A1", "서울", 7]], []), "application/octet-stream"),
        (workbook([["wages", "region", "person_no"], ["7", "서울", "A1"]], first_row=4), "application/vnd.ms-excel"),
    ],
    ids=map(str, range(22)),
)
def test_what_is_taken_and_what_readers_get(tmp_path: Path, data: bytes, media_type: str) -> None:
    report = check(tmp_path, data, media_type)
    assert codes(report) == []
    assert report.rows == 1
    rows = readable(tmp_path, report)
    assert sorted(zip(*rows, strict=True)) == sorted(zip(*WANTED, strict=True))
    assert (report.converted is None) == (data == PLAIN)


def test_a_declared_charset_is_recorded(tmp_path: Path) -> None:
    assert check(tmp_path, KOREAN.encode("euc-kr"), "text/csv; charset=euc-kr").charset == "euc-kr"
    wrong = check(
        tmp_path, "개인번호,시 도,근로소득\nA1,서울,\nA2,\xff\xff,\n".encode("latin-1", "replace"), "text/csv; charset=cp949"
    )
    assert codes(wrong) == [(3, None, "not-in-charset")]


def packed(name: str, data: bytes = b"x") -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(name, data)
    return written.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000


@pytest.mark.parametrize(
    ("data", "media_type", "expected"),
    [
        (KOREAN.encode("utf-16"), CSV, [(None, None, "utf-16")]),
        (KOREAN.encode("utf-16-le"), CSV, [(None, None, "utf-16")]),
        (KOREAN.encode("cp949"), CSV, [(1, None, "not-utf8")]),
        (workbook([["a"]]), CSV, [(None, None, "excel-workbook")]),
        (packed("table.csv"), CSV, [(None, None, "zip-archive")]),
        (packed("table.csv"), XLSX, [(None, None, "zip-archive")]),
        (packed("xl/workbook.bin"), "application/octet-stream", [(None, None, "other-spreadsheet")]),
        (OLE, "application/vnd.ms-excel", [(None, None, "old-excel-workbook")]),
        (OLE + "EncryptedPackage".encode("utf-16-le"), XLSX, [(None, None, "encrypted-workbook")]),
        (b"PAR1" + b"\0" * 50, CSV, [(None, None, "parquet-file")]),
        (b"%PDF-1.7\n", CSV, [(None, None, "pdf-file")]),
        (b"\n <!DOCTYPE html><html>", CSV, [(None, None, "html-page")]),
        (b"<?xml version='1.0'?><a/>", CSV, [(None, None, "xml-file")]),
        (b'[{"person_no": "A1"}]', CSV, [(1, None, "json-file")]),
        (PLAIN, PARQUET, [(None, None, "text-file")]),
        (PLAIN, XLSX, [(None, None, "text-file")]),
        (workbook([["a"]]), PARQUET, [(None, None, "excel-workbook")]),
        (KOREAN.replace(",", ";").encode(), CSV, [(1, None, "other-delimiter")]),
        (KOREAN.replace(",", "\t").encode(), CSV, [(1, None, "other-delimiter")]),
        (KOREAN.replace(",", "|").encode(), CSV, [(1, None, "other-delimiter")]),
        (KOREAN.encode(), "text/csv; delimiter=tab", [(1, None, "other-delimiter")]),
        (("2026년 자료\n\n" + KOREAN).encode(), CSV, [(1, None, "title-line")]),
        (("구분,,금액\n" + KOREAN).encode(), CSV, [(1, None, "title-line")]),
        (("sep=,\n" + KOREAN).encode(), CSV, [(1, None, "sep-line")]),
        (PLAIN.replace(b"wages", b"wages,__index_level_0__"), CSV, [(1, "__index_level_0__", "pandas-index")]),
        (PLAIN.replace(b"region", b"REGION"), CSV, [(1, "region", "header-missing-column"), (1, "REGION", "letter-case")]),
        (b"person_no,region,wages,,\nA1,,,,\nA2,,,,x\n", CSV, [(3, None, "column-without-name")]),
        (PLAIN.replace(b"\n", b"\r"), CSV, [(1, None, "stray-carriage-return")]),
        (b"person_no,region,wages\nA1,,\n\nA2,,\n", CSV, [(3, None, "blank-line")]),
    ],
    ids=map(str, range(29)),
)
def test_what_is_refused_names_its_cause(tmp_path: Path, data: bytes, media_type: str, expected: list[Any]) -> None:
    assert codes(check(tmp_path, data, media_type)) == expected


@pytest.mark.parametrize(
    ("cell", "kind", "cause"),
    [
        ('"1,234"', "number", "thousands-separator"), ('"1,234,567.5"', "integer", "thousands-separator"),
        (" 12 ", "integer", "blanks-around"), ("12\u00a0", "number", "blanks-around"), ("12.5%", "number", "percent"),
        ("(100)", "number", "parentheses"), ("△100", "integer", "triangle-for-minus"), ("−5", "number", "other-minus-sign"),
        ("１２３", "integer", "full-width-digits"), ("-", "number", "word-for-missing"), ("없음", "integer", "word-for-missing"),
        ("N/A", "number", "word-for-missing"), ("NULL", "integer", "word-for-missing"), ("#DIV/0!", "number", "excel-error"),
        ("₩100", "integer", "unit-or-currency"), ("100원", "number", "unit-or-currency"), ("3 kg", "number", "unit-or-currency"),
        ("1.23E+12", "integer", "scientific-notation"), ("1.5", "integer", "fraction"), ("9" * 19, "integer", "too-large"),
        ("NaN", "number", "not-finite"), ("1e400", "number", "not-finite"),
        ("예", "boolean", "yes-or-no"), ("Y", "boolean", "yes-or-no"),
        ("2022.03.25", "date", "other-date-format"), ("20220325", "date", "other-date-format"),
        ("2022년 3월", "date", "other-date-format"), ("2022-02-30", "date", "no-such-day"), ("44645", "date", "excel-serial-day"),
        ("2022-03-25 09:00", "date", "time-of-day"), ("0x1F", "integer", "not-an-integer"), ("열둘", "number", "not-a-number"),
    ],
)  # fmt: skip
def test_an_unfit_cell_names_its_cause_and_never_itself(tmp_path: Path, cell: str, kind: str, cause: str) -> None:
    table = [PEOPLE[0], {"name": "x", "type": kind, "role": "attribute", "source_name": "값"}]
    report = check(tmp_path, f"개인번호,값\nA1,\nA2,{cell}\n".encode(), table=table)
    assert codes(report) == [(3, "x", cause)]
    assert report.errors[0].source_name == "값"
    words = sentence(report.errors[0])
    if len(cell) > 5:
        assert cell.strip('"') not in report.model_dump_json() + words.ko + words.en


def test_every_code_has_a_sentence_in_two_languages() -> None:
    facts: dict[str, str | int] = dict.fromkeys(
        ["position", "charset", "sheets", "found", "found_ko", "found_en", "wanted", "wanted_en", "header_line", "shortest",
         "longest", "kinds", "share", "domain", "domain_ko", "together_ko", "together_en"], "x",
    )  # fmt: skip
    every: list[tuple[Any, Any]] = [(Fault, SENTENCES), (Cause, CAUSES), (Warned, WARNINGS)]
    assert all(set(kinds) == set(words) for kinds, words in every)
    for code in [*Fault, *Warned]:
        words = sentence(FileError(code=code, count=1, facts=facts))
        assert any("가" <= letter <= "힣" for letter in words.ko), code
        assert words.en.isascii() or "△" in words.en, code


def test_words_for_missing_are_null(tmp_path: Path) -> None:
    report = check(tmp_path, "person_no,region,wages\nA1,해당없음,－\nA2,, 해당없음\nA3,x,5\n".encode())
    assert codes(report) == []
    assert [row[2] for row in readable(tmp_path, report)] == ["wages", "", "", "5"]
    needed = [*PEOPLE[:2], PEOPLE[2] | {"nullable": False}]
    assert codes(check(tmp_path, b"person_no,region,wages\nA1,,-\n", table=needed)) == [(2, "wages", "missing-value")]


def test_a_workbook_has_one_sheet_of_values(tmp_path: Path) -> None:
    header = ["개인번호", "시 도", "근로소득"]
    two = workbook([header, ["A1", "x", 1]], [["secret"]], hidden=2)
    assert codes(check(tmp_path, two, XLSX)) == [(None, None, "several-sheets")]
    assert codes(check(tmp_path, workbook([]), XLSX)) == [(None, None, "empty-file")]
    bad = workbook([header, ["A1", "x", 1], ["A2", "y", "1,234"], ["A3", "z", "#DIV/0!"]], first_row=3)
    assert codes(check(tmp_path, bad, XLSX)) == [(5, "wages", "thousands-separator"), (6, "wages", "excel-error")]
    table = [
        PEOPLE[0],
        {"name": "day", "type": "date", "role": "attribute"},
        {"name": "yes", "type": "boolean", "role": "attribute"},
    ]
    good = workbook([["person_no", "day", "yes"], ["A\n1", date(2026, 3, 25), True], ["A2", None, None]])
    report = check(tmp_path, good, XLSX, table)
    assert readable(tmp_path, report)[1:] == [["A\n1", "2026-03-25", "true"], ["A2", "", ""]]


def test_keys_that_a_workbook_keeps_as_numbers(tmp_path: Path) -> None:
    header = ["person_no", "region", "wages"]
    report = check(tmp_path, workbook([header, [12, "x", 1], ["0013", "x", 1]]), XLSX)
    assert ("person_no", "key-was-number", [2]) in warned(report)
    lost = check(tmp_path, workbook([header, [1.2345678901234e17, "x", 1]]), XLSX)
    assert codes(lost) == [(2, "person_no", "key-lost-digits")]


BOMB = f'<?xml version="1.0"?><worksheet {MAIN}><sheetData><row r="1"><c r="A1"><v>1</v></c></row>' + "{}</sheetData></worksheet>"


@pytest.mark.parametrize(
    "data",
    [
        workbook(BOMB.format('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')),
        workbook(BOMB.format(" " * 40_000_000)),
        workbook([["a"]], more={"xl/media/image1.png": bytes(40_000_000)}),
        workbook([["a"]], more={f"xl/part{n}.xml": b"" for n in range(3000)}),
        workbook('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb">]>' + BOMB.format("")[21:]),
    ],
    ids=["far-cell", "blanks", "picture", "parts", "entities"],
)
def test_a_workbook_that_unpacks_to_too_much(tmp_path: Path, data: bytes) -> None:
    assert codes(check(tmp_path, data, XLSX, workbook_bytes=30_000_000)) == [(None, None, "workbook-too-large")]


def parquet(folder: Path, query: str) -> bytes:
    path = folder / "made.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


EXACT = {
    "10::DECIMAL(10,0)": ("integer", "10"), "10::DOUBLE": ("integer", "10"), "10::FLOAT": ("integer", "10"),
    "10::UBIGINT": ("integer", "10"), "10::HUGEINT": ("integer", "10"), "10::UBIGINT ": ("number", "10.0"),
    "TIMESTAMP '2022-03-25 00:00:00'": ("date", "2022-03-25"), "'2022-03-25T00:00:00Z'::TIMESTAMPTZ": ("date", "2022-03-25"),
    "NULL::INTEGER": ("string", None), "NULL::DOUBLE": ("date", None), "NULL::INTEGER ": ("boolean", None),
}  # fmt: skip


@pytest.mark.parametrize("value", EXACT)
def test_parquet_values_that_are_exact_are_taken(tmp_path: Path, value: str) -> None:
    kind, wanted = EXACT[value]
    table = [{"name": "x", "type": kind, "role": "attribute", "source_name": "값"}]
    report = check(tmp_path, parquet(tmp_path, f'SELECT {value} AS "값" FROM range(3)'), PARQUET, table)
    assert codes(report) == []
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT CAST(x AS VARCHAR) FROM read_parquet('{tmp_path}/converted')").fetchall()
    assert rows == [(wanted,)] * 3


INEXACT = {
    "1.5::DOUBLE": ("integer", "not-an-integer", 1), "9007199254740994::DOUBLE": ("integer", "not-an-integer", 1),
    "'nan'::DOUBLE": ("integer", "not-an-integer", 1), "18446744073709551615::UBIGINT": ("integer", "not-an-integer", 1),
    "TIMESTAMP '2022-03-25 00:00:01'": ("date", "not-a-date", 1), "1.5::DECIMAL(10,2)": ("integer", "column-wrong-type", None),
    "1": ("string", "column-wrong-type", None), "'x'::BLOB": ("string", "column-wrong-type", None),
    "[1]": ("integer", "column-wrong-type", None), "uuid()": ("string", "column-wrong-type", None),
    "TIME '01:00'": ("string", "column-wrong-type", None),
}  # fmt: skip


@pytest.mark.parametrize("value", INEXACT)
def test_parquet_values_that_are_not_exact_are_refused(tmp_path: Path, value: str) -> None:
    kind, code, line = INEXACT[value]
    report = check(
        tmp_path, parquet(tmp_path, f"SELECT {value} AS x"), PARQUET, [{"name": "x", "type": kind, "role": "attribute"}]
    )
    assert [(error.line, error.code) for error in report.errors] == [(line, code)]
    if code == "column-wrong-type":
        words = sentence(report.errors[0])
        found = report.errors[0].facts["found"]
        assert found and f"{found}" in words.en and kind in words.en and kind in words.ko
