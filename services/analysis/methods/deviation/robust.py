"""Medians and median absolute deviations, row by row of a matrix and group by group; NaN is unknown and passed over."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]

SIGMA = 1.4826
"""MAD of a normal distribution to its standard deviation."""


def row_median(matrix: Floats) -> Floats:
    """The median of each row; NaN for a row without a number."""
    ordered = np.sort(matrix, axis=1)
    known = np.isfinite(ordered).sum(axis=1)
    rows = np.arange(len(matrix))
    low, high = np.maximum((known - 1) // 2, 0), np.minimum(known // 2, matrix.shape[1] - 1)
    return np.where(known > 0, (ordered[rows, low] + ordered[rows, high]) / 2, np.nan)


def row_mad(matrix: Floats, center: Floats) -> Floats:
    """The median absolute deviation of each row, scaled to a standard deviation."""
    return SIGMA * row_median(np.abs(matrix - center[:, None]))


def group_median(values: Floats, codes: Codes, groups: int) -> Floats:
    """The median of each group 0..groups-1; NaN for a group without a number."""
    known = np.isfinite(values)
    values, codes = values[known], codes[known]
    order = np.lexsort((values, codes))
    ordered = values[order]
    count = np.bincount(codes, minlength=groups)
    start = np.cumsum(count) - count
    if not len(ordered):
        return np.full(groups, np.nan)
    last = len(ordered) - 1
    low = np.minimum(start + np.maximum((count - 1) // 2, 0), last)
    high = np.minimum(start + count // 2, last)
    return np.where(count > 0, (ordered[low] + ordered[high]) / 2, np.nan)


def group_mad(values: Floats, codes: Codes, center: Floats) -> Floats:
    return SIGMA * group_median(np.abs(values - center[codes]), codes, len(center))


def shrunk(spread: Floats, known: Floats | Codes, weight: float, floor: float) -> Floats:
    """Spreads drawn towards their common median, the more the fewer values they stand on."""
    pool = float(np.nanmedian(spread)) if np.isfinite(spread).any() else floor
    own = np.where(np.isfinite(spread), spread, pool)
    return np.asarray(np.maximum(np.sqrt((known * own**2 + weight * pool**2) / (known + weight)), floor))


def clear_log(values: Floats) -> Floats:
    """The natural logarithm of what is positive; NaN for the rest."""
    return np.asarray(np.log(np.where(values > 0, values, np.nan)))


def encode(values: NDArray[np.object_]) -> tuple[Codes, list[str]]:
    """Codes 0.. in order of the sorted texts, -1 for None; and the texts."""
    names = sorted({str(value) for value in values.tolist() if value is not None})
    place: dict[object, int] = {name: at for at, name in enumerate(names)}
    found = (-1 if value is None else place[str(value)] for value in values.tolist())
    return np.fromiter(found, dtype=np.int64, count=len(values)), names
