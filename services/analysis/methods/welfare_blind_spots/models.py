"""The three models that are compared: counting signs of need, logistic regression, and monotone boosting."""

import numpy as np

from services.analysis.methods.toolkit.arrays import Floats
from services.analysis.methods.welfare_blind_spots.features import Linked

MODELS = {
    "counting": ("징후 개수", "counting signs"),
    "logistic": ("로지스틱 회귀", "logistic regression"),
    "boosting": ("단조 부스팅", "monotone boosting"),
}


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
