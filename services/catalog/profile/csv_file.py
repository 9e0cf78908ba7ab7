"""A whole CSV file: charset, header, build, values, and what will hurt later."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.catalog.profile import converting, hints
from services.catalog.profile.csv_header import Header, read_header
from services.catalog.profile.csv_lines import Lines, Run, Uneven, grammar
from services.catalog.profile.csv_values import Values, plain_value
from services.catalog.profile.decoding import decode_file
from services.catalog.profile.engine import locked_engine
from services.catalog.profile.forms import add_functions, cell_of
from services.catalog.profile.media import CSV, Declared
from services.catalog.schemas.limits import Limits
from services.catalog.schemas.reports import Fault, Findings, Report, Warned
from shared.contracts import Column

LinesOf = Callable[[set[int]], dict[int, int]]


@dataclass(frozen=True)
class Text:
    """A CSV file in UTF-8 and how its cells are parted; `is_plain` if it is the file that was sent."""

    path: Path
    delimiter: str
    is_plain: bool
    first_row: int | None = None  # of a workbook: the sheet's row that is the header


@dataclass(frozen=True)
class Built:
    """What the lines of a file say of it."""

    header: Header | None
    records: int = 0
    other_ends: Uneven = field(default_factory=Uneven)
    blank_tail: Uneven = field(default_factory=Uneven)


def check_csv(path: Path, columns: Sequence[Column], declared: Declared, limits: Limits, findings: Findings) -> Report:
    """The report on a file that is sent as CSV."""
    if declared.charset == "utf-8":
        return check_text(Text(path, declared.delimiter, declared.delimiter == ","), columns, limits, findings)
    decoded = path.with_name("decoded")
    if not decode_file(path, decoded, declared.charset, declared.charset_name, findings):
        return findings.report(0)
    report = check_text(Text(decoded, declared.delimiter, False), columns, limits, findings)
    return report.model_copy(update={"charset": declared.charset_name})


def check_text(text: Text, columns: Sequence[Column], limits: Limits, findings: Findings) -> Report:
    """The report on a CSV file in UTF-8. A file that passes and is not plain is converted beside."""
    one_line_each = True

    def notice(record: int, line: int, count: int) -> None:
        nonlocal one_line_each
        one_line_each = one_line_each and line == record + 2

    built = read_build(text, columns, limits, findings, notice)
    header, records = built.header, built.records
    if header is None or findings.count:
        return findings.report(records)
    if not 0 < records <= limits.rows:
        findings.add(Fault.TOO_MANY_ROWS if records else Fault.NO_ROWS)
        return findings.report(records)
    even = evened(text, built, findings)

    def lines_of(wanted: set[int]) -> dict[int, int]:
        if text.first_row is not None:
            return {record: record + text.first_row + 1 for record in wanted}
        if one_line_each:
            return {record: record + 2 for record in wanted}
        return find_lines(text, columns, limits, wanted)

    with locked_engine(text.path.parent, limits) as engine:
        add_functions(engine)
        values = Values(engine, even, header.names, columns, text.delimiter, limits)
        rows = check_values(values, header, findings, lines_of)
        if rows != records:
            # The two readings disagree, so nobody can say what the file holds.
            findings.add(Fault.UNREADABLE)
        if findings.count:
            return findings.report(records)
        table = hints.Table(engine, values.source, columns, {c.name: cell_of(c) for c in columns}, rows)
        keys = hints.look(table, findings, lines_of)
        plain = text.is_plain and even == text.path and header.names.as_written and not values.lenient()
        converted = None if plain else CSV
        if converted:
            cells = {column.name: plain_value(column) for column in columns}
            converting.write_csv(engine, values.source, cells, even.with_name(converting.CONVERTED), rows)
    return findings.report(records).model_copy(update={"keys": keys, "converted": converted})


def read_build(text: Text, columns: Sequence[Column], limits: Limits, findings: Findings, on_run: Run) -> Built:
    with text.path.open("rb") as file:
        header = read_header(file, columns, text.delimiter, limits, findings)
        if header is None:
            return Built(None)
        lines = Lines(
            file, width=len(header.names.columns), crlf=header.crlf, grammar=grammar(text.delimiter), limits=limits,
            findings=findings, on_run=on_run,
        )  # fmt: skip
        records = lines.read()
        return Built(header, records, lines.other_ends, lines.blank_tail)


def evened(text: Text, built: Built, findings: Findings) -> Path:
    """The file itself, or a copy with even line ends and without blank lines at its end, and warnings of them."""
    if not (built.other_ends.count or built.blank_tail.count):
        return text.path
    if built.other_ends.count:
        findings.warn(Warned.LINE_ENDS, lines=built.other_ends.lines, count=built.other_ends.count)
    if built.blank_tail.count:
        findings.warn(Warned.BLANK_LINES, lines=built.blank_tail.lines, count=built.blank_tail.count)
    target = text.path.with_name("evened")
    converting.even_out(text.path, target, blank_from=min(built.blank_tail.lines, default=None))
    return target


def check_values(values: Values, header: Header, findings: Findings, lines_of: LinesOf) -> int:
    """Look for unfit cells; the number of rows that were read."""
    rows, counts, nameless = values.count()
    located = values.locate(counts) if any(counts) else []
    strangers = [
        (position, values.first_value(column))
        for (position, column), count in zip(values.unnamed, nameless, strict=True)
        if count
    ]
    lines = lines_of({one.record for one in located} | {record for _, record in strangers})
    for position, record in strangers:
        findings.add(Fault.COLUMN_WITHOUT_NAME, line=lines[record], position=position + 1)
    for one in located:
        findings.keep(one.fault, line=lines[one.record], column=one.column, cause=one.cause)
    findings.count += sum(counts)
    if header.names.unnamed and not strangers:
        findings.warn(Warned.EMPTY_COLUMNS, lines=[1], count=len(header.names.unnamed))
    return rows


def find_lines(text: Text, columns: Sequence[Column], limits: Limits, wanted: Iterable[int]) -> dict[int, int]:
    """The line on which each of these records begins: a second reading, needed where records span lines."""
    lines: dict[int, int] = {}
    missing = sorted(wanted, reverse=True)

    def note(record: int, line: int, count: int) -> None:
        while missing and missing[-1] < record + count:
            each = missing.pop()
            lines[each] = line + each - record

    read_build(text, columns, limits, Findings(), note)
    return lines
