"""Structural missingness: what is missing before its owner had it, apart from what is missing since."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.analysis.methods.toolkit.disclosure import wide
from services.analysis.methods.toolkit.layout import LABELS, Cell, Table, count, dimension, measured, table, text
from services.analysis.methods.toolkit.periods import NEVER, day_of, iso
from services.analysis.methods.toolkit.rows import Rows

TITLE = ("자료 제공 시점과 결측", "Since when features are available, and what is missing")
COLUMNS = [
    dimension("feature", "항목", "Feature"),
    *LABELS,
    dimension("available_from", "제공 시작일", "Available from"),
    count("rows", "행 수", "Rows"),
    dimension("use", "쓰임", "Use"),
    measured("before", "그 전 행의 비율", "Share of rows before that day", of="rows"),
    measured("missing_before", "그 전 결측 비율", "Share missing before", of="rows"),
    measured("missing_since", "그 후 결측 비율", "Share missing since", of="rows"),
]
NOTES = text(
    "제공 시작일 전의 결측은 아무 뜻이 없습니다. 모형은 그것을 그 후의 결측과 구별하며, "
    "학습 기간에 전혀 없던 항목은 쓰지 않습니다. "
    "10건 미만에 근거한 비율은 비워 둡니다.",
    "A gap before that day says nothing. Models tell it from a later gap, and do not use a feature that no training row could "
    "have. A share that stands on fewer than 10 rows is left empty.",
)


@dataclass(frozen=True)
class Gap:
    """Rows before and since the first day of one feature, and how many of each have no value."""

    feature: str
    day: int
    before: int
    missing_before: int
    since: int
    missing_since: int


def first_days(available_from: Mapping[str, str], features: Mapping[str, str]) -> dict[str, int]:
    """Feature -> first day, of those columns whose owner names one. `features`: feature -> column of the linked table."""
    found = {name: day_of(available_from[column]) for name, column in features.items() if column in available_from}
    return {name: day for name, day in found.items() if day is not None}


def find_gaps(rows: Rows) -> list[Gap]:
    if rows.day is None:
        return []
    found = []
    for name, day in sorted(rows.available_from.items(), key=lambda pair: (pair[1], pair[0])):
        if name in rows.features:
            values = rows.features[name]
            empty = np.isnan(values) if values.dtype.kind == "f" else np.array([value is None for value in values])
            before = (rows.day < day) & (rows.day != NEVER)
            counted = (before, before & empty, ~before, ~before & empty)
            found.append(Gap(name, day, *(int(each.sum()) for each in counted)))
    return found


def availability(rows: Rows, uses: Mapping[str, str]) -> Table | None:
    """The table; None if no owner names a first day. `uses`: feature -> how the models use it."""
    made: list[list[Cell]] = [
        [
            gap.feature,
            *rows.title(gap.feature),
            iso(gap.day),
            gap.before + gap.since,
            uses.get(gap.feature, "used"),
            _share(gap.before, gap.before + gap.since),
            _share(gap.missing_before, gap.before),
            _share(gap.missing_since, gap.since),
        ]
        for gap in find_gaps(rows)
    ]
    return table("availability", TITLE, COLUMNS, made, NOTES) if made else None


def _share(hits: int, of: int) -> float | None:
    """None where a share of this kind could tell of fewer than ten; all or nothing may be told of very many."""
    return round(hits / of, 4) if of and (wide(hits, of) or (of >= 100 and hits in (0, of))) else None
