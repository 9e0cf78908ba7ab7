"""Each group's series: the values of consecutive periods, and how many subjects stand behind each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from services.analysis.methods.toolkit.arrays import LARGEST_AMOUNT, Floats, texts
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL
from services.analysis.worker.sdk import Bundle, MethodError

ALL, OTHER = "every", "other"
MOST_GROUPS = 30
SUMS = "sum(series__value) AS total, count(series__value) AS n, count(DISTINCT pseudonym) AS s"
DAY = "CAST(series__period AS DATE)"
CUT = {
    "year": f"year({DAY})",
    "quarter": f"year({DAY}) * 4 + quarter({DAY}) - 1",
    "month": f"year({DAY}) * 12 + month({DAY}) - 1",
    "week": f"floor(date_diff('day', DATE '1969-12-29', {DAY}) / 7.0)",
    "day": f"date_diff('day', DATE '1970-01-01', {DAY})",
}


@dataclass(frozen=True)
class Series:
    """One group: values of consecutive periods, the first of number `start`, and how many subjects stand behind each."""

    group: str
    start: int
    values: Floats
    subjects: Floats


def series_of(bundle: Bundle, given: dict[str, Any], shortest: int) -> list[Series]:
    """All together, and each group that has at least ten subjects in every period; the others as one."""
    names = set(bundle.sql("SELECT * FROM linked LIMIT 0"))
    group = "coalesce(series__group, 'unknown')" if "series__group" in names else f"'{ALL}'"
    cells = cells_of(bundle, given, group)
    if not len(cells["t"]):
        raise MethodError("no-rows", "No row has both a period and a value.")
    groups = np.array(
        [f"‘{name}’" if name in (ALL, OTHER) else name for name in texts(cells["g"], len(cells["g"]))], dtype=object
    )
    parts = {name: groups == name for name in sorted(set(groups))}
    every = cells_of(bundle, given, f"'{ALL}'")
    whole = build(ALL, every, np.ones(len(every["t"]), dtype=bool), given["statistic"])
    if whole is None or len(whole.values) < shortest:
        raise MethodError("too-few-periods", f"{shortest} periods in a row are needed, each of ten subjects at least.")
    check_calendar(whole.start + len(whole.values) + given["horizon"], given["frequency"])
    if len(parts) == 1:
        return [whole]
    wide = {name: one for name, member in parts.items() if (one := build(name, cells, member, given["statistic"]))}
    wide = {name: one for name, one in wide.items() if len(one.values) == len(whole.values)}
    wide = dict(sorted(wide.items(), key=lambda pair: -pair[1].subjects.sum())[:MOST_GROUPS])
    rest = np.logical_and.reduce([~parts[name] for name in wide]) if wide else np.zeros(len(groups), dtype=bool)
    joined = None
    if rest.any() and wide:
        shown = sorted(set(cells["g"][~rest]))
        others = cells_of(bundle, given, f"CASE WHEN {group} IN (SELECT unnest($1)) THEN '' ELSE '{OTHER}' END", [shown])
        joined = build(OTHER, others, others["g"] == OTHER, given["statistic"])
    if joined is not None and len(joined.values) == len(whole.values):
        wide[OTHER] = joined
    # Without the rest the parts would tell it by subtraction: then only the whole is shown.
    return [whole, *wide.values()] if wide and (joined is not None or not rest.any()) else [whole]


def check_calendar(last: int, frequency: str) -> None:
    try:
        date.fromisoformat(day_of(last, frequency))
    except (ValueError, OverflowError):
        raise MethodError("period-unreadable", "The forecast would reach beyond the last day that has a name.") from None


def cells_of(bundle: Bundle, given: dict[str, Any], group: str, named: Sequence[Any] = ()) -> dict[str, Any]:
    """Sums by group and period. A subject may be in several groups in one period: of each cut it is counted anew."""
    chosen = f"{group} AS g, CAST({CUT[given['frequency']]} AS BIGINT) AS t, {SUMS}"
    where = f"WHERE series__period IS NOT NULL AND abs(series__value) < {LARGEST_AMOUNT}"
    return bundle.sql(f"SELECT {chosen} FROM linked {where} GROUP BY ALL ORDER BY ALL", named)  # noqa: S608  fixed words alone


def build(name: str, cells: dict[str, Any], member: Any, statistic: str) -> Series | None:
    """The group's periods without a gap; None if one of them stands on fewer than ten subjects."""
    if not member.any():
        return None
    number = cells["t"][member].astype(int)
    start, size = int(number.min()), int(number.max() - number.min()) + 1
    if size > 20_000:
        raise MethodError("period-unreadable", "The periods lie further apart than a series can be long.")
    total, values, subjects = np.zeros(size), np.zeros(size), np.zeros(size)
    np.add.at(total, number - start, cells["total"][member])
    np.add.at(values, number - start, cells["n"][member])
    np.add.at(subjects, number - start, cells["s"][member])
    if subjects.min() < MINIMUM_CELL:
        return None
    return Series(name, start, total / values if statistic == "mean" else total, subjects)


def day_of(number: int, frequency: str) -> str:
    """The first day of a period."""
    match frequency:
        case "year":
            return f"{number:04d}-01-01"
        case "quarter":
            return f"{number // 4:04d}-{number % 4 * 3 + 1:02d}-01"
        case "month":
            return f"{number // 12:04d}-{number % 12 + 1:02d}-01"
        case "week":
            return date.fromordinal(date(1969, 12, 29).toordinal() + 7 * number).isoformat()
        case _:
            return date.fromordinal(date(1970, 1, 1).toordinal() + number).isoformat()


def rounded(value: float) -> float:
    """To six significant digits: a forecast says no more."""
    return float(f"{float(value):.6g}")
