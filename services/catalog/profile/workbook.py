"""An Excel workbook (.xlsx): the values of its one sheet become CSV. Bounded against archives that unpack to anything."""

import csv
import zipfile
import zlib
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.parsers import expat

from python_calamine import CalamineError, CalamineWorkbook

from services.catalog.profile.csv_file import Text, check_text
from services.catalog.profile.header import names_of
from services.catalog.profile.media import content_of
from services.catalog.schemas.limits import Limits
from services.catalog.schemas.reports import MOST_LINES, Fault, Findings, Report, Warned
from shared.canonical import canonical_text
from shared.contracts import Column, ColumnRole

# What the libraries that unpack and parse a workbook raise at one that is broken.
BROKEN = (
    zipfile.BadZipFile, zlib.error, expat.ExpatError, CalamineError,
    OSError, ValueError, NotImplementedError, RuntimeError, EOFError, KeyError,
)  # fmt: skip
CHUNK = 64 * 1024
MOST_PARTS = 2_000
MOST_ERROR_CELLS = 1_000_000
EXACT = 10**15  # Excel keeps 15 digits of a number


class TooLargeError(Exception):
    """The workbook unpacks to more than is accepted."""


def check_xlsx(path: Path, columns: Sequence[Column], limits: Limits, findings: Findings) -> Report:
    """The report on a file that is sent as a workbook; a finding names a row of the sheet as its line."""
    try:
        errors = check_archive(path, limits)
        rows, first_row, first_column = sheet_rows(path, findings)
    except (TooLargeError, MemoryError):
        findings.add(Fault.WORKBOOK_TOO_LARGE)
        return findings.report(0)
    except BROKEN:
        findings.add(reason_of(path))
        return findings.report(0)
    if rows is None:
        return findings.report(0)
    for (row, column), error in errors.items():
        # The reader gives nothing for an error value, as if the cell were empty.
        try:
            rows[row - first_row][column - first_column] = error
        except IndexError:
            findings.add(Fault.UNREADABLE, line=row)
            return findings.report(0)
    target = path.with_name("sheet")
    numbers = write_rows(rows, columns, target)
    report = check_text(Text(target, ",", False, first_row=first_row), columns, limits, findings)
    if report.passed:
        warn_of_numbers(numbers, first_row, report, findings)
    return report if report.passed and not findings.count else findings.report(report.rows)


def reason_of(path: Path) -> Fault:
    """Why a file is no workbook that can be read."""
    found = content_of(path)
    if path.stat().st_size == 0:
        return Fault.EMPTY_FILE
    if found is None:
        return Fault.BINARY_FILE if b"\0" in path.read_bytes()[:CHUNK] else Fault.TEXT_FILE
    return Fault.NOT_A_WORKBOOK if found is Fault.EXCEL_WORKBOOK else found


def check_archive(path: Path, limits: Limits) -> dict[tuple[int, int], str]:
    """Unpack every part once, counting bytes and the corners of its cells, without keeping any.

    Gives the error values by row and column, from 1. Raises TooLargeError; what the archive itself
    says of its sizes may be a lie."""
    errors: dict[tuple[int, int], str] = {}
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        if "xl/workbook.xml" not in archive.namelist():
            raise ValueError
        if len(parts) > MOST_PARTS:
            raise TooLargeError
        left = limits.workbook_bytes
        for part in parts:
            sheet = Corner(limits) if part.filename.startswith("xl/worksheets/sheet") else None
            with archive.open(part) as file:
                while chunk := file.read(CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise TooLargeError
                    if sheet is not None:
                        sheet.feed(chunk)
            errors |= sheet.errors if sheet is not None else {}
    return errors


class Corner:
    """Where the farthest cell of a sheet lies: the reader makes room for all cells up to it."""

    def __init__(self, limits: Limits) -> None:
        self.most = limits.workbook_cells
        self.columns = self.row = self.column = 0
        self.errors: dict[tuple[int, int], str] = {}
        self.is_error = False
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.CharacterDataHandler = self.text
        self.parser.StartDoctypeDeclHandler = self.refuse

    def feed(self, chunk: bytes) -> None:
        self.parser.Parse(chunk, False)

    def refuse(self, *_: object) -> None:
        """No workbook has a document type; it could define entities that grow without end."""
        raise TooLargeError

    def start(self, element: str, attributes: dict[str, str]) -> None:
        if element.endswith("row"):
            self.row = int(attributes.get("r", self.row + 1))
            self.column = 0
        elif element.rpartition(":")[2] == "c":
            place = attributes.get("r", "")
            letters = place.rstrip("0123456789")
            self.column = column_number(letters) if letters else self.column + 1
            self.row = int(place[len(letters) :] or self.row)
            self.columns = max(self.columns, self.column)
            self.is_error = attributes.get("t") == "e"
            if self.row * self.columns > self.most or len(self.errors) > MOST_ERROR_CELLS:
                raise TooLargeError

    def text(self, data: str) -> None:
        """The text of a cell that is an error value; a formula may come before it."""
        if self.is_error and data.startswith("#"):
            self.errors[self.row, self.column] = data[:20]


def column_number(letters: str) -> int:
    """1 for A, 27 for AA."""
    number = 0
    for letter in letters[:4]:
        number = number * 26 + ord(letter.upper()) - 64
    return number


def sheet_rows(path: Path, findings: Findings) -> tuple[list[list[Any]] | None, int, int]:
    """The values of the one sheet that has some, and the row and column in which they begin, from 1."""
    with CalamineWorkbook.from_path(path) as book:
        found = []
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            if sheet.end is not None and sheet.height:
                found.append(sheet)
        if not found:
            findings.add(Fault.EMPTY_FILE)
            return None, 0, 0
        if len(found) > 1:
            findings.add(Fault.SEVERAL_SHEETS, sheets=len(found))
            return None, 0, 0
        rows = found[0].to_python(skip_empty_area=True)
        row, column = found[0].start or (0, 0)
        return rows, row + 1, column + 1


class Numbers:
    """Keys that a workbook keeps as numbers, by column: how many, and the first of their records."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.records: dict[str, list[int]] = {}
        self.lost: dict[str, list[int]] = {}

    def note(self, column: str, record: int, value: float) -> None:
        self.counts[column] = self.counts.get(column, 0) + 1
        if len(places := self.records.setdefault(column, [])) < MOST_LINES:
            places.append(record)
        if abs(value) >= EXACT:
            self.lost.setdefault(column, []).append(record)


def write_rows(rows: list[list[Any]], columns: Sequence[Column], target: Path) -> Numbers:
    """Write the values as CSV, and note the keys that are numbers."""
    known = {canonical_text(name): column for column in columns for name in names_of(column)}
    header = [known.get(canonical_text(str(cell))) for cell in rows[0]] if rows else []
    keys = {place: one.name for place, one in enumerate(header) if one and one.role is ColumnRole.KEY and one.type == "string"}
    numbers = Numbers()
    with target.open("w", encoding="utf-8", newline="", errors="replace") as file:
        writer = csv.writer(file, lineterminator="\n")
        for record, row in enumerate(rows, start=-1):
            cells = list(map(written, row))
            # A row without values is a blank line, as it would be in a CSV file.
            file.write("\n") if not any(cells) else writer.writerow(cells)
            for place, name in keys.items() if record >= 0 else ():
                if place < len(row) and isinstance(row[place], int | float) and not isinstance(row[place], bool):
                    numbers.note(name, record, row[place])
    return numbers


def written(value: Any) -> str:
    """A value as CSV has it; nothing of its format in Excel."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 2**63 else repr(value)
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
    return str(value).replace("\0", "")


def warn_of_numbers(numbers: Numbers, first_row: int, report: Report, findings: Findings) -> None:
    """Keys as numbers lose zeros at the front, and digits behind the fifteenth."""
    for column, records in numbers.lost.items():
        for record in records:
            findings.add(Fault.KEY_LOST_DIGITS, line=record + first_row + 1, column=column)
    before = len(findings.warnings)
    for column, count in numbers.counts.items():
        lines = [record + first_row + 1 for record in numbers.records[column]]
        findings.warn(Warned.KEY_WAS_NUMBER, column=column, lines=lines, count=count)
    report.warnings = report.warnings if report.warnings is findings.warnings else [*report.warnings, *findings.warnings[before:]]
