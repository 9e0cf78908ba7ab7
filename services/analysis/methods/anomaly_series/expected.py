"""What a value was to be expected to be, from the calendar, the same time of other days, and what else was known then."""

from dataclasses import dataclass, replace

import numpy as np

from services.analysis.methods.anomaly_series.panel import Panel
from services.analysis.methods.deviation.residuals import BLOCK, Taught, divide, learn
from services.analysis.methods.deviation.robust import SIGMA, Codes, Flags, Floats, row_mad, row_median

SEED = 20241
NEIGHBOURS = 3
DOUBTFUL, MOST = 8.0, 10.0
BANDS = 12
FLOOR = 0.02
"""Smallest spread, as a share of the spread of the whole series."""
BLOCKS = 60
"""Stretches that a single series is cut into, to be expected from one another."""
MANY = 30


@dataclass(frozen=True)
class Fit:
    """What series teach of others, too: expected values, and how large residuals usually are at such a level."""

    taught: Taught
    edges: Floats
    spreads: Floats


@dataclass(frozen=True)
class Expected:
    """Series x times, in the unit of the value but for the score."""

    level: Floats
    score: Floats
    """Residual over its usual spread at such a level."""
    fits: tuple[Fit, ...]


@dataclass(frozen=True)
class Points:
    """Features of every point, series after series."""

    columns: list[Floats]

    def __getitem__(self, places: Codes, /) -> Floats:
        series, time = np.divmod(places, self.columns[0].shape[1])
        return np.column_stack([column[series, time] for column in self.columns])


def fit_expected(panel: Panel, doubted: Flags | None = None, fits: tuple[Fit, ...] = ()) -> Expected:
    """Boosting out of fold, by series where there are many, else by stretches of time; twice, and what the first time was
    far off (or is doubted anyway) teaches nothing the second time. `fits`: of both times, what other series taught."""
    unsure = np.zeros(panel.shape, dtype=bool) if doubted is None else doubted
    first = _fit(panel, unsure, fits[:1])
    again = _fit(panel, unsure | (np.abs(np.nan_to_num(first.score)) > DOUBTFUL), fits[1:])
    return replace(again, fits=first.fits + again.fits)


def _fit(panel: Panel, doubted: Flags, fits: tuple[Fit, ...]) -> Expected:
    value = np.where(doubted, np.nan, panel.value)
    middle = np.nan_to_num(row_median(value))
    width = np.maximum(np.nan_to_num(_width(value, middle)), 1e-12)
    scaled = np.clip((panel.value - middle[:, None]) / width[:, None], -MOST, MOST)
    teaching = np.where(doubted, np.nan, scaled)
    features, random = Points(_features(panel, teaching)), np.random.default_rng(SEED)
    fold = divide(*_blocks(panel), random)
    taught = fits[0].taught if fits else learn(features, teaching.ravel(), fold, random, seed=SEED, leaves=31, rounds=120)
    level = taught.expect(features, fold)
    level = np.where(np.isfinite(level), level, 0.0).reshape(panel.shape)
    residual = scaled - level
    residual = residual - np.nan_to_num(row_median(np.where(doubted, np.nan, residual)))[:, None]
    fit = fits[0] if fits else Fit(taught, *_spreads(np.where(doubted, np.nan, residual), level))
    spread = fit.spreads[np.searchsorted(fit.edges, level)]
    return Expected(middle[:, None] + level * width[:, None], residual / spread, (fit,))


def _width(value: Floats, middle: Floats) -> Floats:
    """Half of the distance between the tenth and the last tenth: wider than the MAD where a plant mostly idles."""
    ordered = np.sort(value, axis=1)
    known = np.isfinite(ordered).sum(axis=1)
    rows = np.arange(len(value))
    low, high = (np.minimum((share * np.maximum(known - 1, 0)).astype(np.int64), value.shape[1] - 1) for share in (0.1, 0.9))
    return np.asarray(np.fmax((ordered[rows, high] - ordered[rows, low]) / 2, row_mad(value, middle)))


def _features(panel: Panel, scaled: Floats) -> list[Floats]:
    calendar = [np.broadcast_to(column, panel.shape) for column in panel.grid.calendar().T.astype(np.float64)]
    around = [_around(scaled, length) for length in panel.grid.seasons] or [_around(scaled, 1)]
    return [*calendar, *around, *panel.drivers.values()]


def _around(scaled: Floats, length: int) -> Floats:
    """The median of the same time in the cycles before and after."""
    steps = [by * length for by in range(-NEIGHBOURS, NEIGHBOURS + 1) if by and abs(by * length) < scaled.shape[1]]
    found = np.full(scaled.shape, np.nan)
    some = max(BLOCK // scaled.shape[1], 1)
    for at in range(0, len(scaled) if steps else 0, some):
        part = scaled[at : at + some]
        stacked = np.stack([_moved(part, by) for by in steps], axis=2)
        found[at : at + some] = row_median(stacked.reshape(-1, len(steps))).reshape(part.shape)
    return found


def _moved(matrix: Floats, by: int) -> Floats:
    moved = np.full(matrix.shape, np.nan)
    if by > 0:
        moved[:, by:] = matrix[:, :-by]
    else:
        moved[:, :by] = matrix[:, -by:]
    return moved


def _blocks(panel: Panel) -> tuple[Codes, int]:
    """What each point is expected without, and how many such blocks all series have."""
    width = panel.grid.count
    if min(panel.every, panel.grid.at_a_time) >= MANY:
        return np.repeat(panel.series, width), panel.every
    stretches = min(BLOCKS, width)
    stretch = np.arange(width) * stretches // width
    return (panel.series[:, None] * BLOCKS + stretch).ravel(), (panel.every - 1) * BLOCKS + stretches


def _spreads(residual: Floats, level: Floats) -> tuple[Floats, Floats]:
    """The usual size of residuals at levels between these edges: machines that run hard also vary more."""
    known = np.isfinite(residual)
    whole = max(SIGMA * float(np.nanmedian(np.abs(residual))) if known.any() else 1.0, FLOOR)
    edges = np.quantile(level[known], np.linspace(0, 1, BANDS + 1)[1:-1]) if known.any() else np.zeros(0)
    band = np.searchsorted(edges, level)
    spreads = np.full(BANDS, whole)
    for at in range(BANDS):
        inside = known & (band == at)
        if inside.sum() >= 30:
            spreads[at] = max(SIGMA * float(np.median(np.abs(residual[inside]))), FLOOR)
    return edges, spreads
