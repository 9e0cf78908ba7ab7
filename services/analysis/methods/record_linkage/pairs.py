"""Pairs of records that are worth a comparison, and on what they agree: made in parts, for there may be very many."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.analysis.methods.record_linkage.fields import LARGEST_BLOCK, UNKNOWN, Field
from services.analysis.methods.toolkit.arrays import Whole

CELLS = 1 << 20
MISSING, DIFFERS, AGREES = 0, 1, 2
Places = NDArray[np.intp]
Seen = NDArray[np.uint8]
"""[pairs, fields]: on what each pair agrees."""


@dataclass(frozen=True)
class Part:
    """Some pairs of records. `one` and `other` are places in `rows`; the row of `one` comes first in the table."""

    rows: Places
    one: Places
    other: Places

    def __len__(self) -> int:
        return len(self.one)

    def only(self, member: NDArray[np.bool_] | Places) -> "Part":
        return Part(self.rows, self.one[member], self.other[member])


@dataclass(frozen=True)
class Candidates:
    """Pairs that agree on one of the blocks, each once; none of one source if there are sources."""

    fields: Sequence[Field]
    blocks: Sequence[Field]
    source: Field | None

    @cached_property
    def most(self) -> int:
        """How many there are at most: some are in several blocks, or of one source."""
        sizes = np.concatenate([block.counts[block.usual] for block in self.blocks]).astype(np.int64)
        return int((sizes * (sizes - 1)).sum()) // 2

    def parts(self, tell: Callable[[float], None]) -> Iterator[Part]:
        """`tell` is told how far this is."""
        done, size = 0, max(1, CELLS // len(self.fields))
        for at, block in enumerate(self.blocks):
            for part in paired(block, size):
                done += len(part)
                yield self._new(part, self.blocks[:at])
                tell(done / max(self.most, 1))

    def _new(self, part: Part, earlier: Sequence[Field]) -> Part:
        """Without those of one source, and those that an earlier block made."""
        if self.source is not None:
            codes = self.source.codes[part.rows]
            part = part.only(codes[part.one] != codes[part.other])
        for block in earlier:
            codes = block.block(part.rows)
            part = part.only((codes[part.one] != codes[part.other]) | (codes[part.one] == UNKNOWN))
        return part


def paired(block: Field, size: int) -> Iterator[Part]:
    """The records of a block stand side by side, each is paired with those that follow it. `size` pairs or fewer at a time."""
    rows = np.flatnonzero((block.codes != UNKNOWN) & block.usual[block.codes])
    rows = rows[np.argsort(block.codes[rows], kind="stable")]
    codes = block.codes[rows]
    follow = np.searchsorted(codes, codes, side="right") - np.arange(1, len(codes) + 1)
    until, start = np.cumsum(follow), 0
    while start < len(rows):
        done = until[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(until, done + size, side="right")))
        count = follow[start:stop]
        one = np.repeat(np.arange(stop - start), count)
        within = np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
        yield Part(rows[start : stop + LARGEST_BLOCK], one, one + 1 + within)
        start = stop


def agreement(fields: Sequence[Field], part: Part) -> Seen:
    seen = np.empty((len(fields), len(part)), dtype=np.uint8)
    for at, field in enumerate(fields):
        codes = field.codes[part.rows]
        one, other = codes[part.one], codes[part.other]
        np.add((one == other).view(np.uint8), np.uint8(DIFFERS), out=seen[at])
        seen[at] *= np.minimum(one, other) != UNKNOWN
    return seen.T


@dataclass(frozen=True)
class Patterns:
    """Every way in which compared pairs agree, and how many do."""

    keys: NDArray[np.uint64]
    seen: Seen
    counts: Whole

    def places(self, seen: Seen) -> Places:
        """Which pattern each pair has."""
        return np.searchsorted(self.keys, keys_of(seen))


def keys_of(seen: Seen) -> NDArray[np.uint64]:
    """A number for each pattern, to the base of three: those of up to forty fields never meet, of more one pair in 10^19."""
    keys = np.zeros(len(seen), dtype=np.uint64)
    for column in seen.T:
        keys *= np.uint64(3)
        keys += column
    return keys


def tally(fields: Sequence[Field], parts: Iterator[Part]) -> Patterns:
    """Of these pairs."""
    counts: Counter[int] = Counter()
    example: dict[int, Seen] = {}
    for part in parts:
        seen = agreement(fields, part)
        keys, first, sizes = np.unique(keys_of(seen), return_index=True, return_counts=True)
        counts.update(dict(zip(keys.tolist(), sizes.tolist(), strict=True)))
        example |= {key: seen[at].copy() for key, at in zip(keys.tolist(), first, strict=True) if key not in example}
    found = sorted(counts)
    return Patterns(
        np.array(found, dtype=np.uint64),
        np.array([example[key] for key in found], dtype=np.uint8).reshape(-1, len(fields)),
        np.array([counts[key] for key in found], dtype=np.int64),
    )
