"""The outcome, from future dates only: what happened before or on a row's day is no outcome of it."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from services.analysis.methods.small_business_crisis.card import HORIZONS
from services.analysis.methods.toolkit.arrays import Flags, Floats, Texts, Whole, sortable
from services.analysis.methods.toolkit.leakage import Alarms, alarm
from services.analysis.methods.toolkit.observation import horizon_over, last_day
from services.analysis.methods.toolkit.periods import EPOCH, NEVER
from services.analysis.worker.sdk import MethodError

MONTH = 30.4375
SLACK = 31
NO_CLOSURE = (date(2100, 1, 1) - EPOCH).days
"""From here on a day of closure (9999-12-31) says that there was none: it is no day up to which anybody looked."""
PAST = "A label is dated on or before the day of its row: it tells what has happened, not what will."
BEYOND = "A label is set although its event lies beyond the horizon."
EVERYWHERE = "A label stands on rows of a business over more than its horizon: it was set on past rows too."


@dataclass(frozen=True)
class Outcome:
    """1, 0, or NaN where it is not known yet; months until the event (infinite without one); rows that are left out."""

    label: Floats
    over: Flags
    """Rows whose whole horizon was observed: of no other is the outcome known."""
    ended: Flags
    """Rows whose event has come already although their horizon is not over."""
    months: Floats
    periods: int
    closed_already: Flags
    alarms: Alarms


@dataclass(frozen=True)
class Dates:
    """The day of each row, and of its closure (NEVER: none)."""

    day: Whole
    closed: Whole | None
    licence_closed: Flags


def make_outcome(name: str, told: Floats | None, dates: Dates, pseudonym: Texts | Whole, observed_until: str | None) -> Outcome:
    horizon = HORIZONS[name]
    if dates.closed is not None and name.startswith("close"):
        return from_dates(told, dates, horizon, observed_until)
    if told is None:
        raise MethodError("no-label", f"The table has neither the label of {name} nor a day from which it could be made.")
    already = dates.licence_closed if dates.closed is None else dates.licence_closed | closed_before(dates)
    open_ = np.where(already, 0.0, told)
    alarms = [alarm("label-not-from-future", EVERYWHERE)] if spans(open_, dates.day, pseudonym) > horizon + SLACK else []
    over = horizon_over(dates.day, horizon, last_day(observed_until, dates.day, *closings(dates)))
    label, months = np.where(over, told, np.nan), np.where(told > 0, 0.0, np.inf)
    return Outcome(label, over, ~over & (told > 0), months, 1, already, alarms)


def from_dates(told: Floats | None, dates: Dates, horizon: int, observed_until: str | None) -> Outcome:
    assert dates.closed is not None
    known_close, day = dates.closed != NEVER, dates.day
    over = horizon_over(day, horizon, last_day(observed_until, day, *closings(dates)))
    ahead = np.where(known_close, dates.closed - np.where(known_close, day, 0), np.iinfo(np.int64).max)
    event = known_close & (ahead > 0) & (ahead <= horizon)
    label = np.where(over, event.astype(np.float64), np.nan)
    months = np.where(event, np.floor((ahead - 1) / MONTH), np.inf)
    alarms: Alarms = []
    if told is not None:
        alarms += [alarm("label-dated-in-the-past", PAST, "label")] if ((told > 0) & known_close & (ahead <= 0)).any() else []
        late = (told > 0) & (ahead > horizon + SLACK)
        alarms += [alarm("label-not-from-future", BEYOND, "label")] if late.any() else []
    periods = max(1, round(horizon / MONTH))
    months = np.minimum(months, np.where(event, periods - 1, np.inf))
    return Outcome(label, over, ~over & event, months, periods, already_closed(dates), alarms)


def closings(dates: Dates) -> list[Whole]:
    """The days of closure by which the end of the follow-up may be known, without those that stand for none."""
    return [] if dates.closed is None else [dates.closed[dates.closed < NO_CLOSURE]]


def already_closed(dates: Dates) -> Flags:
    return dates.licence_closed | closed_before(dates)


def closed_before(dates: Dates) -> Flags:
    assert dates.closed is not None
    return np.asarray((dates.closed != NEVER) & (dates.closed <= dates.day))


def spans(label: Floats, day: Whole, pseudonym: Texts | Whole) -> int:
    """The longest time in days over which one business has its label set."""
    case = label > 0
    if not case.any():
        return 0
    _, place = np.unique(sortable(pseudonym[case]), return_inverse=True)
    first = np.full(place.max() + 1, np.iinfo(np.int64).max)
    last = np.full(place.max() + 1, np.iinfo(np.int64).min)
    np.minimum.at(first, place, day[case])
    np.maximum.at(last, place, day[case])
    return int((last - first).max())
