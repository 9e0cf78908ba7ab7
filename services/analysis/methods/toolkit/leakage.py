"""Signs that the outcome leaked into the features: good figures are then no success until a person has looked."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from services.analysis.methods.toolkit.arrays import Floats, Matrix
from services.analysis.methods.toolkit.evaluation import LEAKAGE_AUC, single_auc
from services.analysis.methods.toolkit.rows import Rows
from services.analysis.methods.toolkit.splitting import MINIMUM_CASES, SEED, fold_by_label
from services.analysis.methods.toolkit.study import Study

MOST_ROWS = 50_000
MOST_ALARMS = 20
Alarms = list[dict[str, Any]]


def alarm(code: str, detail: str, feature: str | None = None) -> dict[str, Any]:
    return {"code": code, "detail": detail, "feature": feature}


def find_alarms(study: Study) -> Alarms:
    """The model too good to be true, features that tell the outcome alone, features from after the day they describe."""
    alarms = late_alarms(study.rows)
    if study.quality(study.best).roc_auc > LEAKAGE_AUC:
        alarms.append(too_good())
    matrix = study.matrix[study.rows.known[study.split.scored]]
    return [*alarms, *leaking(study.encoding.columns, matrix, study.label)][:MOST_ALARMS]


def too_good() -> dict[str, Any]:
    return alarm("model-too-good", "The model separates the outcomes with a ROC-AUC above 0.95: look for a leak first.")


def late_alarms(rows: Rows) -> Alarms:
    words = "The feature {} is dated after the day on which the subject was looked at."
    return [alarm("feature-after-as-of", words.format(name), name) for name in rows.dated_late]


def leaking(names: tuple[str, ...], matrix: Matrix, label: Floats) -> Alarms:
    words = "The feature {} tells the outcome alone, with a ROC-AUC above 0.95: it may be a copy of it."
    found = [name for name, column in zip(names, matrix.T, strict=True) if alone(column, label) > LEAKAGE_AUC]
    return [alarm("feature-leaks-label", words.format(name), name) for name in found]


def alone(column: Floats | Matrix, label: Floats) -> float:
    """How well one feature tells the outcome: by its order, or by any few cuts of it, gaps among them."""
    places = some(label)
    column, label = column[places].astype(np.float64), label[places]
    few = min(label.sum(), (1 - label).sum())
    if few < 2 * MINIMUM_CASES:
        gap = np.isnan(column).astype(np.float64)
        return max(single_auc(column, label), single_auc(gap, label)) if few >= MINIMUM_CASES else 0.5
    half = fold_by_label(label, 2)
    score = np.empty(len(label))
    for test in (half == 0, half == 1):
        tree = DecisionTreeClassifier(max_leaf_nodes=8, min_samples_leaf=5, random_state=SEED)
        score[test] = tree.fit(column[~test, None], label[~test]).predict_proba(column[test, None])[:, 1]
    return max(single_auc(column, label), float(roc_auc_score(label, score)))


def some(label: Floats) -> NDArray[np.intp]:
    """All cases as far as they go, and a seeded sample of the others: a measure of order does not mind."""
    if len(label) <= MOST_ROWS:
        return np.arange(len(label))
    random = np.random.default_rng(SEED)
    parts = [np.flatnonzero(label == each) for each in (0, 1)]
    taken = [part if len(part) <= MOST_ROWS // 2 else random.choice(part, MOST_ROWS // 2, replace=False) for part in parts]
    return np.sort(np.concatenate(taken))
