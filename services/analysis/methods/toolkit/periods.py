"""Points in time as days since 1970, out of numbers or texts that name years, months, days or times."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import numpy as np

from services.analysis.methods.toolkit.arrays import Whole
from services.analysis.worker.sdk import Array, MethodError
from shared.times import Form, Precision, Reading, one_length, read_time, refusal

NEVER = np.iinfo(np.int64).min
EPOCH = date(1970, 1, 1)
# Eight bare digits may as well be a code: a column of them is one of days only within these years.
CODES_BEFORE, CODES_AFTER = 1900, 2100


def reading_of(value: object) -> Reading | Form:
    """What a number or text names: 2024, 202403 and 20240315 are a year, a month and a day."""
    if isinstance(value, float | int | np.number):
        number = float(value)
        value = f"{number:.0f}" if np.isfinite(number) and number == int(number) else str(number)
    return read_time(str(value))


def readings(values: Iterable[object], name: str, counts: Mapping[Any, int] | None = None) -> dict[Any, Reading]:
    """What each of these different values names. `counts`: how many rows have it.

    MethodError `time-unreadable` or `time-mixed`, naming the column, if one names nothing or they last differently."""
    found = {value: reading_of(value) for value in values}
    forms: dict[Form, int] = {}
    for value, each in found.items():
        if isinstance(each, Form):
            forms[each] = forms.get(each, 0) + (counts[value] if counts else 1)
    if forms:
        raise MethodError("time-unreadable", refusal(name, sum(counts.values()) if counts else len(found), forms))
    read = {value: each for value, each in found.items() if isinstance(each, Reading)}
    if not one_length(each.precision for each in read.values()):
        raise MethodError("time-mixed", f"The column {name} mixes years, months and days: write all of them alike.")
    return read


def number_of(day: date) -> int:
    """Days since 1970."""
    return (day - EPOCH).days


def day_of(value: object) -> int | None:
    """The first day that the value names, in days since 1970; None if it names none."""
    found = reading_of(value)
    return number_of(found.day) if isinstance(found, Reading) else None


def days(values: Array, name: str) -> Whole:
    """Days since 1970 of each row, NEVER where there is none. MethodError if one cannot be read."""
    if values.dtype.kind == "f":
        known = ~np.isnan(values)
        distinct, place, sizes = np.unique(values[known], return_inverse=True, return_counts=True)
        read = readings(distinct.tolist(), name, dict(zip(distinct.tolist(), sizes.tolist(), strict=True)))
        found = np.full(len(values), NEVER, dtype=np.int64)
        found[known] = np.array([number_of(read[value].day) for value in distinct.tolist()], dtype=np.int64)[place]
        return found
    told = values.tolist()
    counts = Counter(told)
    del counts[None]
    numbers = {value: number_of(each.day) for value, each in readings(counts, name, counts).items()}
    return np.fromiter((numbers.get(value, NEVER) for value in told), dtype=np.int64, count=len(told))


def is_dates(values: Array) -> bool:
    """Whether this is a text column of which every known value names a day."""
    if values.dtype.kind != "O":
        return False
    known = {value for value in values[:2000] if value is not None}
    return bool(known) and all(map(names_day, known)) and all(names_day(value) for value in set(values) if value is not None)


def names_day(value: object) -> bool:
    text, found = str(value), reading_of(value)
    if not isinstance(found, Reading) or found.precision not in (Precision.DAY, Precision.TIME):
        return False
    return not text.isdigit() or CODES_BEFORE <= found.moment.year < CODES_AFTER


def iso(day: int) -> str:
    return "" if day == NEVER else date.fromordinal(EPOCH.toordinal() + int(day)).isoformat()
