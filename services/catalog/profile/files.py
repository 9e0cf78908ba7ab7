"""The one entrance: a file as it was sent, and the table that it should hold."""

import csv
from collections.abc import Sequence
from pathlib import Path

import duckdb

from services.catalog.profile.converting import UnreadableError
from services.catalog.profile.csv_file import check_csv
from services.catalog.profile.media import Declared, Kind, content_of, declared
from services.catalog.profile.parquet_file import check_parquet
from services.catalog.profile.workbook import check_xlsx
from services.catalog.schemas.limits import Limits
from services.catalog.schemas.reports import Fault, Findings, Report
from shared.contracts import Column

# What the libraries that read files raise at bytes that they cannot make sense of.
UNREADABLE = (duckdb.Error, csv.Error, UnicodeError, UnreadableError)
BY_CONTENT = {Fault.EXCEL_WORKBOOK: Kind.XLSX, Fault.PARQUET_FILE: Kind.PARQUET}


def check_file(path: Path, media_type: str, columns: Sequence[Column], limits: Limits) -> Report:
    """What is wrong with a file, and what will hurt. Everything that can be wrong with it is a finding.

    If the report says `converted`, the file for readers lies beside as `converted`."""
    findings = Findings(columns)
    try:
        return check_as(path, declared(media_type), columns, limits, findings)
    except (duckdb.OutOfMemoryException, MemoryError):
        findings.add(Fault.NEEDS_TOO_MUCH_MEMORY)
    except UNREADABLE:
        findings.add(Fault.UNREADABLE)
    except BaseException as error:
        # calamine is written in Rust; what goes wrong beneath it is no Exception of Python.
        if type(error).__name__ != "PanicException":
            raise
        findings.add(Fault.UNREADABLE)
    return findings.report(0)


def check_as(path: Path, said: Declared, columns: Sequence[Column], limits: Limits, findings: Findings) -> Report:
    """The check by what is declared; what is only a file is read as what its bytes show."""
    found = content_of(path) if said.kind in (Kind.CSV, Kind.CONTENT) else None
    kind = BY_CONTENT.get(found, Kind.CSV) if found and said.kind is Kind.CONTENT else said.kind
    if kind is Kind.PARQUET:
        return check_parquet(path, columns, limits, findings)
    if kind is Kind.XLSX:
        return check_xlsx(path, columns, limits, findings)
    if found is Fault.UTF16 and (said.charset.startswith("utf-16") or said.kind is Kind.CONTENT):
        charset = said.charset if said.charset.startswith("utf-16") else "utf-16"
        said = Declared(said.media_type, kind, charset, said.delimiter, charset)
        found = None
    if found is not None:
        findings.add(found, line=None)
        return findings.report(0)
    return check_csv(path, columns, said, limits, findings)
