"""The arrays of a study, and columns of a bundle read into them: what is not a number is refused, text stays data."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.analysis.worker.sdk import Array, MethodError

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]
Texts = NDArray[np.object_]

LONGEST = 40
UNKNOWN = "unknown"
LARGEST_WHOLE = 1e18
LARGEST_AMOUNT = 1e150
"""What is larger cannot be squared or added up: unknown."""
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


def numbers(values: Array | None, rows: int, name: str) -> Floats:
    """float64, with NaN for NULL and for what is not finite; all NaN where nobody gave the column."""
    if values is None:
        return np.full(rows, np.nan)
    if values.dtype.kind not in "fiub":
        if all(value is None for value in values):
            return np.full(rows, np.nan)
        raise MethodError("wrong-type", f"The column {name} must hold numbers.")
    numeric = values.astype(np.float64)
    numeric[~np.isfinite(numeric)] = np.nan
    return numeric


def texts(values: Array | None, rows: int) -> Texts:
    """Text is data: in a form that a table can carry, two values never in the same, and never read as anything else."""
    if values is None:
        return np.full(rows, UNKNOWN, dtype=object)
    if values.dtype.kind in "fiub":
        return by_value(values, digits)
    shown = called(str(value) for value in set(values.tolist()) if value is not None)
    return by_value(values, lambda value: UNKNOWN if value is None else shown[str(value)])


def called(names: Iterable[str], longest: int = LONGEST) -> dict[str, str]:
    """What each of these different texts is called: printable and cut; of those that then are alike the later are numbered."""
    given = set(names)
    odd = {name for name in given if len(name) > longest or printable(name) != name}
    shown = {name: name for name in given - odd}
    alike: Counter[str] = Counter()
    for name in sorted(odd):
        short = cut = printable(name)[:longest]
        while short in shown or short in alike:
            alike[cut] = max(alike[cut], 1) + 1
            short = f"{cut[: longest - 9]}… ({alike[cut]})"
        alike[short] += 1
        shown[name] = short
    return shown


def printable(text: str) -> str:
    return text if text.isprintable() else UNPRINTABLE.sub(" ", text)


def digits(value: float) -> str:
    """A number as a name: whole ones in full, others so that only rounding makes two of them one."""
    if value != value:
        return UNKNOWN
    return f"{value + 0.0:.0f}" if abs(value) < LARGEST_WHOLE and value == int(value) else f"{value:.15g}"


def sortable(names: Array) -> Array:
    """Ranks as they are, text in a form that sorts: both in the same order."""
    return names if names.dtype.kind in "iu" else names.astype(str)


def appearing(names: Array) -> tuple[Whole, Whole]:
    """Names as numbers in the order of their first row, and by number that row."""
    _, first, place = np.unique(sortable(names), return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order))
    return number[place], first[order].astype(np.int64)


def chosen(codes: Whole, names: list[str]) -> Texts:
    """A text a row out of a few; all rows share them, so that each costs a pointer."""
    return np.array(names, dtype=object)[codes]


def by_value(values: Array, make: Callable[[Any], Any]) -> Texts:
    """`make` applied to each distinct value once; rows of one value share what was made of it."""
    if values.dtype.kind == "O":
        shared = {value: make(value) for value in set(values.tolist())}
        return np.array([shared[value] for value in values.tolist()], dtype=object)
    distinct, place = np.unique(values, return_inverse=True)
    made = np.empty(len(distinct), dtype=object)
    made[:] = [make(value) for value in distinct]
    return np.asarray(made[place])
