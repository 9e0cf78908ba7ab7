"""What moves the score of everybody: how much worse the order gets when one feature is shuffled."""

import numpy as np
from numpy.typing import NDArray
from sklearn.inspection import permutation_importance

from services.analysis.methods.toolkit.arrays import Floats, Matrix
from services.analysis.methods.toolkit.models import Explained
from services.analysis.methods.toolkit.splitting import SEED

MOST_ROWS = 5_000
REPEATS = 3


def importances(
    fitted: Explained, matrix: Matrix, label: Floats, scoring: str = "roc_auc"
) -> tuple[list[tuple[str, float]], int]:
    """Loss of `scoring` by feature, the largest first, and on how many measured rows it was tried."""
    places: NDArray[np.intp] = np.arange(len(label))
    if len(places) > MOST_ROWS:
        cases = np.flatnonzero(label > np.median(label))
        random = np.random.default_rng(SEED)
        most = random.choice(places, MOST_ROWS, replace=False)
        places = np.union1d(most, random.choice(cases, min(len(cases), MOST_ROWS // 5), replace=False))
    found = permutation_importance(
        fitted.estimator, matrix[places], label[places], scoring=scoring, n_repeats=REPEATS, random_state=SEED
    )
    losses = found.importances_mean
    order = np.argsort(-losses, kind="stable")
    return [(fitted.encoding.columns[place], round(float(losses[place]), 5)) for place in order], len(places)
