"""The clock: aware UTC, and days on which offices work."""

from collections.abc import Set
from datetime import UTC, date, datetime, timedelta


def now() -> datetime:
    return datetime.now(UTC)


def add_working_days(start: date, days: int, holidays: Set[date] = frozenset()) -> date:
    """The date `days` working days after `start`: Saturdays, Sundays and the given holidays do not count."""
    day = start
    while days > 0:
        day += timedelta(days=1)
        if day.weekday() < 5 and day not in holidays:
            days -= 1
    return day
