"""The form of an audit row: who wrote it and as which in turn, its MAC, its hash in the chain.

docs/audit.md specifies it for those who verify with a program of their own. A writer is one
process. Its rows carry consecutive numbers, and each row says below which number everything is
settled: such numbers were committed before this row or with it, or are reported as void because
their transaction was rolled back. So a number that is neither there nor void was suppressed. What
a killed process still had open lies above that bound, and raises no alarm.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from sqlalchemy import RowMapping

from shared.ids import new_id
from shared.keys import MacKey

FORMAT: Final = 2
GENESIS: Final = "0" * 64
# What a MAC covers beside the service, in this order.
MACED: Final = (
    "format", "id", "at", "action", "outcome", "subject", "actor", "ministry", "roles", "request_id", "trace_id",
    "detail", "writer", "number", "settled", "void",
)  # fmt: skip
FIELDS: Final = (*MACED, "mac")
# Rows of format 1 were chained as JSON objects with these names, sorted; the action was called deed.
FIRST: Final = {
    name: {"deed": "action"}.get(name, name)
    for name in (
        "actor", "at", "deed", "detail", "id", "ministry", "outcome", "request_id", "roles", "subject", "trace_id",
    )
}  # fmt: skip
PLACES: Final = tuple((name, FIELDS.index(column)) for name, column in FIRST.items())
ID: Final = FIELDS.index("id")
Span = tuple[int, int]
Record = Mapping[str, Any] | RowMapping
SPANS: Final = re.compile(r"\d{1,18}(-\d{1,18})?(,\d{1,18}(-\d{1,18})?)*")
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def values_of(row: Record) -> tuple[Any, ...]:
    """The fields of a row in their order, its id as 32 hexadecimal digits."""
    return tuple(row["id"].hex if name == "id" else row[name] for name in FIELDS)


def row_words(service: str, values: Sequence[Any]) -> str:
    """A row in the form that is chained and, from format 2 on, MACed: JSON without spaces."""
    if values[0] == 1:
        fields = {name: values[place] for name, place in PLACES}
        return encode(fields | {"id": dashed(fields["id"])})
    return encode(["dure-audit-row", service, *values[: len(MACED)]])


def dashed(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def link(previous: str, position: int, words: str, values: Sequence[Any]) -> str:
    """The hash of a row, in words and fields, at its position behind the previous hash."""
    mac = "" if values[0] == 1 else f"\n{values[-1] or ''}"
    return hashlib.sha256(f"{previous}\n{position}\n{words}{mac}".encode()).hexdigest()


def chain(service: str, previous: str, position: int, row: Record) -> str:
    """The hash of a row at its position."""
    values = values_of(row)
    return link(previous, position, row_words(service, values), values)


def signed_words(service: str, position: int, digest: str, at: str) -> bytes:
    """What a checkpoint's signature covers."""
    return f"dure-audit-checkpoint\n{service}\n{position}\n{digest}\n{at}".encode()


def spans_of(numbers: Iterable[int]) -> list[Span]:
    """Runs of consecutive numbers, first and last of each."""
    runs = groupby(enumerate(sorted(numbers)), lambda pair: pair[1] - pair[0])
    members = [[number for _, number in run] for _, run in runs]
    return [(run[0], run[-1]) for run in members]


def written(spans: Iterable[Span]) -> str:
    """`3,7-9` for 3, 7, 8 and 9."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def spans_in(text: str | None) -> list[Span]:
    """The spans of such a text; what is none of ours holds none."""
    if not text or not SPANS.fullmatch(text):
        return []
    pairs = [part.partition("-") for part in text.split(",")]
    return [(int(first), int(last or first)) for first, _, last in pairs]


def gaps(first: int, end: int, covered: Iterable[Span]) -> list[Span]:
    """What of the numbers from `first` up to before `end` no span covers."""
    found = []
    for low, high in sorted(covered):
        if low >= end:
            break
        if low > first:
            found.append((first, low - 1))
        first = max(first, high + 1)
    return [*found, (first, end - 1)] if first < end else found


@dataclass
class Writer:
    """Numbers the audit rows of one process, and makes their MACs."""

    service: str
    key: MacKey | None = None
    name: str = field(default_factory=lambda: new_id().hex)
    last: int = 0
    # Rows whose transaction is at work, in the order of their numbers: which numbers each reports as void.
    open: dict[int, frozenset[int]] = field(default_factory=dict)
    void: set[int] = field(default_factory=set)

    @property
    def settled(self) -> int:
        """Every lower number was committed, or is void."""
        return next(iter(self.open), self.last + 1)

    def stamp(self, row: Mapping[str, Any], beside: Collection[int] = ()) -> dict[str, Any]:
        """The row with its number and its MAC; `end` has to be called of the number.

        `beside` are the numbers of the rows that its transaction wrote before: they come with it."""
        self.last += 1
        self.open[self.last] = frozenset(self.void)
        stamped = {
            **row,
            "format": FORMAT,
            "writer": self.name,
            "number": self.last,
            "settled": next(number for number in self.open if number not in beside),
            "void": written(spans_of(self.void)),
            "mac": None,
        }
        if self.key:
            stamped["mac"] = self.key.mac(row_words(self.service, values_of(stamped)).encode())
        return stamped

    def end(self, numbers: Iterable[int], *, committed: bool) -> None:
        """Their transaction has ended. What may have been rolled back is void until a committed row has said so."""
        for number in numbers:
            reported = self.open.pop(number)
            if committed:
                self.void -= reported
            else:
                self.void.add(number)

    def swallowed(self, number: int) -> None:
        """The database took the row and did not keep it: the number stays missing, and is named."""
        del self.open[number]
