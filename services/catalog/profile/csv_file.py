"""A whole CSV file: header, build, values."""

from collections.abc import Sequence
from pathlib import Path

from services.catalog.profile.csv_header import Header, read_header
from services.catalog.profile.csv_lines import Lines, Run
from services.catalog.profile.csv_values import Values
from services.catalog.profile.engine import locked_engine
from services.catalog.schemas.limits import Limits
from services.catalog.schemas.reports import Fault, Findings, Report
from shared.contracts import Column


def check_csv(path: Path, columns: Sequence[Column], limits: Limits) -> Report:
    findings, one_line_each = Findings(), True

    def notice(record: int, line: int, count: int) -> None:
        nonlocal one_line_each
        one_line_each = one_line_each and line == record + 2

    header, records = read_build(path, columns, limits, findings, notice)
    if header is None or findings.count:
        return findings.report(records)
    if not 0 < records <= limits.rows:
        findings.add(Fault.TOO_MANY_ROWS if records else Fault.NO_ROWS)
        return findings.report(records)
    with locked_engine(path.parent, limits) as engine:
        values = Values(engine, path, header.names, columns, limits)
        rows, counts = values.count()
        if rows != records:
            raise AssertionError("the two readings of a file disagree on its number of rows")
        cells = values.locate(counts) if any(counts) else []
    wanted = {record for record, _, _ in cells}
    lines = {record: record + 2 for record in wanted} if one_line_each else find_lines(path, columns, limits, wanted)
    for record, column, fault in cells:
        findings.keep(fault, line=lines[record], column=column)
    findings.count = sum(counts)
    return findings.report(records)


def read_build(
    path: Path, columns: Sequence[Column], limits: Limits, findings: Findings, on_run: Run
) -> tuple[Header | None, int]:
    with path.open("rb") as file:
        header = read_header(file, columns, limits, findings)
        if header is None:
            return None, 0
        lines = Lines(file, width=len(header.names), crlf=header.crlf, limits=limits, findings=findings, on_run=on_run)
        return header, lines.read()


def find_lines(path: Path, columns: Sequence[Column], limits: Limits, wanted: set[int]) -> dict[int, int]:
    """The line on which each of these records begins: a second reading, needed where records span lines."""
    lines: dict[int, int] = {}
    missing = sorted(wanted, reverse=True)

    def note(record: int, line: int, count: int) -> None:
        while missing and missing[-1] < record + count:
            each = missing.pop()
            lines[each] = line + each - record

    read_build(path, columns, limits, Findings(), note)
    return lines
