"""Periods as numbers: years or months, told by what the statements hold."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from services.analysis.methods.deviation.robust import Codes, Flags
from services.analysis.worker.sdk import Array, MethodError

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
    """The calendar of statements whose periods are written so, each so often."""
    monthly = any(one is not None and one[1] for one in map(_parse, names))
    numbers = _numbers(names, monthly=monthly)
    known = numbers != NOWHERE
    if not known.any():
        raise MethodError("no-period", "No row has a period that can be read as YYYY, YYYY-MM or YYYY-MM-DD.")
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
    places = _numbers(names.tolist(), monthly=calendar.a_year == 12)[inverse]
    inside = (places >= calendar.first) & (places < calendar.first + calendar.count)
    return calendar, np.where(inside, places - calendar.first, -1), ~inside


def months_of(text: str) -> float:
    """A day as months since year 0; NaN if it cannot be read."""
    parsed = _parse(text)
    return np.nan if parsed is None else float(_number(parsed, monthly=True))


def _parse(text: str) -> tuple[int, int] | None:
    """Year and month; month 0 where only a year is given."""
    digits = "".join(letter for letter in text.strip().removesuffix(".0")[:10] if letter.isdigit())
    if len(digits) not in (4, 6, 8) or not digits.isascii():
        return None
    year, month = int(digits[:4]), int(digits[4:6] or 0)
    return (year, month) if 1900 <= year <= 2200 and 0 <= month <= 12 and (len(digits) == 4 or month) else None


def _numbers(names: list[str], *, monthly: bool) -> Codes:
    parsed = map(_parse, names)
    return np.array([NOWHERE if one is None else _number(one, monthly=monthly) for one in parsed], dtype=np.int64)


def _number(parsed: tuple[int, int], *, monthly: bool) -> int:
    year, month = parsed
    return year * 12 + max(month, 1) - 1 if monthly else year
