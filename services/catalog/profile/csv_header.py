"""The first line of a CSV file: column names, how lines end, and what was meant where it is no header."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from services.catalog.profile.csv_lines import Grammar, decodes, grammar
from services.catalog.profile.header import Names, check_names, names_of
from services.catalog.profile.media import DELIMITER_NAMES
from services.catalog.schemas.limits import Limits
from services.catalog.schemas.reports import Fault, Findings
from shared.canonical import canonical_text
from shared.contracts import Column

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LOOKED_AHEAD = 10
KOREAN = {",": "쉼표(,)", ";": "세미콜론(;)", "\t": "탭", "|": "세로줄(|)"}
ENGLISH = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@dataclass(frozen=True)
class Header:
    names: Names
    crlf: bool
    mark: bool  # a byte order mark stands before it


def read_header(file: BinaryIO, columns: Sequence[Column], delimiter: str, limits: Limits, findings: Findings) -> Header | None:
    """Reads the first line and leaves the file at the second; None when the header is at fault."""
    line = file.readline(limits.header_bytes + 1)
    body = line.removeprefix(BYTE_ORDER_MARK).removesuffix(b"\n").removesuffix(b"\r")
    if fault := header_fault(line, body, grammar(delimiter), limits):
        if fault is not Fault.BAD_QUOTE or not explain(file, body, columns, delimiter, limits, findings):
            findings.add(fault, line=None if fault is Fault.EMPTY_FILE else 1)
        return None
    written = split(body, delimiter)
    trial = Findings()
    check_names(written, columns, trial, line=1, unnamed=True)
    if trial.count and explain(file, body, columns, delimiter, limits, findings):
        return None
    before = findings.count
    names = check_names(written, columns, findings, line=1, unnamed=True)
    if findings.count > before:
        return None
    return Header(names, line.endswith(b"\r\n"), line.startswith(BYTE_ORDER_MARK))


def split(body: bytes, delimiter: str) -> list[str]:
    """The cells of one line."""
    return next(csv.reader([body.decode("utf-8")], strict=True, delimiter=delimiter), [])


def header_fault(line: bytes, body: bytes, rules: Grammar, limits: Limits) -> Fault | None:
    faults = {
        Fault.EMPTY_FILE: not body and not line.endswith(b"\n"),
        Fault.BLANK_LINE: not body,
        Fault.HEADER_TOO_LONG: len(line) > limits.header_bytes,
        Fault.NUL_BYTE: b"\0" in body,
        Fault.NOT_UTF8: len(line) <= limits.header_bytes and not decodes(body),
        Fault.TOO_MANY_COLUMNS: rules.count(body) >= limits.columns,
        Fault.STRAY_CARRIAGE_RETURN: b"\r" in body,
        Fault.BAD_QUOTE: b'"' in body and not rules.record.fullmatch(body),
    }
    return next((fault for fault, found in faults.items() if found), None)


def explain(file: BinaryIO, body: bytes, columns: Sequence[Column], delimiter: str, limits: Limits, findings: Findings) -> bool:
    """One fault in place of many where the first line shows what happened: another delimiter, a line above the header."""
    known = {canonical_text(name): column.name for column in columns for name in names_of(column)}
    if body.lower().startswith(b"sep=") and len(body) <= 6:
        findings.add(Fault.SEP_LINE, line=1)
        return True
    if body.lstrip().startswith((b"{", b"[{", b"[")) and matches(body, delimiter, known) == 0:
        findings.add(Fault.JSON_FILE, line=1)
        return True
    own = matches(body, delimiter, known)
    for other in DELIMITER_NAMES:
        if other != delimiter and matches(body, other, known) > max(own, min(1, len(columns) - 1)):
            name = DELIMITER_NAMES[other]
            findings.add(
                Fault.OTHER_DELIMITER, line=1, found=name, found_ko=KOREAN[other], found_en=ENGLISH[other],
                wanted_en=ENGLISH[delimiter],
            )  # fmt: skip
            return True
    if own * 2 > len(columns):
        return False
    for number in range(2, LOOKED_AHEAD + 2):
        line = file.readline(limits.header_bytes + 1).rstrip(b"\r\n")
        if max(matches(line, one, known) for one in DELIMITER_NAMES) * 2 > max(len(columns), 2 * own):
            findings.add(Fault.TITLE_LINE, line=1, header_line=number)
            return True
    return False


def matches(body: bytes, delimiter: str, known: dict[str, str]) -> int:
    """How many columns of the table a line names, if it is parted by this delimiter."""
    try:
        return len({known.get(canonical_text(name)) for name in split(body, delimiter)} - {None})
    except (csv.Error, UnicodeDecodeError):
        return 0
