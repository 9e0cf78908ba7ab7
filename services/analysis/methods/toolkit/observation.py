"""Which outcomes are known: those whose whole horizon was observed, cases and others alike."""

from dataclasses import replace

import numpy as np

from services.analysis.methods.toolkit.arrays import Flags, Floats, Whole
from services.analysis.methods.toolkit.layout import figure, text
from services.analysis.methods.toolkit.periods import NEVER, day_of
from services.analysis.methods.toolkit.rows import Rows
from services.analysis.worker.sdk import MethodError

OBSERVED_UNTIL = {
    "type": ["string", "null"],
    "pattern": r"^\d{4}-\d{2}-\d{2}$",
    "default": None,
    "description": "Last day on which outcomes were recorded. An outcome is known only if its whole "
    "horizon had passed by then, whatever had happened before.",
}


def last_day(observed_until: str | None, *days: Whole) -> int:
    """The end of the follow-up in days since 1970: as named, or the last day in the table."""
    if observed_until is None:
        return int(max(day.max(initial=NEVER) for day in days))
    named = day_of(observed_until)
    if named is None:
        raise MethodError("period-unreadable", "The parameter observed_until names no day.")
    return named


def horizon_over(day: Whole, horizon: int, end: int) -> Flags:
    """Rows whose whole horizon in days was observed by `end`. A row without a day never is one.

    A case may become known before its horizon is over, a survivor only after it. To count the early
    cases is to select rows by their outcome: every rate would be too high (informative censoring).
    """
    return np.asarray((day != NEVER) & (day <= end - horizon))


def one_sided(label: Floats, day: Whole, horizon: int, end: int) -> Flags:
    """Known rows of open horizon, of days of which only cases are known, beside unknown rows."""
    open_ = (day != NEVER) & ~horizon_over(day, horizon, end)
    distinct, place = np.unique(day, return_inverse=True)
    survivors, unknown = (np.bincount(place, which, len(distinct)) for which in (label <= 0, np.isnan(label)))
    return np.asarray(open_ & np.isfinite(label) & ((survivors == 0) & (unknown > 0))[place])


def observed(rows: Rows, over: Flags) -> Rows:
    """The rows, of unknown outcome where the horizon is not over; `ended` where it has come early."""
    if rows.known.any():
        check_over(over[rows.known])
    return replace(rows, label=np.where(over, rows.label, np.nan), ended=~over & (rows.label > 0))


def check_over(over: Flags) -> None:
    """Refuses rows of which none has a known outcome."""
    if not over.any():
        raise MethodError(
            "horizon-not-over",
            "No outcome was observed over its whole horizon by the last day of the table; "
            "if outcomes were recorded for longer, name the day in observed_until.",
        )


def open_share(over: Flags) -> list[dict[str, object]]:
    """The headline figure: share of rows whose horizon is not over; empty where few rows tell."""
    share, size = float(np.mean(~over)), len(over)
    if min(share, 1 - share) * size < 10:
        return []
    words = text("관찰 기간이 끝나지 않은 행의 비율", "Share of rows whose horizon is not over")
    return [figure("horizon_open", words, share, size)]
