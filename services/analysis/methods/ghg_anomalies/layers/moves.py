"""L4, windows of a stream's residual: a year that lies some periods beside its place, and a level that jumps and stays."""

import numpy as np

from services.analysis.methods.deviation.robust import Flags, Floats, row_median
from services.analysis.methods.ghg_anomalies.layers.expected import WIDEST, Expected
from services.analysis.methods.ghg_anomalies.ledger import Ledger
from services.analysis.methods.ghg_anomalies.panel import Panel
from services.analysis.methods.ghg_anomalies.reasons import Layer, Reason

MOST_SHIFT = 3
SHIFT_GAIN, SHIFT_SHARE = 13.0, 0.45
"""Twice the log likelihood gained by shifting, and the largest share of the squares that may be left."""
SMALLEST_NOISE = 0.015
CUT = 4.0
"""Usual spreads beyond which one month counts no more: a shutdown is no shifted year."""
SHORTEST = 5
STEP_FAR, STEP_LARGE = 9.0, 0.16
MOST_OF = 0.75
LENGTHS = (6, 9, 12, 18)


def check_moves(panel: Panel, found: Expected, ledger: Ledger) -> None:
    if panel.periods.a_year == 1:
        return
    reported = panel.grid("reported_tco2e")
    hoped = reported * np.exp(-np.clip(np.nan_to_num(found.residual), -3, 3))
    clear = np.where(ledger.explained, np.nan, found.residual)
    shifted, gain = find_shifts(panel, found, clear)
    ledger.enter(shifted, Reason.PERIOD_SHIFT, Layer.WINDOWS, reported, hoped, 1 - np.exp(-gain / 10), gap=12)
    clear = np.where(ledger.explained, np.nan, found.residual)
    stepped, score = find_steps(clear, found.spread)
    known = np.isfinite(panel.grid("production_qty")).sum(axis=1) >= SHORTEST
    likely = (1 - np.exp(-np.abs(score) / 5)) * np.where(known, 1.0, 0.6)[:, None]
    ledger.enter(stepped, Reason.STEP_CHANGE, Layer.WINDOWS, reported, hoped, likely, gap=1)


def find_shifts(panel: Panel, found: Expected, clear: Floats) -> tuple[Flags, Floats]:
    """Years whose values fit what was expected some periods earlier or later much better than what was expected then."""
    amount = found.level + clear
    lag, width = panel.periods.a_year, clear.shape[1]
    starts = [at for at in range(width) if (panel.periods.first + at) % lag == 0 and at + lag <= width]
    shifted, gains = np.zeros(clear.shape, dtype=bool), np.zeros(clear.shape)
    for start, length in ((start, years * lag) for years in (1, 2) for start in starts if start + years * lag <= width):
        cut = slice(start, start + length)
        best = np.zeros(len(clear))
        for by in (*range(-MOST_SHIFT, 0), *range(1, MOST_SHIFT + 1)):
            if start - by >= 0 and start - by + length <= width:
                there = found.level[:, start - by : start - by + length]
                best = np.maximum(best, _gain(amount[:, cut], found.level[:, cut], there, found.spread))
        hit = best > SHIFT_GAIN
        shifted[:, cut] |= hit[:, None]
        gains[:, cut] = np.maximum(gains[:, cut], np.where(hit, best, 0.0)[:, None])
    return shifted, gains


def _gain(amount: Floats, here: Floats, there: Floats, spread: Floats) -> Floats:
    """Twice the log likelihood that the window gains by being held against the expectation of another time; 0 if too little."""
    known = np.isfinite(amount) & np.isfinite(here) & np.isfinite(there)
    count = known.sum(axis=1)
    squares = []
    for level in (here, there):
        off = np.where(known, amount - level, 0.0)
        middle = off.sum(axis=1) / np.maximum(count, 1)
        most = np.minimum(CUT * spread, WIDEST)[:, None]
        cut = np.where(known, np.clip(off - middle[:, None], -most, most), 0.0)
        squares.append((cut**2).sum(axis=1) + count * SMALLEST_NOISE**2)
    before, after = squares
    enough = (count >= max(SHORTEST, int(0.7 * amount.shape[1]))) & (after < SHIFT_SHARE * before)
    return np.where(enough, count * np.log(np.maximum(before, 1e-12) / np.maximum(after, 1e-12)), 0.0)


def find_steps(clear: Floats, spread: Floats) -> tuple[Flags, Floats]:
    """The window of each stream whose mean residual stands farthest from the rest of it; one window a stream."""
    count, width = clear.shape
    cut = np.clip(clear, -WIDEST, WIDEST)
    sums, known = _running(np.nan_to_num(cut)), _running(np.isfinite(cut) * 1.0)
    best, score = np.zeros(count), np.zeros((count, width))
    window = np.zeros((count, 2), dtype=np.int64)
    for first, last in _windows(width):
        inside, many = sums[:, last] - sums[:, first], known[:, last] - known[:, first]
        rest, others = sums[:, -1] - inside, known[:, -1] - many
        enough = (many >= SHORTEST) & (others >= SHORTEST)
        jump = inside / np.maximum(many, 1) - rest / np.maximum(others, 1)
        error = spread * np.sqrt(1 / np.maximum(many, 1) + 1 / np.maximum(others, 1)) * 1.25
        far = np.where(enough & (np.abs(jump) > STEP_LARGE), np.abs(jump) / error, 0.0)
        better = far > best
        best = np.where(better, far, best)
        window[better] = (first, last)
    place = np.arange(width)
    cells = (best > STEP_FAR)[:, None] & (place >= window[:, :1]) & (place < window[:, 1:])
    cells &= _steady(clear, cells)[:, None]
    score[cells] = np.broadcast_to(best[:, None], cells.shape)[cells]
    return cells & np.isfinite(clear), score


def _steady(clear: Floats, cells: Flags) -> Flags:
    """Windows most of whose months took the step: two odd months in six are no new level."""
    inside, rest = (row_median(np.where(part, clear, np.nan)) for part in (cells, ~cells))
    jump = inside - rest
    with_it = cells & ((clear - rest[:, None]) * np.sign(jump)[:, None] > 0.5 * np.abs(jump)[:, None])
    known = (cells & np.isfinite(clear)).sum(axis=1)
    return np.asarray((np.abs(jump) > STEP_LARGE) & (with_it.sum(axis=1) >= MOST_OF * known))


def _running(matrix: Floats) -> Floats:
    return np.pad(np.cumsum(matrix, axis=1), ((0, 0), (1, 0)))


def _windows(width: int) -> list[tuple[int, int]]:
    """From some period on, or for some months."""
    to_end = [(first, width) for first in range(SHORTEST, width - SHORTEST + 1)]
    inside = [(first, first + length) for length in LENGTHS for first in range(1, width - length) if first + length < width]
    return to_end + inside
