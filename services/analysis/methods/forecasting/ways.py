"""Three ways to forecast one series, and how well each would have done in the past."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import Ridge

from services.analysis.methods.toolkit.arrays import Floats

Way = Callable[[Floats, int, int], Floats]
ORIGINS = 12


def seasonal(values: Floats, horizon: int, season: int) -> Floats:
    """The same season the last time."""
    return values[len(values) - season + np.arange(horizon) % season]


def drift(values: Floats, horizon: int, season: int) -> Floats:
    """The last value, and the mean step so far for each period."""
    step = (values[-1] - values[0]) / max(len(values) - 1, 1)
    return np.asarray(values[-1] + step * np.arange(1, horizon + 1))


def ridge(values: Floats, horizon: int, season: int) -> Floats:
    """A line through lags and season, one step after the other. Works on differences from the season before, over their usual
    spread: in another unit it forecasts the same."""
    lags, change, first = lags_of(season), change_of(values, season), first_of(season)
    if len(values) < shortest(season):
        return seasonal(values, horizon, season)
    spread = float(np.std(change[first:])) or 1.0
    changes, whole = change / spread, list(values)
    rows = np.array([features(changes, at, lags, season) for at in range(first, len(values))])
    model = Ridge(alpha=1.0).fit(rows, changes[first:])
    for at in range(len(values), len(values) + horizon):
        step = float(model.predict(features(changes, at, lags, season)[None])[0])
        changes = np.append(changes, step)
        whole.append(whole[at - season] + step * spread)
    return np.array(whole[len(values) :])


def lags_of(season: int) -> list[int]:
    return sorted({1, 2, season})


def change_of(values: Floats, season: int) -> Floats:
    """Of each period against the season before; 0 in the first season, which has none before it."""
    return np.asarray(values - np.concatenate([values[:season], values[:-season]]))


def first_of(season: int) -> int:
    """The first period all of whose lags are changes."""
    return max(lags_of(season)) + season


def shortest(season: int) -> int:
    """How many periods the ridge learns from at least."""
    return first_of(season) + 2 * len(lags_of(season)) + 4


def features(change: Floats, at: int, lags: list[int], season: int) -> Floats:
    angle = 2 * np.pi * (at % season) / season
    turn = [np.sin(angle), np.cos(angle)] if season > 1 else []
    return np.array([*(change[at - lag] for lag in lags), *turn])


WAYS: dict[str, Way] = {"seasonal": seasonal, "drift": drift, "ridge": ridge}


@dataclass(frozen=True)
class Record:
    """What one way said of past periods: errors [origins, horizon], and what a naive look missed by."""

    way: str
    errors: Floats
    naive: float
    origins: range
    """The first period of each forecast: all before it was known."""

    @property
    def mae(self) -> float:
        return float(np.nanmean(np.abs(self.errors)))

    @property
    def mase(self) -> float:
        """Mean absolute error over that of the same season the last time; below 1 is better than a naive look."""
        return self.mae / self.naive if self.naive > 0 else 1.0


def records(values: Floats, horizon: int, season: int) -> list[Record]:
    """Each way on the past, from up to twelve points in time, never seeing what came after."""
    origins = range(max(2 * season + 2, 6, len(values) - ORIGINS - horizon + 1), len(values))
    found = {way: np.full((len(origins), horizon), np.nan) for way in WAYS}
    for row, origin in enumerate(origins):
        ahead = min(horizon, len(values) - origin)
        for way, forecast in WAYS.items():
            found[way][row, :ahead] = values[origin : origin + ahead] - forecast(values[:origin], horizon, season)[:ahead]
    naive = float(np.nanmean(np.abs(found["seasonal"])))
    return [Record(way, errors, naive, origins) for way, errors in found.items()]


def interval(record: Record, level: float) -> tuple[Floats, Floats]:
    """How far below and above the outcomes were, at each distance; never narrower further ahead."""
    errors = [record.errors[:, : at + 1] for at in range(record.errors.shape[1])]
    tails = [np.nanquantile(np.abs(each), level) for each in errors]
    width = np.maximum.accumulate(np.array(tails))
    return width, width


def coverage(record: Record, level: float) -> float:
    """Share of past outcomes inside the interval that the other origins would have given."""
    inside, told = 0, 0
    for row in range(len(record.errors)):
        others = np.delete(record.errors, row, axis=0)
        if not np.isfinite(others).any():
            continue
        own = record.errors[row][np.isfinite(record.errors[row])]
        inside += int((np.abs(own) <= np.nanquantile(np.abs(others), level)).sum())
        told += len(own)
    return inside / told if told else 0.0
