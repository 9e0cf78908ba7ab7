"""Values by month, for forecasts."""

from typing import Any

import numpy as np


def by_months(people: int, groups: list[str], days: tuple[str, ...] = ("05",), months: int = 36) -> dict[str, Any]:
    """Every person has a value on each of these days of a month, in one group a day."""
    rows = [
        (one, f"{2020 + at // 12}-{at % 12 + 1:02d}-{day}", day) for at in range(months) for one in range(people) for day in days
    ]
    group = [groups[days.index(day)] if len(days) > 1 else groups[one % len(groups)] for one, _, day in rows]
    return {
        "pseudonym": np.array([f"{one:064x}" for one, _, _ in rows], dtype=object),
        "period": np.array([period for _, period, _ in rows], dtype=object),
        "value": np.arange(len(rows), dtype=float),
        "group": np.array(group, dtype=object),
    }
