"""The models that are compared: base rate, logistic regression, forest, and boosting that moves only as the card allows.

All are plain scikit-learn estimators on one float32 matrix, so that they export: no scaler stands before a tree,
categories are codes, and the calibration is a sigmoid.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from services.analysis.methods.toolkit.arrays import Flags, Floats, Matrix, Texts, Whole, sortable
from services.analysis.methods.toolkit.encoding import Encoding
from services.analysis.methods.toolkit.rows import Rows
from services.analysis.methods.toolkit.splitting import SEED, fold_by_group, fold_by_label

MODELS = {
    "prior": ("기저율", "base rate"),
    "logistic": ("로지스틱 회귀", "logistic regression"),
    "forest": ("랜덤 포레스트", "random forest"),
    "boosting": ("부스팅", "boosting"),
}
INNER = 3
LARGE = 10_000
MOST_ROWS = 300_000
SHAPES: dict[str, dict[str, Any]] = {
    "plain": {"max_iter": 100, "learning_rate": 0.1, "max_leaf_nodes": 31, "min_samples_leaf": 20},
    "wide": {"max_iter": 150, "learning_rate": 0.1, "max_leaf_nodes": 31, "min_samples_leaf": 20, "l2_regularization": 1.0},
    "careful": {
        "max_iter": 200,
        "learning_rate": 0.04,
        "max_leaf_nodes": 8,
        "min_samples_leaf": 40,
        "l2_regularization": 5.0,
        "max_features": 0.4,
    },
}
Make = Callable[[Rows, Encoding, Flags], Any]
"""A further model: rows, encoding and training rows in, an estimator with `predict_proba` on the matrix out."""
Places = list[tuple[NDArray[np.intp], NDArray[np.intp]]]


class Explained(Protocol):
    """A model whose score reasons can be given for."""

    @property
    def encoding(self) -> Encoding: ...
    @property
    def typical(self) -> Floats: ...
    @property
    def estimator(self) -> Any: ...
    @property
    def scale(self) -> float: ...
    def raw(self, matrix: Matrix) -> Floats: ...


@dataclass(frozen=True)
class Fitted:
    """One estimator with the encoding of its matrix, and the typical row of its training."""

    estimator: Any
    encoding: Encoding
    typical: Floats
    scale: float = 1.0

    def probability(self, matrix: Matrix) -> Floats:
        return np.asarray(self.estimator.predict_proba(matrix)[:, 1], dtype=np.float64)

    def raw(self, matrix: Matrix) -> Floats:
        """The log-odds: what reasons are measured in."""
        score = np.clip(self.probability(matrix), 1e-9, 1 - 1e-9)
        return np.asarray(np.log(score / (1 - score)))


@dataclass(frozen=True)
class Models:
    """The fitted models by name, and which of them scored best inside the training rows."""

    by_name: dict[str, Fitted]
    best: str


def fit_models(rows: Rows, encoding: Encoding, train: Flags, extra: Mapping[str, Make] | None = None) -> Models:
    """Learn from the training rows alone; also the choice between models and shapes is made on folds of them."""
    chosen = sample(train)
    part = rows.at(chosen)
    matrix, label = encoding.matrix(part), part.label.astype(np.int64)
    signs, inner = encoding.signs(rows), inner_folds(part.label, part.entity)
    plain = logistic(encoding)
    tried = {shape: loss(boosting(signs, shape), matrix, label, inner) for shape in SHAPES}
    shape = min(tried, key=lambda each: tried[each])
    typical = typical_of(matrix, encoding)
    fitted = {
        "prior": DummyClassifier(strategy="prior").fit(matrix, label),
        "logistic": fit(plain, matrix, label),
        "boosting": calibrated(boosting(signs, shape), matrix, label, inner),
    }
    losses = {"boosting": tried[shape]}
    if not any(signs):
        losses["logistic"] = loss(plain, matrix, label, inner)
    if not any(signs) and rows.known.sum() <= LARGE:
        losses["forest"] = loss(forest(), matrix, label, inner)
        fitted["forest"] = calibrated(forest(), matrix, label, inner)
    best = min(losses, key=lambda each: losses[each])
    made = {name: Fitted(estimator, encoding, typical) for name, estimator in fitted.items()}
    made |= {name: Fitted(make(rows, encoding, train), encoding, typical) for name, make in (extra or {}).items()}
    return Models(made, best)


def sample(train: Flags) -> NDArray[np.intp]:
    """Places of the training rows; of very many a seeded sample."""
    places = np.flatnonzero(train)
    if len(places) <= MOST_ROWS:
        return places
    return np.sort(np.random.default_rng(SEED).choice(places, MOST_ROWS, replace=False))


def inner_folds(label: Floats, entity: Texts | Whole | None) -> Places:
    """Folds inside the training rows; a subject with several rows stands in one of them."""
    if entity is not None and len(np.unique(sortable(entity))) >= INNER:
        fold = fold_by_group(entity, label, INNER)
        if all(len(np.unique(label[fold != each])) > 1 and len(np.unique(label[fold == each])) > 1 for each in range(INNER)):
            return places_of(fold)
    return places_of(fold_by_label(label, INNER))


def places_of(fold: NDArray[np.int64]) -> Places:
    return [(np.flatnonzero(fold != each), np.flatnonzero(fold == each)) for each in range(INNER)]


def fit(estimator: Any, matrix: Matrix, label: NDArray[Any], weights: Floats | None = None) -> Any:
    """Extreme amounts make the search of a logistic regression noisy; what matters is measured afterwards."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        return estimator.fit(matrix, label) if weights is None else estimator.fit(matrix, label, sample_weight=weights)


def loss(estimator: Any, matrix: Matrix, label: NDArray[np.int64], inner: Places) -> float:
    """Log-loss out of fold, as it is after a sigmoid; one fold is enough where there are many rows."""
    folds = inner[:1] if len(label) > LARGE else inner
    scores = [fit(estimator, matrix[train], label[train]).predict_proba(matrix[test])[:, 1] for train, test in folds]
    score = np.clip(np.concatenate(scores), 1e-6, 1 - 1e-6)
    odds, told = np.log(score / (1 - score))[:, None], np.concatenate([label[test] for _, test in folds])
    sigmoid = LogisticRegression(C=1e6).fit(odds, told)
    return float(log_loss(told, sigmoid.predict_proba(odds)[:, 1], labels=[0, 1]))


def calibrated(estimator: Any, matrix: Matrix, label: NDArray[np.int64], inner: Places) -> Any:
    """A sigmoid fitted on out-of-fold scores; left away where it would turn the order round."""
    made = CalibratedClassifierCV(estimator, method="sigmoid", cv=inner, ensemble=False).fit(matrix, label)
    pair = made.calibrated_classifiers_[0]
    return made if pair.calibrators[0].a_ < 0 else pair.estimator


def boosting(signs: Sequence[int], shape: str) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(**SHAPES[shape], early_stopping=False, monotonic_cst=list(signs), random_state=SEED)


def forest() -> Pipeline:
    """For few rows, where it is often the steadiest, and where nothing constrains the score."""
    trees = RandomForestClassifier(100, min_samples_leaf=2, random_state=SEED)
    return Pipeline([("gaps", SimpleImputer(strategy="median", keep_empty_features=True)), ("model", trees)])


def logistic(encoding: Encoding) -> Pipeline:
    """On medians for gaps, standardised numbers and one column a category."""
    return Pipeline([("columns", standardised(encoding)), ("model", LogisticRegression(max_iter=300))])


def standardised(encoding: Encoding) -> ColumnTransformer:
    codes = [place for place, name in enumerate(encoding.columns) if name in encoding.codes]
    plain = [place for place, name in enumerate(encoding.columns) if name not in encoding.codes]
    levels = [np.arange(-1, len(encoding.codes[encoding.columns[place]]), dtype=np.float32) for place in codes]
    numbers = Pipeline([("gaps", SimpleImputer(strategy="median", keep_empty_features=True)), ("scale", StandardScaler())])
    one_hot = OneHotEncoder(categories=levels, handle_unknown="ignore", sparse_output=False, dtype=np.float32)
    kinds = Pipeline(
        [("gaps", SimpleImputer(strategy="constant", fill_value=-1.0, keep_empty_features=True)), ("kinds", one_hot)]
    )
    steps = [("numbers", numbers, plain)] if plain else []
    return ColumnTransformer([*steps, *([("kinds", kinds, codes)] if codes else [])])


def typical_of(matrix: Matrix, encoding: Encoding) -> Floats:
    """The middle of each number, the most frequent category."""
    typical = np.zeros(matrix.shape[1])
    for place, name in enumerate(encoding.columns):
        known = matrix[:, place][np.isfinite(matrix[:, place])].astype(np.float64)
        typical[place] = np.median(known) if name not in encoding.codes else np.bincount(known.astype(int)).argmax()
    return typical
