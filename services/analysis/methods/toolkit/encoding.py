"""Features as one float32 matrix: numbers as they are, categories as codes, gaps as NaN; the same for every later row."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from services.analysis.methods.toolkit.arrays import Flags, Floats, Matrix, Texts
from services.analysis.methods.toolkit.periods import NEVER
from services.analysis.methods.toolkit.rows import Rows
from services.analysis.worker.sdk import Array, MethodError

MOST_LEVELS = 60
SMALLEST_LEVEL = 10
LONGEST = 200
"""What a category may be called in the manifest of a model: longer texts are no category."""
LARGEST = 1e18
MASK = "available__"


@dataclass(frozen=True)
class Encoding:
    """Columns of the matrix in order; a category's code is its place in its table, one that is not there is NaN."""

    names: tuple[str, ...]
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    masks: Mapping[str, int] = field(default_factory=dict)
    """Feature -> its first day: the matrix has a further column that tells a gap before that day from a later one."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Feature -> why no model sees it."""

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.names, *(MASK + name for name in self.masks))

    def matrix(self, rows: Rows) -> Matrix:
        made = np.empty((len(rows), len(self.columns)), dtype=np.float32)
        for place, name in enumerate(self.names):
            made[:, place] = self.column(name, rows.features[name])
        for place, day in enumerate(self.masks.values(), start=len(self.names)):
            made[:, place] = 1.0 if rows.day is None else rows.day >= day
        return made

    def column(self, name: str, values: Array) -> Floats:
        return encode(values, self.codes[name]) if name in self.codes else narrow(values)

    def signs(self, rows: Rows) -> list[int]:
        return [0 if name in self.codes else rows.signs.get(name, 0) for name in self.names] + [0] * len(self.masks)


def fit_encoding(rows: Rows, train: Flags) -> Encoding:
    """What the training rows alone tell: which features say anything, and which categories there are."""
    names: list[str] = []
    codes: dict[str, tuple[str, ...]] = {}
    masks: dict[str, int] = {}
    left_out: dict[str, str] = {}
    for name, values in rows.features.items():
        levels = frequent(values[train]) if values.dtype.kind == "O" else ()
        if why := unavailable(rows, name, train) or useless(values[train], levels):
            left_out[name] = why
            continue
        names.append(name)
        codes |= {name: levels} if levels else {}
        masks |= {name: rows.available_from[name]} if ambiguous(rows, name, train) else {}
    if not names:
        raise MethodError("no-features", "Every feature is empty or the same for all rows.")
    return Encoding(tuple(names), codes, masks, left_out)


def narrow(values: Array) -> Floats:
    """Within what float32 can hold, squared too."""
    return np.asarray(np.clip(values, -LARGEST, LARGEST))


def frequent(values: Texts) -> tuple[str, ...]:
    """The categories that enough rows have, the most frequent first."""
    known = np.array([value for value in values if value is not None and len(value) <= LONGEST], dtype=str)
    distinct, counts = np.unique(known, return_counts=True)
    order = np.lexsort((distinct, -counts))[:MOST_LEVELS]
    return tuple(str(distinct[place]) for place in order if counts[place] >= SMALLEST_LEVEL)


def encode(values: Texts, levels: tuple[str, ...]) -> Floats:
    codes = {level: float(code) for code, level in enumerate(levels)}
    return np.fromiter((codes.get(value, np.nan) for value in values), dtype=np.float64, count=len(values))


def useless(values: Array, levels: tuple[str, ...]) -> str:
    """Why nothing can be learned from a feature; a gap beside one value may still say something."""
    if values.dtype.kind == "O" and not levels:
        return "too-many-categories" if any(value is not None for value in values) else "empty"
    found = encode(values, levels) if levels else narrow(values)
    known = found[np.isfinite(found)]
    if not len(known):
        return "empty"
    return "constant" if len(known) == len(found) and known.min() == known.max() else ""


def unavailable(rows: Rows, name: str, train: Flags) -> str:
    """A feature whose owner had it for none of the training rows would be learned from nothing."""
    if name not in rows.available_from or rows.day is None:
        return ""
    return "" if (rows.day[train] >= rows.available_from[name]).any() else "not-yet-available"


def ambiguous(rows: Rows, name: str, train: Flags) -> bool:
    """Whether a gap may mean both that nobody could know, and that there is nothing to know."""
    if name not in rows.available_from or rows.day is None:
        return False
    day = rows.day[train]
    before = (day < rows.available_from[name]) & (day != NEVER)
    empty = np.isnan(rows.features[name][train]) if rows.features[name].dtype.kind == "f" else np.zeros(len(day), dtype=bool)
    return bool(before.any() and empty[~before].any())
