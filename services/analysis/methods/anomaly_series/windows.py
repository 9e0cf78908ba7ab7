"""What a series shows: stretches far from what was expected, values that stand still, levels that moved, holes and doubles."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from services.analysis.methods.anomaly_series.expected import Expected
from services.analysis.methods.anomaly_series.panel import Panel
from services.analysis.methods.deviation.robust import Codes, Flags, Floats


class Kind(StrEnum):
    ABOVE = "above-expected"
    BELOW = "below-expected"
    LEVEL = "level-shift"
    FLAT = "flat-line"
    MISSING = "missing-period"
    DOUBLED = "duplicated-period"
    NO_TIME = "no-time"


KINDS = tuple(Kind)
WORDS: dict[Kind, tuple[str, str]] = {
    Kind.ABOVE: ("기댓값보다 훨씬 높음", "Far above what was to be expected"),
    Kind.BELOW: ("기댓값보다 훨씬 낮음", "Far below what was to be expected"),
    Kind.LEVEL: ("수준이 옮겨감", "The level moved and stayed"),
    Kind.FLAT: ("값이 멈춤", "The value stands still"),
    Kind.MISSING: ("빠진 기간", "Missing period"),
    Kind.DOUBLED: ("중복된 기간", "Duplicated period"),
    Kind.NO_TIME: ("시각 없음 또는 동떨어진 시각", "No time, or one far off"),
}
MOST_SCORE = 20.0
CHANCE = 1e-6
SHORTEST_FLAT = 5
FLAT_SCORE = 15.0
SURE = 0.97
PART_OF_DAY = 6
"""Scores are evened out over this part of a day."""


@dataclass(frozen=True)
class Windows:
    """A window a row; `ratio` is what was stated over what was expected (NaN if it says nothing)."""

    series: Codes
    """As they are numbered among all."""
    first: Codes
    last: Codes
    kind: Codes
    score: Floats
    ratio: Floats

    def __len__(self) -> int:
        return len(self.series)

    @property
    def points(self) -> Codes:
        return self.last - self.first + 1

    def take(self, chosen: Codes | Flags) -> "Windows":
        return Windows(**{name: values[chosen] for name, values in vars(self).items()})


def find_flat(panel: Panel) -> Flags:
    """Runs of one value that are too long for chance, by how often neighbours are equal in that series otherwise."""
    value = panel.value
    equal = np.zeros(panel.shape, dtype=bool)
    equal[:, 1:] = (value[:, 1:] == value[:, :-1]) & (value[:, 1:] != 0)
    known = np.isfinite(value[:, 1:]) & np.isfinite(value[:, :-1])
    share = (equal.sum(axis=1) + 1) / (known.sum(axis=1) + 2)
    with np.errstate(divide="ignore"):
        least = np.where(share < 0.5, 1 + np.log(CHANCE) / np.log(np.minimum(share, 0.5)), np.inf)
    length = _run_length(equal)
    flat = equal & (length + 1 >= np.maximum(least, SHORTEST_FLAT)[:, None])
    begins = np.zeros(panel.shape, dtype=bool)
    begins[:, :-1] = flat[:, 1:] & ~equal[:, :-1]
    return flat | begins


def _run_length(cells: Flags) -> Codes:
    """For each cell the length of the run of true cells that it is in."""
    flat = np.pad(cells, ((0, 0), (1, 1))).ravel()
    edges = np.flatnonzero(np.diff(flat.astype(np.int8)))
    lengths = np.zeros(len(flat), dtype=np.int64)
    length = edges[1::2] - edges[::2]
    lengths[flat] = np.repeat(length, length)
    return lengths.reshape(cells.shape[0], -1)[:, 1:-1]


def point_scores(panel: Panel, found: Expected, flat: Flags) -> Floats:
    """How abnormal each point is: the residual evened out over a part of a day, or a value that stands still."""
    score = _evened(np.minimum(np.abs(found.score), MOST_SCORE), _width(panel))
    return np.where(flat, np.maximum(np.nan_to_num(score), FLAT_SCORE), score)


def _width(panel: Panel) -> int:
    day = 1440 // panel.grid.step if not panel.grid.monthly and panel.grid.step < 1440 else 1
    return 2 * (day // PART_OF_DAY // 2) + 1


def _evened(matrix: Floats, width: int) -> Floats:
    """The running mean of what is known; NaN where nothing stands."""
    if width <= 1:
        return matrix
    known = np.isfinite(matrix)
    sums, counts = (np.pad(np.cumsum(one, axis=1), ((0, 0), (1, 0))) for one in (np.nan_to_num(matrix), known * 1.0))
    at = np.arange(matrix.shape[1])
    low, high = np.maximum(at - width // 2, 0), np.minimum(at + width // 2 + 1, matrix.shape[1])
    count = counts[:, high] - counts[:, low]
    return np.where(known, (sums[:, high] - sums[:, low]) / np.maximum(count, 1), np.nan)


def find_windows(panel: Panel, found: Expected, flat: Flags, score: Floats, threshold: float) -> Windows:
    """All of them, the likeliest first and of these the longest."""
    long = max(panel.grid.seasons, default=3)
    moved = np.abs(_evened(np.clip(found.score, -threshold, threshold), 2 * (long // 2) + 1)) > threshold * 0.75
    far = (score >= threshold) & ~flat
    began = np.maximum.accumulate(panel.present, axis=1)
    goes_on = np.flip(np.maximum.accumulate(np.flip(panel.present, 1), axis=1), 1)
    missing = ~(np.isfinite(panel.value) & panel.present) & began & goes_on
    gap = _width(panel) // 2
    level = far & moved & (long > 1)
    parts = [
        _join(Kind.FLAT, flat, score, panel, found, gap=0),
        _join(Kind.LEVEL, level, score, panel, found, gap=long // 2),
        _join(Kind.ABOVE, far & ~level & (found.score > 0), score, panel, found, gap=gap),
        _join(Kind.BELOW, far & ~level & (found.score < 0), score, panel, found, gap=gap),
        _join(Kind.MISSING, missing, np.broadcast_to(MOST_SCORE, panel.shape), panel, found, gap=0),
        _join(Kind.DOUBLED, panel.again, np.broadcast_to(MOST_SCORE, panel.shape), panel, found, gap=1),
        _placeless(panel),
    ]
    return ranked(parts)


def ranked(parts: list[Windows]) -> Windows:
    """The windows of all parts, the likeliest first and of these the longest."""
    whole = Windows(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})
    return whole.take(np.lexsort((whole.first, whole.series, -whole.points, -whole.score)))


def _join(kind: Kind, cells: Flags, score: Floats, panel: Panel, found: Expected, *, gap: int) -> Windows:
    series, place = np.nonzero(cells)
    opens = np.ones(len(series), dtype=bool)
    opens[1:] = (np.diff(series) != 0) | (np.diff(place) > gap + 1)
    group, starts = np.cumsum(opens) - 1, np.flatnonzero(opens)
    ends = np.flatnonzero(np.append(opens[1:], True)[: len(series)])
    many = len(starts)
    count = np.maximum(np.bincount(group, minlength=many), 1)
    mean = np.bincount(group, np.nan_to_num(score[cells]), many) / count
    stated, hoped = (np.bincount(group, np.nan_to_num(one[cells]), many) for one in (panel.value, found.level))
    ratio = np.where((hoped > 0) & (stated >= 0), stated / np.where(hoped > 0, hoped, 1.0), np.nan)
    return Windows(panel.series[series[starts]], place[starts], place[ends], np.full(many, KINDS.index(kind)), mean, ratio)


def _placeless(panel: Panel) -> Windows:
    series = panel.series[panel.lost > 0]
    start, nothing = np.zeros(len(series), dtype=np.int64), np.full(len(series), np.nan)
    return Windows(
        series, start, start, np.full(len(series), KINDS.index(Kind.NO_TIME)), np.full(len(series), MOST_SCORE), nothing
    )


def likelihood(score: Floats) -> Floats:
    """A rank between 0 and 1."""
    return np.asarray(np.minimum(1 - np.exp(-score / 4), SURE))
