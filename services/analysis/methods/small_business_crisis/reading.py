"""The business table as the rows of a study, without businesses that are closed already."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from services.analysis.methods.small_business_crisis.columns import (
    AGE,
    BUSINESS,
    CLOSED_ON,
    INDUSTRY,
    LABELS,
    LICENCE,
    MONTH,
    SIGNS,
)
from services.analysis.methods.small_business_crisis.outcome import Dates, Outcome, make_outcome
from services.analysis.methods.toolkit.arrays import UNKNOWN, Flags, Floats, Texts, by_value, chosen, numbers, texts
from services.analysis.methods.toolkit.cards import titles_of
from services.analysis.methods.toolkit.observation import check_over
from services.analysis.methods.toolkit.periods import days
from services.analysis.methods.toolkit.reading import Reading, read_rows
from services.analysis.methods.toolkit.rows import Rows
from services.analysis.methods.toolkit.stored import Columns, Table
from services.analysis.worker.sdk import Array, Bundle, MethodError

CLOSED = ("closed", "폐업", "취소", "말소")
NOT_FEATURES = frozenset({CLOSED_ON, LICENCE, *LABELS, "sigungu_code", "trade_area_code", "owner_age_band"})
SIZES = {"none": ("종업원 없음", "no employees"), "1_4": ("1–4명", "1–4 employees"), "5_up": ("5명 이상", "5 or more employees")}


@dataclass(frozen=True)
class Books:
    """Rows of businesses that were open, with their outcome, and how many rows were of closed ones."""

    rows: Rows
    outcome: Outcome
    months: Floats
    over: Flags
    """Rows whose whole horizon was observed."""
    left_out: int


def read_books(bundle: Bundle, outcome: str, observed_until: str | None) -> Books:
    table = Table(bundle)
    found = Columns(table, {name.partition("__")[2]: name for name in table if "__" in name})
    hidden = frozenset(NOT_FEATURES & set(found))
    rows = read_rows(
        table,
        Reading(outcome=(), time=(MONTH,), left_out=hidden, titles=titles_of(BUSINESS.columns)),
        labelled=False,
    )
    if rows.day is None:
        raise MethodError("no-time", "No row has a month.")
    made = make_outcome(outcome, label_of(found, f"label_{outcome}"), dates_of(found, rows), rows.pseudonym, observed_until)
    signs = {name: sign for name, sign in SIGNS.items() if name in rows.features}
    rows = replace(rows, label=made.label, ended=made.ended, signs=signs, audit=groups_of(found, len(rows)))
    open_ = np.flatnonzero(~made.closed_already)
    if not len(open_):
        raise MethodError("too-few-rows", "Every row is of a business that is closed already.")
    over = made.over[open_]
    check_over(over)
    return Books(rows.at(open_), made, made.months[open_], over, int(made.closed_already.sum()))


def label_of(found: Mapping[str, Array], name: str) -> Floats | None:
    return numbers(found[name], len(found[name]), name) if name in found else None


def dates_of(found: Mapping[str, Array], rows: Rows) -> Dates:
    assert rows.day is not None
    closed = days(found[CLOSED_ON], CLOSED_ON) if CLOSED_ON in found else None
    status = texts(found.get(LICENCE), len(rows))
    return Dates(rows.day, closed, np.array([value.lower() in CLOSED for value in status]))


def beginning(value: str, letters: int) -> str:
    return value if value == UNKNOWN else value[:letters]


def groups_of(found: Mapping[str, Array], size: int) -> dict[str, Texts]:
    groups: dict[str, Texts] = {}
    for name, column, letters in (("industry", INDUSTRY, 2), ("region", "sigungu_code", 2), ("owner_age", "owner_age_band", 20)):
        if column in found:
            told = texts(found[column], size)
            groups[name] = by_value(told, partial(beginning, letters=letters))
    if "employees" in found:
        staff = numbers(found["employees"], size, "employees")
        groups["size"] = chosen(np.select([staff >= 5, staff >= 1, staff >= 0], [0, 1, 2], 3), ["5_up", "1_4", "none", UNKNOWN])
    return groups


__all__ = ["AGE", "Books", "read_books"]
