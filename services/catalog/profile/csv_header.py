"""The first line of a CSV file: column names, and how lines end."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from services.catalog.profile.csv_lines import RECORD, decodes
from services.catalog.profile.header import check_names
from services.catalog.schemas.limits import Limits
from services.catalog.schemas.reports import Fault, Findings
from shared.contracts import Column

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Header:
    names: tuple[str, ...]
    crlf: bool


def read_header(file: BinaryIO, columns: Sequence[Column], limits: Limits, findings: Findings) -> Header | None:
    """Reads the first line and leaves the file at the second; None when the header is at fault."""
    line = file.readline(limits.header_bytes + 1)
    body = line.removeprefix(BYTE_ORDER_MARK).removesuffix(b"\n").removesuffix(b"\r")
    if fault := header_fault(line, body, limits):
        findings.add(fault, line=None if fault is Fault.EMPTY_FILE else 1)
        return None
    names = tuple(next(csv.reader([body.decode("utf-8")], strict=True)))
    before = findings.count
    check_names(names, columns, findings, line=1)
    return Header(names, line.endswith(b"\r\n")) if findings.count == before else None


def header_fault(line: bytes, body: bytes, limits: Limits) -> Fault | None:
    faults = {
        Fault.EMPTY_FILE: not body and not line.endswith(b"\n"),
        Fault.BLANK_LINE: not body,
        Fault.HEADER_TOO_LONG: len(line) > limits.header_bytes,
        Fault.NUL_BYTE: b"\0" in body,
        Fault.NOT_UTF8: len(line) <= limits.header_bytes and not decodes(body),
        Fault.TOO_MANY_COLUMNS: body.count(b",") >= limits.columns,
        Fault.STRAY_CARRIAGE_RETURN: b"\r" in body,
        Fault.BAD_QUOTE: b'"' in body and not RECORD.fullmatch(body),
    }
    return next((fault for fault, found in faults.items() if found), None)
