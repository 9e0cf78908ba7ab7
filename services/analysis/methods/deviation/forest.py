"""The unsupervised layer: an isolation forest on a table of numbers, reported beside what knows more."""

import numpy as np
from sklearn.ensemble import IsolationForest

from services.analysis.methods.deviation.robust import Floats, row_median

TREES = 100
SAMPLE = 512


def isolate(matrix: Floats, *, seed: int) -> Floats:
    """How strange each row is, higher is stranger; unknown numbers stand at their column's median."""
    if not len(matrix):
        return np.zeros(0)
    middle = row_median(np.ascontiguousarray(matrix.T))
    filled = np.where(np.isfinite(matrix), matrix, np.nan_to_num(middle))
    limit = np.finfo(np.float32).max / 4
    filled = np.clip(filled, -limit, limit)
    forest = IsolationForest(n_estimators=TREES, max_samples=min(SAMPLE, len(filled)), random_state=seed).fit(filled)
    return -np.asarray(forest.score_samples(filled), dtype=np.float64)
