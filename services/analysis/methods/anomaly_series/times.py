"""Times as places on a regular grid: quarter hours, hours, days, months or years, told by the data."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from services.analysis.methods.deviation.robust import Codes, encode
from services.analysis.methods.toolkit.periods import readings
from services.analysis.worker.sdk import Array, MethodError
from shared.times import Reading

DAY, WEEK = 1440, 10080
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall clock
MOST_PLACES = 400_000
MOST_CELLS = 2_000_000
"""Series times times that stand in memory at a time: more of them are judged in parts."""
MONTHLY = 28 * DAY


@dataclass(frozen=True)
class Grid:
    """`count` places from `first`, each `step` minutes (or months, if `monthly`)."""

    first: int
    count: int
    step: int
    monthly: bool

    @property
    def seasons(self) -> tuple[int, ...]:
        """Lengths of the cycles that such data have, in places: the day, the week, the year."""
        if self.monthly:
            return (12,) if self.step == 1 else ()
        lengths = [DAY // self.step] if self.step < DAY else []
        lengths += [WEEK // self.step] if self.step <= DAY else []
        return tuple(one for one in lengths if 1 < one < self.count)

    @property
    def at_a_time(self) -> int:
        """How many series stand in memory at a time."""
        return max(MOST_CELLS // self.count, 1)

    def label(self, at: int) -> str:
        place = self.first + int(at) * self.step
        if self.monthly:
            return str(np.datetime64(place, "M"))
        text = str(np.datetime64(place, "m"))
        return text.replace("T", " ") if self.step < DAY else text[:10]

    def calendar(self) -> Codes:
        """A column each: minute of the day, day of the week, month."""
        places = self.first + np.arange(self.count) * self.step
        if self.monthly:
            return np.column_stack([np.zeros_like(places), np.zeros_like(places), places % 12])
        month = places.astype("datetime64[m]").astype("datetime64[M]").astype(np.int64) % 12
        return np.column_stack([places % DAY, (places // DAY + 3) % 7, month])


def read_grid(texts: Array) -> tuple[Grid, Codes]:
    """The grid, and the place of each row on it; -1 for none: no time at all, or one far off.

    MethodError if a time cannot be read, or if none is there."""
    codes, names = encode(texts)
    rows = np.bincount(codes + 1, minlength=len(names) + 1)[1:]
    found = readings(names, "time", dict(zip(names, rows.tolist(), strict=True)))
    if not found:
        raise MethodError("no-time", "No row has a time.")
    minutes = np.array([minute_of(found[name]) for name in names], dtype=np.int64)
    months = minutes.astype("datetime64[m]").astype("datetime64[M]")
    whole = months.astype("datetime64[m]").astype(np.int64) == minutes
    gaps = np.diff(np.unique(minutes))
    monthly = bool(whole.all() and len(gaps) and np.median(gaps) >= MONTHLY)
    numbers = months.astype(np.int64) if monthly else minutes
    step = _step(np.unique(numbers))
    first, last = _span(np.repeat(numbers, rows), step)
    inside = (numbers >= first) & (numbers <= last)
    place = np.where(inside, np.rint((numbers - first) / step), -1).astype(np.int64)
    return Grid(first, int(np.rint((last - first) / step)) + 1, step, monthly), np.append(place, -1)[codes]


def minute_of(found: Reading) -> int:
    """Minutes since 1970, on the wall clock."""
    return (found.moment - EPOCH) // timedelta(minutes=1)


def _step(distinct: Codes) -> int:
    """The commonest distance of neighbouring times."""
    gaps = np.diff(distinct)
    if not len(gaps):
        return 1
    sizes, counts = np.unique(gaps, return_counts=True)
    return int(sizes[np.argmax(counts)])


def _span(numbers: Codes, step: int) -> tuple[int, int]:
    """All times, or as many around the middle one as can be held: a year 2931 is a typing error."""
    first, last = int(numbers.min()), int(numbers.max())
    if (last - first) // step + 1 <= MOST_PLACES and (last - first) // step <= 50 * len(np.unique(numbers)):
        return first, last
    low, middle, high = (int(one) for one in np.quantile(numbers, (0.01, 0.5, 0.99)))
    reach = min(2 * max(high - low, step), MOST_PLACES * step // 2)
    near = numbers[(numbers >= middle - reach) & (numbers <= middle + reach)]
    return int(near.min()), int(near.max())
