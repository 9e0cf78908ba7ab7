"""The three models that are compared: counting signs of need, logistic regression, and monotone boosting."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from services.analysis.methods.welfare_blind_spots.features import FEATURES, Flags, Floats, Linked
from services.analysis.worker.sdk import MethodError

SEED = 20241
PRIOR_WEIGHT = 10.0
MODELS = {
    "counting": ("징후 개수", "counting signs"),
    "logistic": ("로지스틱 회귀", "logistic regression"),
    "boosting": ("단조 부스팅", "monotone boosting"),
}


@dataclass(frozen=True)
class Scores:
    """Of each row and model: the order (higher first), and the probability."""

    order: dict[str, Floats]
    probability: dict[str, Floats]


@dataclass(frozen=True)
class Fitted:
    """The boosting model with the columns that it uses, and the typical household of the training years."""

    model: Any
    used: Flags
    typical: Floats

    def log_odds(self, matrix: Floats) -> Floats:
        return np.asarray(self.model.decision_function(matrix[:, self.used]), dtype=np.float64)

    def probability(self, matrix: Floats) -> Floats:
        return np.asarray(self.model.predict_proba(matrix[:, self.used])[:, 1], dtype=np.float64)


def count_signs(linked: Linked, income_limit: float) -> Floats:
    """The baseline that a ministry would use without a model: how many signs of need a household shows."""
    raw = linked.raw
    savings = np.nan_to_num(raw["interest_income"]) + np.nan_to_num(raw["dividend_income"])
    assets = np.nan_to_num(raw["mortgage_interest"]) + np.nan_to_num(raw["property_tax"])
    signs = (
        linked.limit_income < income_limit,
        raw["earners"] == 0,
        raw["unemployment_benefit"] > 0,
        raw["children_under_6"] > 0,
        raw["children_under_18"] >= 3,
        raw["single_parent"] > 0,
        raw["disabled_members"] > 0,
        (raw["household_size"] == 1) & (raw["age_of_head"] >= 65),
        savings == 0,
        assets == 0,
    )
    return np.asarray(np.column_stack(signs).sum(axis=1), dtype=np.float64)


def share_by_count(counts: Floats, label: Floats, train: Flags) -> Floats:
    """The share that received among training households with as many signs, drawn a little to the overall share."""
    overall = float(label[train].mean())
    shares = np.full(len(counts), overall)
    for count in np.unique(counts):
        same = train & (counts == count)
        shares[counts == count] = (label[same].sum() + PRIOR_WEIGHT * overall) / (same.sum() + PRIOR_WEIGHT)
    return shares


def signed_log(amounts: Floats) -> Floats:
    return np.asarray(np.sign(amounts) * np.log1p(np.abs(amounts)))


def logistic() -> Pipeline:
    return make_pipeline(
        SimpleImputer(strategy="median"),
        FunctionTransformer(signed_log),
        StandardScaler(),
        LogisticRegression(max_iter=1000),
    )


def boosting(signs: list[int]) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        max_iter=100,
        learning_rate=0.06,
        max_leaf_nodes=15,
        min_samples_leaf=80,
        l2_regularization=1.0,
        early_stopping=False,
        monotonic_cst=signs,
        random_state=SEED,
    )


def usable(matrix: Floats, train: Flags) -> Flags:
    """Columns that say anything in training: not all unknown, and not all the same."""
    known = np.isfinite(matrix[train])
    low = np.where(known, matrix[train], np.inf).min(axis=0)
    high = np.where(known, matrix[train], -np.inf).max(axis=0)
    return np.asarray(known.any(axis=0) & (low < high))


def fit_boosting(matrix: Floats, label: Floats, train: Flags) -> Fitted:
    used = usable(matrix, train)
    if not used.any():
        raise MethodError("no-features", "Every feature is empty or the same for all households.")
    signs = [sign for sign, use in zip(FEATURES.values(), used, strict=True) if use]
    model = boosting(signs).fit(matrix[train][:, used], label[train])
    typical = np.where(used, np.nanmedian(np.where(used, matrix[train], 0.0), axis=0), np.nan)
    return Fitted(model=model, used=used, typical=typical)


def score_all(linked: Linked, fitted: Fitted, label: Floats, train: Flags, income_limit: float) -> Scores:
    """Every row scored by the three models, all trained on the training years alone."""
    matrix = linked.matrix()
    counts = count_signs(linked, income_limit)
    plain = logistic().fit(matrix[train][:, fitted.used], label[train])
    by_logistic = np.asarray(plain.predict_proba(matrix[:, fitted.used])[:, 1])
    by_boosting = fitted.probability(matrix)
    return Scores(
        order={"counting": counts, "logistic": by_logistic, "boosting": by_boosting},
        probability={"counting": share_by_count(counts, label, train), "logistic": by_logistic, "boosting": by_boosting},
    )
