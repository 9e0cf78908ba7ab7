"""The linked table as series x times, with what else was known at each time."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.analysis.methods.anomaly_series.columns import LABEL, TIME, VALUE
from services.analysis.methods.anomaly_series.times import Grid, read_grid
from services.analysis.methods.deviation.robust import Codes, Flags, Floats, encode
from services.analysis.worker.sdk import Array, Bundle, MethodError

MINIMUM_ROWS = 12
LARGEST = 1e18
MOST_CELLS = 60_000_000
MOST_DRIVERS = 30


@dataclass(frozen=True)
class Panel:
    grid: Grid
    pseudonyms: Array
    """By series."""
    value: Floats
    """Series x times; NaN where nothing stands."""
    present: Flags
    """A row stands there, whatever its value."""
    again: Flags
    """More than one row stands there."""
    lost: Codes
    """Rows without a place, by series."""
    drivers: Mapping[str, Floats]
    """Further columns, series x times; texts as codes."""
    label: Floats
    """1 or 0 where somebody knows; NaN elsewhere."""

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.pseudonyms), self.grid.count


def read(bundle: Bundle) -> Panel:
    found = bundle.columns()
    for name in ("pseudonym", TIME, VALUE):
        if name not in found:
            raise MethodError("missing-column", f"The linked table lacks the required column {name}.")
    if found[VALUE].dtype.kind not in "fiub":
        raise MethodError("wrong-type", "The column value must hold numbers.")
    if len(found[VALUE]) < MINIMUM_ROWS:
        raise MethodError("too-few-rows", f"Fewer than {MINIMUM_ROWS} rows; nothing can be compared.")
    return make_panel(found)


def make_panel(found: Mapping[str, Array]) -> Panel:
    """From columns of equal length; what is neither key, time, value nor label is a driver."""
    series, names = encode(found["pseudonym"])
    grid, place, outside = read_grid(found[TIME])
    shape = (len(names), grid.count)
    if shape[0] * shape[1] > MOST_CELLS:
        raise MethodError("too-many-cells", "Series times times are more than this method can hold: ask for fewer.")
    at = (series[~outside], place[~outside])
    count = np.zeros(shape, dtype=np.int32)
    np.add.at(count, at, 1)

    def lay(values: Floats) -> Floats:
        matrix = np.full(shape, np.nan)
        matrix[at] = values[~outside]
        return matrix

    further = [name for name in found if name not in ("pseudonym", TIME, VALUE, LABEL)][:MOST_DRIVERS]
    return Panel(
        grid=grid,
        pseudonyms=np.array(names, dtype=object),
        value=lay(plain(found[VALUE])),
        present=count > 0,
        again=count > 1,
        lost=np.bincount(series[outside], minlength=len(names)),
        drivers={name.partition("__")[2]: lay(plain(found[name])) for name in further},
        label=lay(plain(found[LABEL])) if LABEL in found else np.full(shape, np.nan),
    )


def plain(values: Array) -> Floats:
    """Numbers as they are, without what no computer can add; texts as codes in their order."""
    if values.dtype.kind not in "fiub":
        codes, _ = encode(values)
        return np.where(codes >= 0, codes, np.nan).astype(np.float64)
    numbers = values.astype(np.float64)
    return np.where(np.abs(numbers) < LARGEST, numbers, np.nan)
