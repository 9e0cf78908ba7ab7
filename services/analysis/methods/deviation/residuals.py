"""Expected values out of fold: gradient boosting that never saw the group whose value it expects."""

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from services.analysis.methods.deviation.robust import Codes, Floats

FOLDS = 3
MOST_LEARNED = 60_000
FEWEST = 60


def expect(
    features: Floats, target: Floats, group: Codes, *, seed: int, leaves: int = 15, rounds: int = 80, most: int = MOST_LEARNED
) -> Floats:
    """The expected value of each row with a known target, learned from other groups; the overall median where too few teach."""
    known = np.flatnonzero(np.isfinite(target))
    expected = np.full(len(target), np.nan)
    if not len(known):
        return expected
    expected[:] = np.median(target[known])
    random = np.random.default_rng(seed)
    fold = random.permutation(int(group.max(initial=0)) + 1)[group] % FOLDS
    if len(known) < FEWEST or len(np.unique(fold[known])) < 2:
        return expected
    for each in range(FOLDS):
        teach, judge = known[fold[known] != each], np.flatnonzero(fold == each)
        if len(teach) < FEWEST or not len(judge):
            continue
        if len(teach) > most:
            teach = random.choice(teach, most, replace=False)
        used = _varied(features[teach])
        if not used.any():
            continue
        model = HistGradientBoostingRegressor(
            max_iter=rounds,
            max_leaf_nodes=leaves,
            min_samples_leaf=20,
            learning_rate=0.1,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=seed,
        ).fit(features[teach][:, used], target[teach])
        expected[judge] = model.predict(features[judge][:, used])
    return expected


def _varied(features: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Columns that say anything: some number, and not always the same."""
    known = np.isfinite(features)
    low = np.where(known, features, np.inf).min(axis=0)
    high = np.where(known, features, -np.inf).max(axis=0)
    return np.asarray(known.any(axis=0) & (low < high))
