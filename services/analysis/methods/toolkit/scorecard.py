"""A scorecard: each feature in a few bins, each bin worth points that anybody can add up by hand."""

import warnings
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from services.analysis.methods.toolkit.arrays import Flags, Floats, Matrix
from services.analysis.methods.toolkit.disclosure import wide
from services.analysis.methods.toolkit.encoding import Encoding
from services.analysis.methods.toolkit.layout import (
    LABELS,
    Cell,
    Table,
    count,
    dimension,
    measured,
    rate_with_interval,
    shares,
    table,
    text,
)
from services.analysis.methods.toolkit.models import sample
from services.analysis.methods.toolkit.rows import Rows, Words

BINS = 8
POINTS_PER_DOUBLING = 20.0
TITLE: Words = ("점수표", "Scorecard")


@dataclass(frozen=True)
class Binned:
    """One feature: bins between edges (the outer ones open), then one for gaps; the weight of evidence of each."""

    edges: Floats
    weights: Floats
    rows: tuple[int, ...]
    cases: tuple[int, ...]

    def place(self, values: Matrix) -> NDArray[np.int64]:
        found = np.searchsorted(self.edges, values, side="right")
        return np.where(np.isfinite(values), found, len(self.edges) + 1).astype(np.int64)


def bin_feature(values: Matrix, label: Floats) -> Binned:
    """Quantile bins, joined until each stands on enough cases and others; gaps on too few say nothing."""
    known = np.isfinite(values)
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, BINS + 1)[1:-1])) if known.any() else np.empty(0)
    edges = edges.astype(np.float64)
    while True:
        place = np.where(known, np.searchsorted(edges, values, side="right"), len(edges) + 1)
        rows = np.bincount(place, minlength=len(edges) + 2)
        cases = np.bincount(place, weights=label, minlength=len(edges) + 2).astype(np.int64)
        thin = [at for at in range(len(edges) + 1) if not wide(int(cases[at]), int(rows[at]))]
        if not thin or not len(edges):
            break
        edges = np.delete(edges, min(thin[0], len(edges) - 1))
    return Binned(edges, evidence(rows, cases, float(label.mean())), tuple(map(int, rows)), tuple(map(int, cases)))


def evidence(rows: NDArray[np.int64], cases: NDArray[np.int64], base: float) -> Floats:
    """Log of the odds in each bin over those of all, drawn a little to them; nothing where too few stand."""
    share = (cases + 10 * base) / (rows + 10)
    weights = np.log(share / (1 - share)) - np.log(base / (1 - base))
    enough = [wide(int(hits), int(of)) for hits, of in zip(cases, rows, strict=True)]
    return np.where(enough, weights, 0.0)


class Scorecard(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression on weights of evidence. A feature that would count against its own evidence is left out."""

    def fit(self, matrix: Matrix, label: NDArray[Any]) -> Self:
        self.classes_ = np.array([0, 1])
        self.bins_ = [bin_feature(column, label.astype(np.float64)) for column in matrix.T]
        weights = self._weights(matrix)
        kept = np.flatnonzero(np.ptp(weights, axis=0) > 0)
        self.slopes_ = np.zeros(matrix.shape[1])
        self.intercept_ = float(np.log(label.mean() / (1 - label.mean())))
        while len(kept):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model = LogisticRegression(max_iter=300).fit(weights[:, kept], label)
            slopes = model.coef_[0]
            if (slopes >= 0).all():
                self.slopes_[kept], self.intercept_ = slopes, float(model.intercept_[0])
                break
            kept = kept[slopes >= 0]
        return self

    def predict_proba(self, matrix: Matrix) -> Floats:
        odds = self._weights(matrix) @ self.slopes_ + self.intercept_
        score = 1 / (1 + np.exp(-odds))
        return np.column_stack([1 - score, score])

    def predict(self, matrix: Matrix) -> NDArray[np.int64]:
        return (self.predict_proba(matrix)[:, 1] > 0.5).astype(np.int64)

    def _weights(self, matrix: Matrix) -> Floats:
        return np.column_stack([each.weights[each.place(column)] for each, column in zip(self.bins_, matrix.T, strict=True)])


def make_scorecard(rows: Rows, encoding: Encoding, train: Flags) -> Scorecard:
    part = rows.at(sample(train))
    return Scorecard().fit(encoding.matrix(part), part.label)


def points_table(card: Scorecard, encoding: Encoding, rows: Rows) -> Table | None:
    """The points of each bin: twenty more double the odds."""
    factor = POINTS_PER_DOUBLING / np.log(2)
    made: list[list[Cell]] = []
    for name, found, slope in zip(encoding.columns, card.bins_, card.slopes_, strict=True):
        for at in told_bins(found) if slope > 0 else ():
            told = [*bin_words(encoding, name, found, at), round(float(factor * slope * found.weights[at]), 1)]
            sizes: list[Cell] = [found.rows[at], found.cases[at], *shares(found.cases[at], found.rows[at])]
            made.append([name, *rows.title(name), *told, *sizes])
    columns = [
        dimension("feature", "항목", "Feature"),
        *LABELS,
        dimension("bin", "구간", "Bin"),
        measured("points", "점수", "Points", of="rows"),
        count("rows", "학습 행 수", "Rows learned from"),
        count("cases", "해당 건", "Cases"),
        *rate_with_interval("rate", "해당 비율", "Share of cases", numerator="cases", of="rows"),
    ]
    notes = text(
        f"항목별 점수를 더합니다. {POINTS_PER_DOUBLING:.0f}점이 높아지면 승산이 두 배가 됩니다. 10건 미만 구간은 합쳤습니다.",
        f"Points of all features add up; {POINTS_PER_DOUBLING:.0f} more double the odds. Bins on fewer than 10 are joined.",
    )
    return table("scorecard", TITLE, columns, made, notes) if made else None


def told_bins(found: Binned) -> list[int]:
    """Those wide enough. What is left out must be wide enough together, or the sum of all rows would tell it."""
    bins = range(len(found.rows))
    told = [at for at in bins if wide(found.cases[at], found.rows[at])]
    while told:
        rest = [at for at in bins if at not in told and found.rows[at]]
        if not rest or wide(sum(found.cases[at] for at in rest), sum(found.rows[at] for at in rest)):
            break
        told.remove(min(told, key=lambda at: found.rows[at]))
    return told


def bin_words(encoding: Encoding, name: str, found: Binned, at: int) -> list[Cell]:
    if at > len(found.edges):
        return ["missing"]
    if name in encoding.codes:
        return [f"kinds {at + 1}"]
    low = f"{found.edges[at - 1]:.4g}" if at else ""
    high = f"{found.edges[at]:.4g}" if at < len(found.edges) else ""
    return [f"{low} to {high}" if low and high else f"below {high}" if high else f"from {low}" if low else "any"]
