"""When a run will have ended, as far as its own progress tells: from steps done, never from a promise."""

from collections.abc import Sequence
from itertools import combinations
from statistics import median
from typing import Final

Mark = Sequence[float]  # seconds since the attempt began, progress from 0 to 1
MOST: Final = 16
FEWEST: Final = 3
SMALLEST: Final = 0.02


def marked(marks: Sequence[Mark], seconds: float, progress: float) -> list[list[float]]:
    """The marks with a further one, if there was progress; of many every other one is kept."""
    kept = [list(mark) for mark in marks] or [[0.0, 0.0]]
    if progress <= kept[-1][1] or seconds <= kept[-1][0]:
        return kept
    kept.append([round(seconds, 3), progress])
    return kept if len(kept) <= MOST else [*kept[:-1:2], kept[-1]]


def remaining(marks: Sequence[Mark]) -> float | None:
    """Seconds from the last mark to the end; None while there is too little to go by.

    The pace is the median of the paces between any two marks: one slow or quick step does not change it much.
    """
    if len(marks) < FEWEST or marks[-1][1] - marks[0][1] < SMALLEST:
        return None
    paces = [(there[0] - here[0]) / (there[1] - here[1]) for here, there in combinations(marks, 2)]
    return median(paces) * (1 - marks[-1][1])
