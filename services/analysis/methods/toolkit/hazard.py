"""Discrete-time hazard: the chance of each next month, given that the one before was survived, added up to a horizon."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from services.analysis.methods.toolkit.arrays import Flags, Floats, Matrix
from services.analysis.methods.toolkit.encoding import Encoding
from services.analysis.methods.toolkit.models import fit, standardised
from services.analysis.methods.toolkit.models import sample as learned_from
from services.analysis.methods.toolkit.rows import Rows
from services.analysis.methods.toolkit.splitting import SEED

AGES = np.array([6.0, 12.0, 24.0, 36.0, 60.0, 120.0])
"""Cuts of the months in business: the baseline has one level between each two, and one where the age is unknown."""
MOST_ROWS = 8_000


class Hazard(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression on subject-months; what is known of a subject at the start stays, its age goes on."""

    def __init__(self, encoding: Encoding, horizon: int, age: str) -> None:
        self.encoding = encoding
        self.horizon = horizon
        self.age = age

    def fit(self, matrix: Matrix, months: Floats) -> Self:
        """`months`: how long until the event, from 0; infinite if it did not come within the horizon."""
        self.classes_ = np.array([0, 1])
        chosen, weight = sample(np.isfinite(months))
        matrix, months = matrix[chosen], months[chosen]
        self.columns_ = standardised(self.encoding).fit(matrix)
        known, age = self.columns_.transform(matrix), self.ages(matrix)
        parts = [(months >= month, months == month, band(age + month)) for month in range(self.horizon)]
        design = np.vstack([np.hstack([known[at], one_hot(bands[at])]) for at, _, bands in parts])
        event = np.concatenate([now[at] for at, now, _ in parts])
        weights = np.concatenate([weight[at] for at, _, _ in parts])
        model = fit(LogisticRegression(max_iter=200, fit_intercept=False), design.astype(np.float32), event, weights)
        self.slopes_, self.baseline_ = model.coef_[0][: known.shape[1]], model.coef_[0][known.shape[1] :]
        return self

    def predict_proba(self, matrix: Matrix) -> Floats:
        level, age = self.columns_.transform(matrix) @ self.slopes_, self.ages(matrix)
        survived = np.ones(len(matrix))
        for month in range(self.horizon):
            odds = np.clip(level + self.baseline_[band(age + month)], -50, 50)
            survived *= 1 - 1 / (1 + np.exp(-odds))
        return np.column_stack([survived, 1 - survived])

    def predict(self, matrix: Matrix) -> NDArray[np.int64]:
        return (self.predict_proba(matrix)[:, 1] > 0.5).astype(np.int64)

    def ages(self, matrix: Matrix) -> Floats:
        columns = self.encoding.columns
        if self.age not in columns:
            return np.full(len(matrix), np.nan)
        return matrix[:, columns.index(self.age)].astype(np.float64)


def band(age: Floats) -> NDArray[np.int64]:
    return np.where(np.isnan(age), len(AGES) + 1, np.searchsorted(AGES, age, side="right")).astype(np.int64)


def one_hot(bands: NDArray[np.int64]) -> Floats:
    return np.eye(len(AGES) + 2)[bands]


def sample(event: Flags) -> tuple[NDArray[np.intp], Floats]:
    """All events and a seeded sample of the others, which count for as many as they stand for."""
    others = np.flatnonzero(~event)
    if len(others) <= MOST_ROWS:
        return np.arange(len(event)), np.ones(len(event))
    taken = np.random.default_rng(SEED).choice(others, MOST_ROWS, replace=False)
    chosen = np.sort(np.concatenate([np.flatnonzero(event), taken]))
    return chosen, np.where(event[chosen], 1.0, len(others) / MOST_ROWS)


def make_hazard(months: Floats, horizon: int, age: str) -> Callable[[Rows, Encoding, Flags], Any]:
    """A further model of a study whose rows have their event in so many months."""

    def make(rows: Rows, encoding: Encoding, train: Flags) -> Hazard:
        learned = learned_from(train)
        return Hazard(encoding, horizon, age).fit(encoding.matrix(rows.at(learned)), months[learned])

    return make
