"""The unsupervised layer: an isolation forest on a table of numbers, reported beside what knows more."""

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import IsolationForest

from services.analysis.methods.deviation.residuals import BLOCK, Features
from services.analysis.methods.deviation.robust import Floats, row_median

TREES = 100
SAMPLE = 512
MOST_LEARNED = 524_288
"""Rows that a forest's samples are drawn from: of more rows a seeded sample."""


@dataclass(frozen=True)
class Forest:
    middle: Floats
    model: IsolationForest

    def score(self, features: Features, rows: int) -> Floats:
        """How strange each row is, higher is stranger."""
        found = np.empty(rows)
        for start in range(0, rows, BLOCK):
            block = features[np.arange(start, min(start + BLOCK, rows))]
            found[start : start + BLOCK] = -self.model.score_samples(_filled(block, self.middle))
        return found


def grow(features: Features, rows: int, *, seed: int) -> Forest:
    """A forest of some rows; unknown numbers stand at their column's median."""
    chosen = np.arange(rows)
    if rows > MOST_LEARNED:
        chosen = np.sort(np.random.default_rng(seed).choice(rows, MOST_LEARNED, replace=False))
    matrix = features[chosen]
    middle = np.nan_to_num(row_median(np.ascontiguousarray(matrix.T)))
    forest = IsolationForest(n_estimators=TREES, max_samples=min(SAMPLE, len(matrix)), random_state=seed)
    return Forest(middle, forest.fit(_filled(matrix, middle)))


def isolate(features: Features, rows: int, *, seed: int) -> Floats:
    """How strange each row is beside the others."""
    return grow(features, rows, seed=seed).score(features, rows) if rows else np.zeros(0)


def _filled(matrix: Floats, middle: Floats) -> Floats:
    limit = np.finfo(np.float32).max / 4
    return np.clip(np.where(np.isfinite(matrix), matrix, middle), -limit, limit)
