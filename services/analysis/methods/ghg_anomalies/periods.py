"""Periods as numbers: years or months, told by what the statements hold."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from services.analysis.methods.deviation.robust import Codes, Flags, Floats
from services.analysis.methods.toolkit.periods import readings
from services.analysis.worker.sdk import Array, MethodError
from shared.times import Precision, Reading

LONGEST = 240
REACH = 120
"""Periods this far from the middle of all are taken for typing errors."""
NOWHERE = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Periods:
    """The calendar of a panel: `count` periods from `first`, `a_year` of them in a year."""

    first: int
    count: int
    a_year: int

    def label(self, at: int) -> str:
        place = self.first + int(at)
        return f"{place}" if self.a_year == 1 else f"{place // 12}-{place % 12 + 1:02d}"

    def starts(self, at: int) -> date:
        """The first day of a period."""
        place = self.first + at
        return date(place, 1, 1) if self.a_year == 1 else date(place // 12, place % 12 + 1, 1)

    def year(self, at: int) -> int:
        return (self.first + int(at)) // self.a_year


def make_calendar(names: list[str], counts: Codes) -> Periods:
    """The calendar of statements whose periods are written so, each so often; an empty name is no period."""
    found = readings_of(names, "period", dict(zip(names, counts.tolist(), strict=True)))
    if not found:
        raise MethodError("no-period", "No row has a period.")
    monthly = any(each.precision is not Precision.YEAR for each in found.values())
    numbers = _numbers(names, found, monthly=monthly)
    known = numbers != NOWHERE
    middle = int(np.median(np.repeat(numbers[known], counts[known])))
    inside = numbers[known][np.abs(numbers[known] - middle) <= REACH]
    first, last = int(inside.min()), int(inside.max())
    first = max(first, last - LONGEST + 1)
    return Periods(first, last - first + 1, 12 if monthly else 1)


def read_periods(texts: Array, calendar: Periods | None = None) -> tuple[Periods, Codes, Flags]:
    """The calendar, the place of each row in it, and which rows stand outside it."""
    written = np.array(["" if one is None else str(one) for one in texts], dtype=str)
    names, inverse, counts = np.unique(written, return_inverse=True, return_counts=True)
    calendar = calendar or make_calendar(names.tolist(), counts.astype(np.int64))
    found = readings_of(names.tolist(), "period")
    places = _numbers(names.tolist(), found, monthly=calendar.a_year == 12)[inverse]
    inside = (places >= calendar.first) & (places < calendar.first + calendar.count)
    return calendar, np.where(inside, places - calendar.first, -1), ~inside


def months_of(names: list[str], column: str) -> Floats:
    """Days as months since year 0, NaN for an empty name. MethodError if one cannot be read."""
    found = readings_of(names, column)
    return np.array([float(_number(found[name], monthly=True)) if name in found else np.nan for name in names])


def readings_of(names: list[str], column: str, counts: dict[str, int] | None = None) -> dict[str, Reading]:
    return readings((name for name in names if name), column, counts)


def _numbers(names: list[str], found: dict[str, Reading], *, monthly: bool) -> Codes:
    return np.array([_number(found[name], monthly=monthly) if name in found else NOWHERE for name in names], dtype=np.int64)


def _number(found: Reading, *, monthly: bool) -> int:
    return found.moment.year * 12 + found.moment.month - 1 if monthly else found.moment.year
