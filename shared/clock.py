"""The clock: aware UTC, times that come in, and days on which offices work."""

from collections.abc import Container
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from shared import messages


def now() -> datetime:
    return datetime.now(UTC)


def in_utc(value: datetime) -> datetime:
    """The first and the last hours of the calendar are no time at all in another zone."""
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError(messages.OUTSIDE_CALENDAR) from None


def written(value: object) -> object:
    """A number would be taken for seconds, or for milliseconds, as its size has it."""
    if isinstance(value, int | float):
        raise ValueError(messages.TIME_FORM)
    return value


# A time that comes in over HTTP, with its zone.
Moment = Annotated[AwareDatetime, AfterValidator(in_utc), BeforeValidator(written)]


def add_working_days(start: date, days: int, holidays: Container[date] = frozenset()) -> date:
    """The date `days` working days after `start`: Saturdays, Sundays and holidays do not count."""
    day = start
    while days > 0:
        day += timedelta(days=1)
        if day.weekday() < 5 and day not in holidays:
            days -= 1
    return day
