"""Which fitted estimators convert to ONNX without a silent error; each rule stands for an error that was measured."""

from collections.abc import Iterator
from typing import Any, Final

from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from services.analysis.methods.toolkit.export.refusal import RefusedError
from shared.contracts import ModelTask

# What is continuous in its inputs, so that a scaler's rounding in float32 stays a rounding.
SMOOTH: Final = frozenset({LogisticRegression, Ridge, KMeans, MiniBatchKMeans})
BOOSTING: Final = frozenset({HistGradientBoostingClassifier, HistGradientBoostingRegressor})
TASKS: Final[dict[type, ModelTask]] = {
    LogisticRegression: ModelTask.CLASSIFICATION,
    Ridge: ModelTask.REGRESSION,
    HistGradientBoostingClassifier: ModelTask.CLASSIFICATION,
    HistGradientBoostingRegressor: ModelTask.REGRESSION,
    RandomForestClassifier: ModelTask.CLASSIFICATION,
    RandomForestRegressor: ModelTask.REGRESSION,
    ExtraTreesClassifier: ModelTask.CLASSIFICATION,
    ExtraTreesRegressor: ModelTask.REGRESSION,
    GradientBoostingClassifier: ModelTask.CLASSIFICATION,
    GradientBoostingRegressor: ModelTask.REGRESSION,
    CalibratedClassifierCV: ModelTask.CLASSIFICATION,
    IsolationForest: ModelTask.ANOMALY,
    KMeans: ModelTask.CLUSTERING,
    MiniBatchKMeans: ModelTask.CLUSTERING,
}
STEPS: Final = frozenset({SimpleImputer, OneHotEncoder, OrdinalEncoder, StandardScaler})
LOSSES: Final = frozenset({"log_loss", "squared_error", "quantile"})


def check_allowed(estimator: Any) -> None:
    """RefusedError if any part of the fitted estimator is not on the list."""
    final = last_step(estimator)
    check_final(final)
    smooth = type(final) in SMOOTH
    for step in steps_before(estimator):
        check_step(step, smooth=smooth)


def check_final(final: Any) -> None:
    if type(final) not in TASKS:
        raise RefusedError("estimator-not-listed", f"{type(final).__name__} is not on the list of what converts exactly.")
    if type(final) in BOOSTING:
        check_boosting(final)
    if isinstance(final, CalibratedClassifierCV):
        check_calibration(final)


def check_boosting(model: Any) -> None:
    marked = getattr(model, "is_categorical_", None)
    if marked is not None and marked.any():
        detail = "categorical_features convert to other splits: give the codes as plain numbers."
        raise RefusedError("categorical-splits", detail)
    if model.loss not in LOSSES:
        raise RefusedError(
            "loss-not-listed", f"The conversion leaves out what the loss {model.loss} does to the sum of the trees."
        )


def check_calibration(model: CalibratedClassifierCV) -> None:
    if model.method != "sigmoid":
        detail = f"{model.method} calibration is converted to the nearest step, or not at all: calibrate by sigmoid."
        raise RefusedError("calibration-not-listed", detail)
    for each in model.calibrated_classifiers_:
        check_final(each.estimator)


def check_step(step: Any, *, smooth: bool) -> None:
    if type(step) not in STEPS:
        raise RefusedError("step-not-listed", f"{type(step).__name__} is not on the list of what converts exactly.")
    if isinstance(step, SimpleImputer) and step.add_indicator:
        raise RefusedError("missing-indicator", "SimpleImputer with add_indicator does not convert.")
    if isinstance(step, StandardScaler) and not smooth:
        raise RefusedError(
            "scaler-before-trees", "Scaled values in float32 fall on the other side of splits: no scaler before trees."
        )


def last_step(estimator: Any) -> Any:
    return last_step(estimator.steps[-1][1]) if isinstance(estimator, Pipeline) else estimator


def steps_before(estimator: Any) -> Iterator[Any]:
    """Every fitted transformer in front of the final step, out of pipelines and column transformers."""
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps[:-1]:
            yield from parts(step)
        yield from steps_before(estimator.steps[-1][1])


def parts(step: Any) -> Iterator[Any]:
    if isinstance(step, Pipeline):
        for _, inner in step.steps:
            yield from parts(inner)
    elif isinstance(step, ColumnTransformer):
        for _, inner, columns in step.transformers_:
            if not isinstance(inner, str) and len(columns):
                yield from parts(inner)
    elif not isinstance(step, str) and step is not None:
        yield step
