"""Splits of trees in float32 without a difference: each threshold goes down to the largest float32 that is not above it.

A tree asks `x <= t` with t in float64; ONNX keeps t in float32. Rounding to the nearest may carry t over a value of x, and that
row takes the other branch. Rounded down, no float32 value of x changes sides: for such x both questions are the same.
"""

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor


def in_float32(estimator: Any) -> Any:
    """A copy of the estimator whose boosted trees split at float32 values; any other estimator as it is."""
    if not list(boosted(estimator)):
        return estimator
    made = copy.deepcopy(estimator)
    for predictor in boosted(made):
        predictor.nodes["num_threshold"] = rounded_down(predictor.nodes["num_threshold"])
    return made


def boosted(part: Any) -> Any:
    """Every tree of histogram boosting inside, however deep it stands: in pipelines, in calibration, in lists of stages."""
    if isinstance(part, TreePredictor):
        yield part
    elif isinstance(part, list | tuple):
        for each in part:
            yield from boosted(each)
    else:
        for name in ("_predictors", "steps", "calibrated_classifiers_", "estimator"):
            if hasattr(part, name):
                yield from boosted(getattr(part, name))


def rounded_down(values: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        near = values.astype(np.float32)
    below = np.nextafter(near, np.float32(-np.inf))
    return np.where(near.astype(np.float64) > values, below, near).astype(np.float64)
