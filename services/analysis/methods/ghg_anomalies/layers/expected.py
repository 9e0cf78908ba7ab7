"""L3: what a stream was to be expected to burn, and how far it is from that."""

from dataclasses import dataclass

import numpy as np

from services.analysis.methods.deviation.residuals import expect
from services.analysis.methods.deviation.robust import Flags, Floats, clear_log, row_mad, row_median, shrunk
from services.analysis.methods.ghg_anomalies.ledger import Ledger
from services.analysis.methods.ghg_anomalies.panel import Panel
from services.analysis.methods.ghg_anomalies.ratios import name_ratio
from services.analysis.methods.ghg_anomalies.reasons import Layer, Reason

SEED = 20241
WIDEST = 0.7
"""Logarithms of deviations are cut here before anything is learned from them."""
ELASTICITY = 0.7
"""How activity answers to production before anything is learned: a shutdown is far beyond what may teach."""
RIDGE = 3.0
ROUNDS = 4
SPREAD_WEIGHT, SPREAD_FLOOR = 8.0, 0.01
STEP_MARGIN = 1.2
FAR, LARGE, LARGE_ALONE = 8.0, 0.9, 2.0
"""The last where no production says whether the facility worked at all."""
NEAR_KNOWN = 0.35
DRIVERS = ("production", "hdd", "cdd", "hours", "others")


@dataclass(frozen=True)
class Expected:
    """Streams x periods: the logarithm of activity less what was expected, its usual spread, and the expectation itself."""

    residual: Floats
    spread: Floats
    level: Floats
    """Logarithm of the expected activity."""
    drivers: dict[str, Floats]
    """Production, weather, hours and the facility's other streams, each beside its usual: what boosting is given of a cell."""
    target: Floats
    """What it learns: the logarithm of activity beside the usual, less what the drivers alone let expect; cut."""
    boosted: Floats
    """What it says of that, out of fold."""

    @property
    def score(self) -> Floats:
        return np.asarray(self.residual / self.spread[:, None])


def fit_expected(panel: Panel, activity: Floats, explained: Flags) -> Expected:
    """Boosting over all facilities, out of fold, then each stream's own level and its own answer to what drives it."""
    amount = clear_log(np.where(explained, np.nan, activity))
    relative = amount - row_median(amount)[:, None]
    drivers = _drivers(panel, relative)
    offset = ELASTICITY * np.where(np.isfinite(drivers[0]), drivers[0], np.nan_to_num(drivers[4]))
    target = np.clip(relative - offset, -WIDEST, WIDEST)
    boosted = _boosted(panel, target, drivers)
    expected = offset + boosted
    whole = clear_log(activity) - row_median(amount)[:, None]
    fitted = expected + _own_answer(np.clip(relative - expected, -WIDEST, WIDEST), drivers[:3])
    level = row_median(relative - fitted)[:, None]
    residual = whole - fitted - np.nan_to_num(level)
    seen = np.where(explained, np.nan, residual)
    spread = shrunk(usual_spread(seen), np.isfinite(seen).sum(axis=1), SPREAD_WEIGHT, SPREAD_FLOOR)
    told = dict(zip(DRIVERS, drivers, strict=True))
    return Expected(residual, spread, clear_log(activity) - residual, told, target, boosted)


def usual_spread(seen: Floats) -> Floats:
    """Of each row: from its deviations, or from its steps where these are smaller: a jump of the level widens only the first."""
    steps = np.diff(seen, axis=1)
    middle = row_median(steps) if steps.shape[1] else np.full(len(seen), np.nan)
    by_steps = row_mad(steps, middle) / np.sqrt(2) * STEP_MARGIN if steps.shape[1] else middle
    return np.fmin(row_mad(seen, row_median(seen)), by_steps)


def check_ratios(panel: Panel, found: Expected, ledger: Ledger) -> None:
    """Single periods so far from what was expected, and by such a ratio, that its name is plain."""
    reported, hoped, likely = _words(panel, found)
    near = np.minimum(NEAR_KNOWN, 4 * found.spread)[:, None]
    for reason, cells in name_ratio(np.where(_far(found), found.residual, np.nan), near).items():
        ledger.enter(cells, reason, Layer.EXPECTED, reported, hoped, likely)


def check_rest(panel: Panel, found: Expected, ledger: Ledger) -> None:
    """What is far from what was expected and has no other name."""
    reported, hoped, likely = _words(panel, found)
    far = _far(found) & ~ledger.explained
    ledger.enter(far & _seldom(far), Reason.UNEXPLAINED, Layer.EXPECTED, reported, hoped, 0.8 * likely, gap=1)


def _far(found: Expected) -> Flags:
    driven = np.isfinite(found.drivers["production"])
    return np.asarray((np.abs(found.score) > FAR) & (np.abs(found.residual) > np.where(driven, LARGE, LARGE_ALONE)))


def _words(panel: Panel, found: Expected) -> tuple[Floats, Floats, Floats]:
    """Reported and expected tCO2e, and how likely something is wrong."""
    reported = panel.grid("reported_tco2e")
    likely = 1 - np.exp(-np.abs(np.nan_to_num(found.score)) / 4)
    return reported, reported * np.exp(-np.clip(np.nan_to_num(found.residual), -50, 50)), likely


def _seldom(far: Flags) -> Flags:
    """Streams that are seldom far: one that always is has no level of its own to be far from."""
    return np.broadcast_to((far.mean(axis=1) < 0.25)[:, None], far.shape)


def _drivers(panel: Panel, relative: Floats) -> list[Floats]:
    """Production, heating, cooling, hours and the facility's other streams, each beside its own usual level."""
    production = clear_log(panel.grid("production_qty"))
    hours = clear_log(panel.grid("operating_hours"))
    moved = [np.clip(one - row_median(one)[:, None], -3, 3) for one in (production, hours)]
    weather = []
    for name in ("hdd", "cdd"):
        days = panel.grid(name)
        usual = np.nanmean(days) if np.isfinite(days).any() else 1.0
        weather.append(np.clip(days / max(usual, 1e-9), 0, 20) - 1)
    cut = np.clip(relative, -WIDEST, WIDEST)
    known = np.isfinite(cut)
    total, count = panel.over_facility(cut)[panel.facility], panel.over_facility(known * 1.0)[panel.facility]
    rest = count - known
    others = np.where(rest > 0, (total - np.nan_to_num(cut)) / np.maximum(rest, 1), np.nan)
    return [moved[0], *weather, moved[1], others]


def _boosted(panel: Panel, target: Floats, drivers: list[Floats]) -> Floats:
    """Out of fold by facility; the target is cut, so that what is far does not teach."""
    shape = panel.shape
    fuel, sector = panel.of_stream("fuel_type")[0], panel.of_stream("ksic_code")[0]
    season = np.broadcast_to(np.arange(shape[1]) % panel.periods.a_year, shape)
    fixed = [np.broadcast_to(codes[:, None], shape) for codes in (fuel, sector)]
    features = np.column_stack([one.ravel() for one in (*drivers, season, *fixed)]).astype(np.float64)
    group = np.repeat(panel.facility, shape[1])
    return expect(features, target.ravel(), group, seed=SEED).reshape(shape)


def _own_answer(left: Floats, drivers: list[Floats]) -> Floats:
    """What is left explained by a robust ridge regression of each stream on its own drivers; 0 where it has too few periods."""
    stack = np.stack([np.nan_to_num(one) for one in drivers], axis=2)
    stack = stack - stack.mean(axis=1, keepdims=True)
    known = np.isfinite(left)
    target = np.nan_to_num(left)
    weight = known.astype(float)
    answer = np.zeros(left.shape)
    for _ in range(ROUNDS):
        level = (weight * (target - answer)).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9)
        rest = target - level[:, None]
        gram = np.einsum("stk,st,stj->skj", stack, weight, stack) + RIDGE * 0.02 * np.eye(stack.shape[2])
        slope = np.linalg.solve(gram, np.einsum("stk,st,st->sk", stack, weight, rest)[..., None])[..., 0]
        answer = np.einsum("stk,sk->st", stack, slope)
        off = np.abs(rest - answer)
        scale = 1.5 * np.maximum(np.nan_to_num(row_median(np.where(known, off, np.nan))), 1e-3)[:, None]
        weight = known * np.minimum(1.0, scale / np.maximum(off, 1e-12))
    return np.where((known.sum(axis=1) >= 8)[:, None], answer, 0.0)
