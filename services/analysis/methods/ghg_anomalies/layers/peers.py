"""L1: a stream's intensity beside that of its peers, and each period beside the same one a year before."""

import numpy as np

from services.analysis.methods.deviation.robust import (
    Codes,
    Flags,
    Floats,
    clear_log,
    group_mad,
    group_median,
    row_median,
    shrunk,
)
from services.analysis.methods.ghg_anomalies.ledger import Ledger
from services.analysis.methods.ghg_anomalies.panel import Panel
from services.analysis.methods.ghg_anomalies.ratios import THOUSANDS
from services.analysis.methods.ghg_anomalies.reasons import Layer, Reason

FEWEST_PEERS = 8
UNIT_FAR, UNIT_WIDTH = 4.0, 1.8
PEER_FAR, PEER_LARGE = 6.0, np.log(50.0)
YEAR_FAR, YEAR_LARGE = 8.0, 0.5
FLOOR = 0.15
SIZES = ("production_qty", "capacity", "floor_area_m2", "operating_hours")


def check_peers(panel: Panel, activity: Floats, ledger: Ledger) -> Floats:
    """Whole streams far from all their peers: most of all a unit that was wrong all the time. Returns the peer z by stream."""
    reported = panel.grid("reported_tco2e")
    score, off = peer_score(panel, activity)
    unit = np.any([np.abs(np.abs(off) - np.log(one)) < UNIT_WIDTH for one in THOUSANDS], axis=0) & (np.abs(score) > UNIT_FAR)
    far = unit | ((np.abs(score) > PEER_FAR) & (np.abs(off) > PEER_LARGE))
    hoped = reported * np.exp(-np.nan_to_num(off))[:, None]
    cells = np.broadcast_to(far[:, None], panel.shape) & panel.present
    likely = np.broadcast_to((1 - np.exp(-np.abs(np.nan_to_num(score)) / 4))[:, None], panel.shape)
    ledger.enter(cells & unit[:, None], Reason.UNIT_SLIP, Layer.PEERS, reported, hoped, likely, gap=panel.shape[1])
    ledger.enter(cells, Reason.UNEXPLAINED, Layer.PEERS, reported, hoped, 0.8 * likely, gap=panel.shape[1])
    return score


def peer_score(panel: Panel, activity: Floats) -> tuple[Floats, Floats]:
    """By stream: robust z of its usual intensity among its peers, and the logarithm of how far it is; NaN without peers."""
    best = np.full(len(panel.facility), np.nan)
    off = best.copy()
    group = peer_groups(panel)
    for name in (*SIZES, ""):
        size = clear_log(panel.grid(name)) if name else np.zeros(panel.shape)
        intensity = row_median(clear_log(activity) - size)
        many = int(group.max(initial=0)) + 1
        middle = group_median(intensity, group, many)
        count = np.bincount(group, np.isfinite(intensity), many)
        spread = shrunk(group_mad(intensity, group, middle), count, 6.0, FLOOR)
        beside = np.where(count[group] >= FEWEST_PEERS, intensity - middle[group], np.nan)
        score = beside / spread[group]
        fresh = ~np.isfinite(best) & np.isfinite(score)
        best, off = np.where(fresh, score, best), np.where(fresh, beside, off)
    return best, off


def peer_groups(panel: Panel) -> Codes:
    """Streams of one peer group or industry, with one fuel and one category."""
    columns = [
        panel.of_stream(name)[0] for name in ("peer_group", "ksic_code", "fuel_type", "source_category", "production_unit")
    ]
    return np.unique(np.column_stack(columns), axis=0, return_inverse=True)[1].reshape(-1)


def check_years(panel: Panel, activity: Floats, ledger: Ledger) -> None:
    """Year on year, beside what production did: for annual statements, and for what the months have not shown."""
    lag = panel.periods.a_year
    reported = panel.grid("reported_tco2e")
    amount = np.where(ledger.explained, np.nan, clear_log(activity))
    size = clear_log(panel.grid("production_qty"))
    before = _year_before(panel, clear_log(panel.grid("prev_year_tco2e")), clear_log(reported), amount, lag)
    change = amount - before
    moved = size - _lagged(size, lag)
    change = change - np.where(np.isfinite(moved), moved, 0.0)
    group = peer_groups(panel)
    codes = np.repeat(group, panel.shape[1])
    many = int(group.max(initial=0)) + 1
    middle = group_median(change.ravel(), codes, many)
    spread = shrunk(group_mad(change.ravel(), codes, middle), np.bincount(codes, np.isfinite(change.ravel()), many), 20.0, 0.05)
    off = change - middle[group][:, None]
    usual = row_median(amount)[:, None]
    far = (np.abs(off) > YEAR_FAR * spread[group][:, None]) & (np.abs(off) > YEAR_LARGE)
    far &= _farther(amount, _lagged(amount, lag), usual)
    likely = 0.9 * (1 - np.exp(-np.abs(np.nan_to_num(off)) / spread[group][:, None] / 6))
    hoped = reported * np.exp(-np.clip(np.nan_to_num(off), -50, 50))
    reason = Reason.STEP_CHANGE if lag == 1 and panel.has("production_qty") else Reason.UNEXPLAINED
    if lag == 1:
        ledger.enter(far, reason, Layer.PEERS, reported, hoped, likely)


def _year_before(panel: Panel, told: Floats, reported: Floats, amount: Floats, lag: int) -> Floats:
    """From the panel; where it does not reach back, from what the statement says of the year before."""
    own = _lagged(amount, lag)
    return np.where(np.isfinite(own), own, told - reported + amount)


def _lagged(matrix: Floats, lag: int) -> Floats:
    moved = np.full(matrix.shape, np.nan)
    if lag < matrix.shape[1]:
        moved[:, lag:] = matrix[:, :-lag]
    return moved


def _farther(amount: Floats, before: Floats, usual: Floats) -> Flags:
    """Of the two periods the one that is farther from the stream's usual level: the other is only its echo."""
    return np.asarray(~(np.abs(before - usual) > np.abs(amount - usual)))
