"""The build of a CSV file (RFC 4180 in UTF-8, four delimiters): lines, quotation marks and cells, read in blocks of bounded size.

What passes here can be read in one way only, by every reader, so the values can be left to DuckDB.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from operator import methodcaller
from typing import BinaryIO

from services.catalog.schemas.limits import Limits
from services.catalog.schemas.reports import MOST_LINES, Fault, Findings

BLOCK = 1024 * 1024
QUOTED = re.compile(rb'"[^"]*+"')
Run = Callable[[int, int, int], None]


class Grammar:
    """How cells are written where `delimiter` parts them."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter.encode()
        mark = re.escape(self.delimiter)
        cell = rb'(?:"[^"]*+(?:""[^"]*+)*+"|[^"%s\r\n]*+)' % mark
        self.record = re.compile(rb"%s(?:%s%s)*+" % (cell, mark, cell))
        self.opening = re.compile(rb'(?:%s%s)*+"[^"]*+(?:""[^"]*+)*+' % (cell, mark))
        self.cells = re.compile(rb"(?:^|%s)(%s)" % (mark, cell))
        self.count = methodcaller("count", self.delimiter)


@cache
def grammar(delimiter: str) -> Grammar:
    return Grammar(delimiter)


@dataclass
class Uneven:
    """Lines that are not as they should be, and yet can be read in one way only."""

    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        self.count += 1
        if len(self.lines) < MOST_LINES:
            self.lines.append(line)


class Lines:
    """Reads the lines below the header. `on_run(record, line, count)` learns where records lie, in runs of one-line records.

    `other_ends` and `blank_tail`: records with another line end than the header's, and blank lines
    behind the last record; whoever reads the file has to even them out."""

    def __init__(
        self, file: BinaryIO, *, width: int, crlf: bool, grammar: Grammar, limits: Limits, findings: Findings, on_run: Run
    ) -> None:
        self.file, self.width, self.crlf, self.limits = file, width, crlf, limits
        self.grammar, self.findings, self.on_run = grammar, findings, on_run
        self.line, self.records = 2, 0
        self.pending: list[bytes] = []
        self.pending_bytes = 0
        self.stopped = False
        self.other_ends, self.blank_tail = Uneven(), Uneven()

    def read(self) -> int:
        """Examine everything; gives the number of records."""
        for block in self.blocks():
            lines = block.split(b"\n")
            ended = not lines[-1]
            if ended:
                lines.pop()
            if not (ended and self.plain(block, lines)):
                self.take_all(lines, ended)
            if self.stopped:
                break
        if self.pending:
            self.stop(Fault.UNCLOSED_QUOTE, self.line - len(self.pending))
        return self.records

    def blocks(self) -> Iterator[bytes]:
        while block := self.file.read(BLOCK):
            if not block.endswith(b"\n"):
                block += self.file.readline(self.limits.record_bytes + 2)
            yield block

    def plain(self, block: bytes, lines: list[bytes]) -> bool:
        """Whether a block is plain, as nearly all are: then its lines are its records and need no closer look."""
        if self.pending or b'"' in block or b"\0" in block or not decodes(block):
            return False
        if not self.ends_evenly(block, len(lines)):
            return False
        if set(map(self.grammar.count, lines)) != {self.width - 1} or max(map(len, lines)) > self.limits.cell_bytes:
            return False
        if self.width == 1 and min(map(len, lines)) <= int(self.crlf):
            return False
        self.refuse_blanks()
        self.on_run(self.records, self.line, len(lines))
        self.records += len(lines)
        self.line += len(lines)
        return True

    def ends_evenly(self, block: bytes, lines: int) -> bool:
        """Whether every line ends as the header does, and no carriage return stands elsewhere."""
        if not self.crlf:
            return b"\r" not in block
        return block.count(b"\r") == block.count(b"\r\n") == lines

    def take_all(self, lines: list[bytes], ended: bool) -> None:
        last = len(lines) - 1
        for index, line in enumerate(lines):
            if len(line) > self.limits.record_bytes:
                return self.stop(Fault.RECORD_TOO_LONG, self.line - len(self.pending))
            self.take(line, ended or index < last)
            if self.stopped:
                return None
        return None

    def take(self, line: bytes, ended: bool) -> None:
        """One line: a record, or a part of one that has a line break within quotation marks."""
        if b"\0" in line:
            self.findings.add(Fault.NUL_BYTE, line=self.line)
        if not decodes(line):
            self.findings.add(Fault.NOT_UTF8, line=self.line)
        self.pending.append(line)
        self.pending_bytes += len(line) + 1
        self.line += 1
        first, odd = len(self.pending) == 1, line.count(b'"') % 2 == 1
        opens = first and odd and self.grammar.opening.fullmatch(line)
        if opens if first else not odd:
            self.check_growth()
        else:
            self.close_record(ended)

    def check_growth(self) -> None:
        """A quotation that goes on and on was most likely never closed."""
        if self.pending_bytes > self.limits.record_bytes:
            self.stop(Fault.UNCLOSED_QUOTE, self.line - len(self.pending))

    def close_record(self, ended: bool) -> None:
        record, line = b"\n".join(self.pending), self.line - len(self.pending)
        self.pending, self.pending_bytes = [], 0
        if not record.removesuffix(b"\r") and self.width > 1:
            self.blank_tail.add(line)  # until a record follows
            return
        self.refuse_blanks()
        if record.endswith(b"\r") != (self.crlf and ended):
            self.other_ends.add(line)
        if fault := self.record_fault(record.removesuffix(b"\r")):
            self.findings.add(fault, line=line)
        self.on_run(self.records, line, 1)
        self.records += 1

    def refuse_blanks(self) -> None:
        """Blank lines between records: nobody can tell what they stand for."""
        for line in self.blank_tail.lines:
            self.findings.add(Fault.BLANK_LINE, line=line)
        self.findings.count += self.blank_tail.count - len(self.blank_tail.lines)
        self.blank_tail = Uneven()

    def record_fault(self, record: bytes) -> Fault | None:
        if len(record) > self.limits.record_bytes:
            return Fault.RECORD_TOO_LONG
        if not record:
            return Fault.BLANK_LINE
        bare = QUOTED.sub(b"", record) if b'"' in record else record
        if b"\r" in bare:
            return Fault.STRAY_CARRIAGE_RETURN
        if not self.grammar.record.fullmatch(record):
            return Fault.BAD_QUOTE
        if self.grammar.count(bare) != self.width - 1:
            return Fault.WRONG_CELL_COUNT
        if len(record) > self.limits.cell_bytes and max(map(len, self.grammar.cells.findall(record))) > self.limits.cell_bytes:
            return Fault.CELL_TOO_LONG
        return None

    def stop(self, fault: Fault, line: int) -> None:
        """Beyond this fault nobody can tell where rows begin."""
        self.findings.add(fault, line=line)
        self.pending, self.stopped = [], True


def decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
