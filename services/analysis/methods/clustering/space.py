"""The columns by which subjects lie near or far from one another: each with its scale, read as they are needed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from services.analysis.methods.toolkit.arrays import LARGEST_AMOUNT, Floats, Matrix, Whole, numbers
from services.analysis.worker.sdk import Array, Bundle

CUT = 2.0
CELLS = 10_000_000


@dataclass(frozen=True)
class Scale:
    """The median of a column, and the width of its middle eight tenths."""

    middle: float
    width: float

    def of(self, values: Floats) -> Matrix:
        """Cut at two widths; gaps are 0."""
        beside = np.clip((values - self.middle) / self.width, -CUT, CUT)
        return np.where(np.isfinite(values), beside, 0.0).astype(np.float32)


@dataclass(frozen=True)
class Space:
    bundle: Bundle
    rows: int
    scales: dict[str, Scale]
    """By column of the linked table."""

    @property
    def names(self) -> list[str]:
        return [plain(name) for name in self.scales]

    def columns(self) -> Iterator[tuple[Floats, Matrix]]:
        """One after another: its values, and where they lie."""
        for name, values in self._read():
            yield values, self.scales[name].of(values)

    def at(self, places: Whole) -> Matrix:
        return np.column_stack([self.scales[name].of(values[places]) for name, values in self._read()])

    def block(self, rows: range) -> Matrix:
        found = self.bundle.columns(self.scales, rows)
        return np.column_stack([scale.of(amounts(found[name], len(found[name]), name)) for name, scale in self.scales.items()])

    def blocks(self, size: int) -> Iterator[Matrix]:
        for start in range(0, self.rows, size):
            yield self.block(range(start, start + size))

    def _read(self) -> Iterator[tuple[str, Floats]]:
        return each_column(self.bundle, self.scales, self.rows)


def make_space(bundle: Bundle, rows: int, left_out: Iterable[str]) -> Space:
    """Columns of numbers that differ; texts and dates do not count."""
    kinds = bundle.columns(rows=range(0))
    named = [name for name, values in kinds.items() if name != "pseudonym" and values.dtype.kind != "O"]
    counted = [name for name in named if plain(name) not in left_out]
    scales = {name: scale_of(values[np.isfinite(values)]) for name, values in each_column(bundle, counted, rows)}
    return Space(bundle, rows, {name: scale for name, scale in scales.items() if scale})


def each_column(bundle: Bundle, names: Iterable[str], rows: int) -> Iterator[tuple[str, Floats]]:
    """As many are read at once as make ten million cells, and of a longer table one."""
    asked, many = list(names), max(1, CELLS // max(rows, 1))
    for start in range(0, len(asked), many):
        found = bundle.columns(asked[start : start + many])
        for name in list(found):
            yield name, amounts(found.pop(name), rows, name)


def amounts(values: Array, rows: int, name: str) -> Floats:
    found = numbers(values, rows, name)
    return np.where(np.abs(found) < LARGEST_AMOUNT, found, np.nan)


def scale_of(known: Floats) -> Scale | None:
    if not len(known) or known.min() == known.max():
        return None
    low, middle, high = np.quantile(known, [0.1, 0.5, 0.9])
    return Scale(float(middle), float((high - low) or known.std()))


def plain(name: str) -> str:
    return name.removeprefix("table__")
