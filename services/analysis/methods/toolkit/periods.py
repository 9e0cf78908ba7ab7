"""Points in time as days since 1970, out of years, months (yyyymm), days (yyyymmdd) or ISO 8601 text."""

import re
from datetime import date

import numpy as np

from services.analysis.methods.toolkit.arrays import Whole
from services.analysis.worker.sdk import Array, MethodError

NEVER = np.iinfo(np.int64).min
ISO = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:[T ](?!\(BC\)).*)?")
EPOCH = date(1970, 1, 1)


def day_of(value: object) -> int | None:
    """The first day that the value names; None if it names none."""
    if isinstance(value, float | int | np.number):
        value = f"{float(value):.0f}"
        value = "-".join(filter(None, (value[:4], value[4:6], value[6:]))) if len(value) in (4, 6, 8) else ""
    found = ISO.fullmatch(str(value))
    if not found:
        return None
    year, month, day = (int(part) if part else 1 for part in found.groups())
    try:
        return (date(year, month, day) - EPOCH).days
    except ValueError:
        return None


def days(values: Array, name: str) -> Whole:
    """Days since 1970 of each row, NEVER where there is none."""
    known = np.unique(values[values == values]).tolist() if values.dtype.kind == "f" else set(values.tolist()) - {None}
    found = {value: day_of(value) for value in known}
    if any(day is None for day in found.values()):
        raise MethodError("period-unreadable", f"The column {name} holds what is neither a year, a month nor a day.")
    return np.fromiter((found.get(value, NEVER) for value in values.tolist()), dtype=np.int64, count=len(values))


def is_dates(values: Array) -> bool:
    """A text column of which every known value is a day."""
    if values.dtype.kind != "O":
        return False
    known = {value for value in values[:2000] if value is not None}
    if not known or not all(len(str(value)) >= 10 and day_of(value) is not None for value in known):
        return False
    return all(value is None or (len(str(value)) >= 10 and day_of(value) is not None) for value in set(values))


def iso(day: int) -> str:
    return "" if day == NEVER else date.fromordinal(EPOCH.toordinal() + int(day)).isoformat()
