"""The linked table in a file of the run's own, column beside column: what is asked for stands in memory, and nothing else."""

import math
import os
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.analysis.methods.toolkit.arrays import Texts, Whole, appearing
from services.analysis.worker.sdk import Array, Bundle, MethodError

PSEUDONYM = "pseudonym"
CELL = 8
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Subjects:
    """Who the rows are about, by the number of the subject; the pseudonyms themselves stay in the linked table."""

    bundle: Bundle
    first: Whole
    """By rank: a row of the linked table that is about this subject."""

    def names(self, ranks: Whole) -> Texts:
        asked, place = np.unique(self.first[ranks], return_inverse=True)
        if not len(asked):
            return np.empty(0, dtype=object)
        query = "SELECT pseudonym FROM numbered WHERE file_row_number IN (SELECT unnest($1)) ORDER BY file_row_number"
        return np.asarray(self.bundle.sql(query, [asked.tolist()])[PSEUDONYM][place])


class Table:
    """Columns as `Bundle.columns` gives them (infinite numbers are unknown), and the rank of each row's pseudonym."""

    def __init__(self, bundle: Bundle, most_texts: float = math.inf, but: str = "") -> None:
        """A column of more different texts than `most_texts` would fill the memory and is left out, `but` this one."""
        handle, path = tempfile.mkstemp(dir=bundle.means.folder)
        Path(path).unlink()
        weakref.finalize(self, os.close, handle)
        self.handle, self.bundle = handle, bundle
        self.levels: dict[str, dict[str | None, int] | None] = {}
        """Column -> its texts with their codes; None for numbers."""
        self.most_texts, self.but, self.left_out = most_texts, but, set[str]()
        self.rows, self.ranks, self.subjects = self._fill()

    def _fill(self) -> tuple[int, Whole, Subjects]:
        ((rows,),) = self.bundle.sql("SELECT count(*) AS rows FROM linked").values()
        self.rows, ranking, start = int(rows), Ranking(), 0
        for piece in self.bundle.pieces():
            if PSEUDONYM not in piece:
                raise MethodError("missing-column", "The linked table has no pseudonym.")
            names = piece.pop(PSEUDONYM)
            ranking.take(names)
            for name, values in piece.items():
                self._write(name, values, start)
            start += len(names)
        ranks, first = ranking.ended(self.bundle)
        return self.rows, ranks, Subjects(self.bundle, first)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.levels if name not in self.left_out)

    def is_text(self, name: str) -> bool:
        return self.levels[name] is not None

    def put(self, name: str, values: Array) -> None:
        """A further column of numbers."""
        self._write(name, values, 0)

    def read(self, name: str, places: Places | None = None) -> Array:
        """A column, or these rows of it; of neighbouring rows only their part of the file is read."""
        if places is not None and not len(places):
            return self._part(name, 0, 0)
        low, high = (0, self.rows) if places is None else (int(places.min()), int(places.max()) + 1)
        found = self._part(name, low, high - low)
        return found if places is None else found[places - low]

    def _write(self, name: str, values: Array, start: int) -> None:
        if name in self.left_out:
            return
        if name not in self.levels:
            self.levels[name] = {} if values.dtype.kind == "O" else None
        codes = self.levels[name]
        if codes is None:
            cells = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
        else:
            found = (codes.setdefault(value, len(codes)) for value in values)
            cells = np.fromiter(found, dtype=np.int64, count=len(values))
            if len(codes) > self.most_texts and name != self.but:
                self.left_out.add(name)
                codes.clear()
        os.pwrite(self.handle, cells.tobytes(), self._offset(name, start))

    def _part(self, name: str, start: int, count: int) -> Array:
        codes = self.levels[name]
        buffer, offset, done = bytearray(count * CELL), self._offset(name, start), 0
        while done < len(buffer):
            done += os.preadv(self.handle, [memoryview(buffer)[done:]], offset + done)
        if codes is None:
            return np.frombuffer(buffer, dtype=np.float64)
        return np.asarray(np.array([*codes, None], dtype=object)[np.frombuffer(buffer, dtype=np.int64)])

    def _offset(self, name: str, start: int) -> int:
        return (list(self.levels).index(name) * self.rows + start) * CELL


class Ranking:
    """Pseudonyms as numbers, in the order in which the rows bring them: that of a request's pseudonyms is a lot, and figures
    that go by it are other ones each time. Rows of one subject are neighbours, so that each need only be held beside the
    one before it."""

    def __init__(self) -> None:
        self.last: str | None = None
        self.ordered, self.changes = True, [np.zeros(0, dtype=bool)]

    def take(self, names: Texts) -> None:
        if not len(names):
            return
        before = np.concatenate([[names[0] if self.last is None else self.last], names[:-1]])
        self.ordered = self.ordered and not (names < before).any()
        change = np.asarray(names != before, dtype=bool)
        change[0] |= self.last is None
        self.changes.append(change)
        self.last = names[-1]

    def ended(self, bundle: Bundle) -> tuple[Whole, Whole]:
        """The number of each row's subject, and by that number the first row of it."""
        if self.ordered or bundle.subjects_together:
            change = np.concatenate(self.changes)
            return np.cumsum(change) - 1, np.flatnonzero(change)
        return appearing(bundle.columns([PSEUDONYM])[PSEUDONYM].astype(str))


@dataclass(frozen=True)
class Columns(Mapping[str, Array]):
    """Columns of a table under names of their own, read each time they are asked for; of all rows or of some."""

    table: Table
    names: Mapping[str, str]
    """Own name -> column of the table."""
    places: Places | None = None

    def __getitem__(self, name: str) -> Array:
        return self.table.read(self.names[name], self.places)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def is_text(self, name: str) -> bool:
        return self.table.is_text(self.names[name])

    def at(self, places: Places) -> "Columns":
        return replace(self, places=places if self.places is None else self.places[places])
