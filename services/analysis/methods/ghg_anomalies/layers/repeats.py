"""L4, values that repeat: a meter that stands still, and a year that was copied from the one before."""

import numpy as np

from services.analysis.methods.deviation.robust import Flags, Floats
from services.analysis.methods.ghg_anomalies.layers.arithmetic import runs
from services.analysis.methods.ghg_anomalies.ledger import Ledger
from services.analysis.methods.ghg_anomalies.panel import Panel
from services.analysis.methods.ghg_anomalies.reasons import Layer, Reason

STILL, COPIED = 4, 3
MOVING = 0.5
"""Share of steps in which a stream has to move before standing still means anything."""
FLAT, COPY = 0.93, 0.95
COARSE = 100.0
"""Round counts below this repeat by chance."""


def check_repeats(panel: Panel, activity: Floats, expected: Floats, ledger: Ledger) -> None:
    """Activity and expected tCO2e as streams x periods."""
    reported = panel.grid("reported_tco2e")
    cells = np.where(ledger.explained | ~panel.present, np.nan, activity)
    hoped = np.where(np.isfinite(expected), expected, reported)
    still = find_still(cells) if panel.periods.a_year > 1 else np.zeros(panel.shape, dtype=bool)
    ledger.enter(still, Reason.FLAT_LINE, Layer.WINDOWS, reported, hoped, np.full(panel.shape, FLAT))
    cells = np.where(ledger.explained, np.nan, cells)
    copied = find_copies(panel, cells)
    ledger.enter(copied, Reason.COPY_OF_LAST_YEAR, Layer.WINDOWS, reported, hoped, np.full(panel.shape, COPY), gap=2)


def find_still(cells: Floats) -> Flags:
    """Runs of equal values in streams that otherwise move."""
    equal = np.zeros(cells.shape, dtype=bool)
    equal[:, 1:] = (cells[:, 1:] == cells[:, :-1]) & (cells[:, 1:] > 0)
    pairs = np.isfinite(cells[:, 1:]) & np.isfinite(cells[:, :-1])
    moves = 1 - equal[:, 1:].sum(axis=1) / np.maximum(pairs.sum(axis=1), 1)
    still = runs(equal, STILL - 1)
    begins = np.zeros(cells.shape, dtype=bool)
    begins[:, :-1] = still[:, 1:] & ~still[:, :-1]
    return np.asarray((still | begins) & (moves >= MOVING)[:, None])


def find_copies(panel: Panel, cells: Floats) -> Flags:
    """Runs of values equal to those a year before, in streams that are not simply constant."""
    lag = panel.periods.a_year
    if cells.shape[1] <= lag:
        return _copies_of_told(panel, cells)
    equal = np.zeros(cells.shape, dtype=bool)
    equal[:, lag:] = (cells[:, lag:] == cells[:, :-lag]) & (cells[:, lag:] > 0) & _fine(cells[:, lag:])
    changing = np.zeros(cells.shape, dtype=bool)
    changing[:, 1:] = cells[:, 1:] != cells[:, :-1]
    moves = (changing & np.isfinite(cells)).sum(axis=1) > 0.5 * np.isfinite(cells).sum(axis=1)
    shortest = COPIED if lag > 1 else 1
    whole = equal.sum(axis=1) < 0.9 * np.maximum(np.isfinite(cells[:, lag:]).sum(axis=1), 1) if lag == 1 else True
    return np.asarray(runs(equal, shortest) & (moves & whole)[:, None])


def _copies_of_told(panel: Panel, cells: Floats) -> Flags:
    """One year alone: what it says of itself and of the year before."""
    reported, before = panel.grid("reported_tco2e"), panel.grid("prev_year_tco2e")
    return np.asarray((reported == before) & (reported > 0) & _fine(reported) & np.isfinite(cells))


def _fine(values: Floats) -> Flags:
    """Values with so many digits that they do not meet by chance."""
    return np.asarray((values >= COARSE) | (np.abs(values * 10 - np.round(values * 10)) > 1e-9))
