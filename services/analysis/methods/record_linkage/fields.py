"""The columns of a table as numbers: two records agree on one where its numbers are equal."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.analysis.methods.toolkit.arrays import Flags, Floats, Whole, by_value, digits
from services.analysis.worker.sdk import Bundle
from shared.canonical import canonical_text
from shared.times import Precision, Reading, read_time

UNKNOWN = -1
COUNTRY = "+82"
"""What a telephone number of Korea begins with abroad, in the place of its first 0."""
NUMBER = re.compile(r"[-+]?[0-9]+([.][0-9]+)?")
SEPARATED = re.compile(r"[+]?[0-9(][-0-9 ./()]*[0-9]")
SEPARATORS = re.compile(r"[- ./()]")
DASHES = re.compile("[‐‑‒–—―−]|(?<=[0-9])[ㅡー\u1173](?=[0-9])")
LARGEST_BLOCK = 200
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Field:
    """A number for each distinct value."""

    codes: Codes
    """By row; -1 where nothing is known."""
    counts: Codes
    """By number: how many records have the value."""

    @cached_property
    def known(self) -> int:
        return int(self.counts.sum())

    @property
    def apart(self) -> float:
        """How often two records agree by chance."""
        return float(((self.counts / max(self.known, 1)) ** 2).sum())

    @property
    def rarest(self) -> float:
        """The least often that another record agrees by chance with one that has a twin at all."""
        return float(self.counts.min(where=self.counts > 1, initial=self.known) / self.known)

    def chance(self, rows: Whole) -> Floats:
        """For each of these rows: how often another record agrees with it by chance. Of an unknown value it means nothing."""
        return np.asarray(self.counts[self.codes[rows]] / self.known)

    @cached_property
    def usual(self) -> Flags:
        """By number: whether the records that have it are at least two, and few enough for it to tell something."""
        return (self.counts > 1) & (self.counts <= LARGEST_BLOCK)

    @property
    def left_out(self) -> int:
        """How many values so many records have that it tells nothing."""
        return int((self.counts > LARGEST_BLOCK).sum())

    def block(self, rows: Whole) -> Codes:
        """For each of these rows: its block, or -1."""
        codes = self.codes[rows]
        return np.where((codes != UNKNOWN) & self.usual[codes], codes, np.int32(UNKNOWN))


def read_field(bundle: Bundle, column: str, told: Callable[[Any], str | None]) -> Field:
    """Texts are told apart by digests of eight bytes, so that they need not stand in memory together."""
    pieces = (by_value(piece[column], lambda value: digest(told(value))) for piece in bundle.pieces([column]))
    digests = np.concatenate([piece.astype(np.int64) for piece in pieces])
    known = digests != UNKNOWN
    _, place, counts = np.unique(digests[known], return_inverse=True, return_counts=True)
    codes = np.full(len(digests), UNKNOWN, dtype=np.int32)
    codes[known] = place
    return Field(codes, counts.astype(np.int32))


def digest(text: str | None) -> int:
    return UNKNOWN if text is None else int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


def as_told(value: Any) -> str | None:
    """Where a record is from, to the letter."""
    return None if value is None or value != value else str(value)


def as_text(value: Any) -> str | None:
    """Numbers in words, whole ones in full; texts as `plain` writes them."""
    if value is None or value != value:
        return None
    return plain(value) if isinstance(value, str) else digits(value)


def plain(text: str) -> str | None:
    """A text without case and outer blanks; days, and numbers that are written with separators, as their digits.

    So 1990-01-01 agrees with 19900101, and 010-1234-5678 with 01012345678 and +82 10 1234 5678. A decimal number or a
    negative one stays as it is."""
    told = canonical_text(text).casefold()
    day = read_time(told)
    if isinstance(day, Reading) and day.precision is Precision.DAY:
        return day.day.strftime("%Y%m%d")
    if not NUMBER.fullmatch(told) and SEPARATED.fullmatch(spelled := DASHES.sub("-", told)):
        bare = SEPARATORS.sub("", spelled)
        return f"0{bare.removeprefix(COUNTRY).removeprefix('0')}" if bare.startswith(COUNTRY) else bare
    return told or None
