"""Series as series x times, with what else was known at each time: all of them, or those of one part."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from services.analysis.methods.anomaly_series.columns import LABEL, TIME, VALUE
from services.analysis.methods.anomaly_series.times import Grid, read_grid
from services.analysis.methods.deviation.robust import Codes, Flags, Floats, encode
from services.analysis.methods.toolkit.arrays import appearing
from services.analysis.worker.sdk import Array

LARGEST = 1e18
MOST_DRIVERS = 30


@dataclass(frozen=True)
class Panel:
    grid: Grid
    series: Codes
    """Which series these are, numbered among all in the order of their first rows."""
    every: int
    """How many series there are in all."""
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
        return len(self.series), self.grid.count


def make_panel(found: Mapping[str, Array]) -> Panel:
    """All series of columns of equal length; what is neither key, time, value nor label is a driver."""
    own, first = appearing(found["pseudonym"])
    grid, place = read_grid(found[TIME])
    columns = {name: plain(values) for name, values in found.items() if name not in ("pseudonym", TIME)}
    return lay(grid, np.arange(len(first)), len(first), own, place, list(columns), columns.__getitem__)


def lay(
    grid: Grid, series: Codes, every: int, own: Codes, place: Codes, columns: list[str], read: Callable[[str], Floats]
) -> Panel:
    """A panel of rows: `own` is the series of each, as its position in `series`; `place` its time, -1 for none."""
    shape = (len(series), grid.count)
    inside = place >= 0
    at = own[inside] * grid.count + place[inside]
    count = np.bincount(at, minlength=shape[0] * shape[1]).reshape(shape)

    def cells(name: str) -> Floats:
        matrix = np.full(shape[0] * shape[1], np.nan)
        matrix[at] = read(name)[inside]
        return matrix.reshape(shape)

    return Panel(
        grid=grid,
        series=series,
        every=every,
        value=cells(VALUE),
        present=count > 0,
        again=count > 1,
        lost=np.bincount(own[~inside], minlength=len(series)),
        drivers={name.partition("__")[2]: cells(name) for name in drivers(columns)},
        label=cells(LABEL) if LABEL in columns else np.broadcast_to(np.nan, shape),
    )


def drivers(names: Iterable[str]) -> list[str]:
    return [name for name in names if name not in (TIME, VALUE, LABEL)][:MOST_DRIVERS]


def plain(values: Array) -> Floats:
    """Numbers as they are, without what no computer can add; texts as codes in their order."""
    if values.dtype.kind not in "fiub":
        codes, _ = encode(values)
        return np.where(codes >= 0, codes, np.nan).astype(np.float64)
    numbers = values.astype(np.float64)
    return np.where(np.abs(numbers) < LARGEST, numbers, np.nan)
