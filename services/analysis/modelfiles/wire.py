"""Protocol buffers field by field, without building messages; every step is counted."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap
from typing import Final

from services.analysis.modelfiles.refusal import malformed, refused

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MOST_FIELDS: Final = 1_000_000
MOST_NODES: Final = 50_000
# The long lists of a tree ensemble are not packed: up to 4,096 of them are passed over in one step. More, or a pattern that
# may go back, would cost the matcher memory for each of them.
MODES: Final = b"|".join(
    re.escape(bytes([len(mode)]) + mode)
    for mode in (b"BRANCH_LEQ", b"BRANCH_LT", b"BRANCH_GTE", b"BRANCH_GT", b"BRANCH_EQ", b"BRANCH_NEQ", b"LEAF")
)
RUN: Final = re.compile(
    rb"(?:\x3d[\s\S]{4}){1,4096}+|(?:\x40[\x80-\xff]{0,9}+[\x00-\x7f]){1,4096}+|(?:\x4a(?:" + MODES + rb")){1,4096}+"
)
Data = bytes | mmap


@dataclass
class Budget:
    """Fields that may still be looked at."""

    left: int = MOST_FIELDS

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise refused("too-complex", nodes=MOST_NODES, fields=MOST_FIELDS)


@dataclass(frozen=True)
class Message:
    """A stretch of bytes that is said to be a message."""

    data: Data
    start: int
    end: int
    budget: Budget

    def __len__(self) -> int:
        return self.end - self.start

    def content(self, most: int) -> bytes:
        """Its bytes; what is longer is cut behind the first byte too many."""
        return bytes(self.data[self.start : min(self.end, self.start + most + 1)])

    def text(self, most: int = 4096) -> str:
        """As UTF-8; what is longer than any name is cut."""
        return bytes(self.data[self.start : min(self.end, self.start + most)]).decode("utf-8", "replace")

    def fields(self, run: re.Pattern[bytes] | None = None) -> Iterator[tuple[int, int | None, "Message"]]:
        """Field number, value if it is a varint (else None), and the stretch of its bytes."""
        at, data = self.start, self.data
        while at < self.end:
            self.budget.spend()
            if run is not None and (found := run.match(data, at, self.end)):
                at = found.end()
                continue
            tag, at = varint(data, at, self.end)
            number, wire = tag >> 3, tag & 7
            value, start = None, at
            if wire == VARINT:
                value, at = varint(data, at, self.end)
            elif wire == BYTES:
                length, start = varint(data, at, self.end)
                at = start + length
            elif wire in (FIXED32, FIXED64):
                at += 4 if wire == FIXED32 else 8
            else:
                raise malformed("a field of an unknown kind")
            if number == 0 or at > self.end:
                raise malformed("a field reaches beyond its message")
            yield number, value, Message(data, start, at, self.budget)


def varint(data: Data, at: int, end: int) -> tuple[int, int]:
    """The number, and where it ends."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
    raise malformed("a number does not end")
