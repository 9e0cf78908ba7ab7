"""A model file answers as the estimator does, or it is no ONNX file: each silent error of the conversion is caught here."""

import os
import pickle
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import skops.io
from skl2onnx.common.data_types import DoubleTensorType
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
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, RobustScaler, StandardScaler
from sklearn.svm import SVC

from services.analysis.methods.toolkit.export import RefusedError, open_session, read_manifest, unpack
from services.analysis.methods.toolkit.export.allowed import check_allowed
from services.analysis.methods.toolkit.export.conversion import INPUT, TARGET_OPSET, convert
from services.analysis.methods.toolkit.export.parity import LARGEST_DIFFERENCE, challenge, compare
from services.analysis.methods.toolkit.export.scoring import task_of
from services.analysis.methods.toolkit.export.thresholds import in_float32
from services.analysis.worker.folders import own_folder, run_folders
from services.analysis.worker.jobs import Job, Sandbox, Task
from services.analysis.worker.launcher import Launcher
from shared.contracts import ModelFormat, ModelTask
from tests.analysis import models

ROOT = Path(__file__).parents[2]
NUMBERS, CODES = [0, 1, 2, 3, 4], [5]


def mixed(*numbers: Any, codes: Any = None) -> ColumnTransformer:
    """Numbers filled in (and more), codes filled in and spread over columns."""
    spread = codes or OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    filled = make_pipeline(SimpleImputer(strategy="median"), *numbers)
    return ColumnTransformer(
        [("numbers", filled, NUMBERS), ("codes", make_pipeline(SimpleImputer(strategy="most_frequent"), spread), CODES)]
    )


def boosting(**settings: Any) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=20, random_state=0, **settings)


def amounts(**settings: Any) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(max_iter=20, random_state=0, **settings)


def gate(estimator: Any, **how: Any) -> None:
    """The gate by itself, as if every estimator were allowed."""
    compare(estimator, task_of(estimator), convert(estimator, 6, **how), models.table()[0], models.FEATURES)


# What the list allows passes the gate


ORDINAL = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
ALLOWED: dict[str, tuple[Any, bool]] = {
    "logistic": (make_pipeline(mixed(StandardScaler()), LogisticRegression()), False),
    "ridge": (make_pipeline(mixed(StandardScaler()), Ridge()), True),
    "boosting": (boosting(), False),
    "monotone": (boosting(monotonic_cst=[-1, 0, 1, 0, 0, 0]), False),
    "ordinal": (make_pipeline(mixed(codes=ORDINAL), boosting()), False),
    "squared error": (amounts(), True),
    "quantile": (amounts(loss="quantile", quantile=0.9), True),
    "forest": (make_pipeline(mixed(), RandomForestClassifier(8, random_state=0)), False),
    "forest of amounts": (make_pipeline(mixed(), RandomForestRegressor(8, random_state=0)), True),
    "extra trees": (make_pipeline(mixed(), ExtraTreesClassifier(8, random_state=0)), False),
    "extra trees of amounts": (make_pipeline(mixed(), ExtraTreesRegressor(8, random_state=0)), True),
    "gradient boosting": (make_pipeline(mixed(), GradientBoostingClassifier(n_estimators=20, random_state=0)), False),
    "gradient boosting of amounts": (make_pipeline(mixed(), GradientBoostingRegressor(n_estimators=20, random_state=0)), True),
    "sigmoid": (CalibratedClassifierCV(boosting(), method="sigmoid", cv=3), False),
    "isolation forest": (
        make_pipeline(SimpleImputer(strategy="median"), IsolationForest(n_estimators=20, random_state=0)),
        False,
    ),
    "k-means": (make_pipeline(mixed(StandardScaler()), KMeans(4, n_init=2, random_state=0)), False),
    "mini-batch k-means": (make_pipeline(mixed(StandardScaler()), MiniBatchKMeans(4, n_init=2, random_state=0)), False),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_allowed_answers_as_its_estimator_does(name: str) -> None:
    estimator, of_amounts = ALLOWED[name]

    manifest = read_manifest(models.exported(models.fitted(estimator, amounts=of_amounts)))

    assert manifest.format is ModelFormat.ONNX, manifest.refused
    assert manifest.refused is None
    parity = manifest.parity
    assert parity is not None
    assert parity.rows >= 10_000
    assert parity.rows_with_missing > 1000 < 10 * parity.rows_with_unknown
    assert parity.largest_difference <= LARGEST_DIFFERENCE
    assert parity.labels_differing == 0


# Each silent error: the list refuses it, the gate alone refuses it too, and what is kept is a skops file


SCALED = StandardScaler()
SILENT: dict[str, tuple[Any, bool, str]] = {
    "categorical splits": (boosting(categorical_features=CODES), False, "categorical-splits"),
    "poisson": (amounts(loss="poisson"), True, "loss-not-listed"),
    "gamma": (amounts(loss="gamma"), True, "loss-not-listed"),
    "isotonic": (CalibratedClassifierCV(boosting(), method="isotonic", cv=3), False, "calibration-not-listed"),
    "scaler before boosting": (make_pipeline(SCALED, boosting()), False, "scaler-before-trees"),
    "scaler before boosted amounts": (make_pipeline(SCALED, amounts()), True, "scaler-before-trees"),
    "scaler before a forest": (
        make_pipeline(mixed(SCALED), RandomForestClassifier(40, random_state=0)),
        False,
        "scaler-before-trees",
    ),
    "scaler before sigmoid": (make_pipeline(SCALED, CalibratedClassifierCV(boosting(), cv=3)), False, "scaler-before-trees"),
    "missing indicator": (make_pipeline(SimpleImputer(add_indicator=True), LogisticRegression()), False, "missing-indicator"),
}


@pytest.mark.parametrize("name", SILENT)
def test_a_silent_error_is_refused_and_kept_as_skops(name: str) -> None:
    estimator, of_amounts, code = SILENT[name]
    estimator = models.fitted(estimator, amounts=of_amounts)

    kept = models.exported(estimator)

    manifest = read_manifest(kept)
    assert (manifest.format, manifest.parity) == (ModelFormat.SKOPS, None)
    assert manifest.refused is not None
    assert manifest.refused.code == code
    matrix = models.table()[0]
    np.testing.assert_array_equal(unpack(kept).predict(matrix), estimator.predict(matrix))


@pytest.mark.parametrize("name", SILENT)
def test_the_gate_alone_refuses_a_silent_error(name: str) -> None:
    estimator, of_amounts, _ = SILENT[name]
    with pytest.raises(RefusedError) as refused:
        gate(models.fitted(estimator, amounts=of_amounts))
    assert refused.value.code in ("answers-differ", "conversion-failed")


def test_a_forest_that_takes_missing_values_by_itself_is_refused_by_the_gate() -> None:
    """Nothing on the list forbids it: only comparing rows with missing values finds that they go the other way."""
    kept = models.exported(models.fitted(RandomForestRegressor(8, random_state=0), amounts=True))
    manifest = read_manifest(kept)
    assert manifest.refused is not None
    assert (manifest.format, manifest.refused.code) == (ModelFormat.SKOPS, "answers-differ")


def test_an_estimator_that_takes_no_missing_value_is_no_onnx_file() -> None:
    matrix, _, label = models.table()
    whole = ~np.isnan(matrix).any(axis=1)
    model = LogisticRegression().fit(matrix[whole][:, 1:3], label[whole])

    kept = models.export(model, ["age", "arrears"], matrix[whole][:, 1:3], method=models.METHOD, training=models.TRAINING)

    refused = read_manifest(kept).refused
    assert refused is not None
    assert refused.code == "not-comparable"


def test_an_estimator_that_does_not_answer_its_own_sample_is_not_kept() -> None:
    matrix, _, label = models.table()
    model = LogisticRegression(max_iter=200).fit(np.nan_to_num(matrix[:, 1:]), label)
    with pytest.raises(RefusedError) as refused:
        models.export(model, list("abcde"), matrix[:, 1:], method=models.METHOD, training=models.TRAINING)
    assert refused.value.code == "sample-refused"


# The settings of the conversion, each of which is an error without them


def test_double_inputs_give_no_session() -> None:
    estimator = models.fitted(make_pipeline(mixed(), RandomForestClassifier(5, random_state=0)))
    with pytest.raises(RefusedError) as refused:
        gate(estimator, kind=DoubleTensorType)
    assert refused.value.code == "session-failed"


def test_an_isolation_forest_needs_its_opset() -> None:
    estimator = models.fitted(make_pipeline(SimpleImputer(strategy="median"), IsolationForest(n_estimators=5, random_state=0)))
    with pytest.raises(RefusedError) as refused:
        convert(estimator, 6, opset=None)
    assert refused.value.code == "conversion-failed"
    assert convert(estimator, 6)


def test_protobuf_is_one_that_boosting_converts_with() -> None:
    """From protobuf 7.34 on the converter's booleans are no integers, and boosting does not convert."""
    assert int(version("protobuf").partition(".")[0]) < 7
    pinned = [line for file in (ROOT / "requirements").glob("*.txt") for line in file.read_text(encoding="utf-8").splitlines()]
    assert {line.split("==")[1].split(".")[0] for line in pinned if line.startswith("protobuf==")} <= {"5", "6"}
    assert convert(models.fitted(boosting()), 6)


def test_the_file_has_plain_outputs_and_the_stated_opsets() -> None:
    model = onnx.load_model_from_string(models.onnx_file())
    used = {each.domain: each.version for each in model.opset_import}
    assert set(used) == set(TARGET_OPSET)
    assert all(used[domain] <= most for domain, most in TARGET_OPSET.items())
    session = open_session(models.onnx_file())
    assert [(each.name, each.type, each.shape[1:]) for each in session.get_inputs()] == [(INPUT, "tensor(float)", [6])]
    label, probabilities = session.run(None, {INPUT: models.table()[0]})
    assert label.dtype == np.int64
    assert (probabilities.dtype, probabilities.shape[1]) == (np.float32, 2)


@pytest.mark.parametrize(
    ("estimator", "code"),
    [
        (SVC(), "estimator-not-listed"),
        (make_pipeline(SimpleImputer(), RobustScaler(), LogisticRegression()), "step-not-listed"),
        (make_pipeline(SimpleImputer(), FunctionTransformer(), LogisticRegression()), "step-not-listed"),
        (CalibratedClassifierCV(make_pipeline(SimpleImputer(), LogisticRegression()), cv=2), "estimator-not-listed"),
        (CalibratedClassifierCV(boosting(categorical_features=CODES), cv=2), "categorical-splits"),
        (CalibratedClassifierCV(boosting(), cv=2, method="temperature"), "calibration-not-listed"),
    ],
)
def test_what_is_not_listed_is_refused(estimator: Any, code: str) -> None:
    matrix, _, label = models.table()
    model = estimator.fit(np.nan_to_num(matrix), label)
    with pytest.raises(RefusedError) as refused:
        check_allowed(model)
    assert refused.value.code == code


# The rows that are compared, and what the file says of itself


def test_the_challenge_holds_what_training_does_not() -> None:
    sample = models.table()[0]
    rows = challenge(sample, models.FEATURES)
    assert rows.shape == (12_000, 6)
    assert (np.isnan(rows).sum(axis=0) > 500).all()
    assert (rows[:, 5] == -1).sum() > 500
    assert np.nanmax(rows[:, 0]) > np.nanmax(sample[:, 0])
    whole = ~np.isnan(rows).any(axis=1)
    assert 1000 < whole.sum() < 11_000
    np.testing.assert_array_equal(rows, challenge(sample, models.FEATURES))


@pytest.mark.parametrize("make", [models.onnx_file, models.skops_file])
def test_the_manifest_is_inside_the_file(make: Any) -> None:
    manifest = read_manifest(make())
    assert manifest.features == models.FEATURES
    assert (manifest.method, manifest.training, manifest.lineage) == (models.METHOD, models.TRAINING, models.LINEAGE)
    assert (manifest.task, manifest.classes) == (ModelTask.CLASSIFICATION, (0, 1))
    assert (manifest.metrics, manifest.estimator) == (models.METRICS, "HistGradientBoostingClassifier")
    assert [each.shape for each in manifest.inputs] == [(-1, 6)]
    assert (manifest.score.output, manifest.score.column) == ("probabilities", 1)


def test_the_reference_is_of_every_feature_and_the_score() -> None:
    reference = read_manifest(models.onnx_file()).reference
    assert set(reference.features) == {feature.name for feature in models.FEATURES}
    for histogram in (*reference.features.values(), reference.score):
        assert histogram is not None
        assert sum(histogram.shares) == pytest.approx(1)
    matrix = models.table()[0]
    income, district = reference.features["household__income"], reference.features["household__district"]
    assert income.missing == pytest.approx(np.isnan(matrix[:, 0]).mean())
    assert max(income.shares) < 0.15
    assert district.edges == (-0.5, 0.5, 1.5, 2.5, 3.5)
    assert district.shares[0] == 0
    known = matrix[:, 5][~np.isnan(matrix[:, 5])]
    assert district.shares[3] == pytest.approx((known == 2).mean())


def test_the_same_training_gives_the_same_onnx_bytes() -> None:
    models.onnx_file.cache_clear()
    first = models.onnx_file()
    models.onnx_file.cache_clear()
    assert models.onnx_file() == first


def twice(matrix: Any) -> Any:
    return matrix * 2


def test_a_function_of_ones_own_is_not_kept_at_all() -> None:
    with pytest.raises(RefusedError) as refused:
        models.exported(models.fitted(make_pipeline(FunctionTransformer(twice), boosting())))
    assert refused.value.code == "untrusted-type"


@pytest.mark.parametrize(
    ("stranger", "code"),
    [
        (lambda: skops.io.dumps(FunctionTransformer(os.system)), "untrusted-type"),
        (lambda: skops.io.dumps(FunctionTransformer(twice)), "untrusted-type"),
        (lambda: pickle.dumps([1]), "skops-damaged"),
        (lambda: models.skops_file()[:-30], "skops-damaged"),
    ],
)
def test_a_strangers_skops_file_is_not_opened(stranger: Any, code: str) -> None:
    with pytest.raises(RefusedError) as refused:
        unpack(stranger())
    assert refused.value.code == code


def test_rows_of_another_width_are_no_sample() -> None:
    with pytest.raises(RefusedError) as refused:
        models.export(models.fitted(boosting()), ["age"], models.table()[0], method=models.METHOD, training=models.TRAINING)
    assert refused.value.code == "sample-shape"


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", b"\x80\x04\x95", b"\xff" * 50])
def test_what_is_no_model_file_has_no_manifest(damage: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        read_manifest(damage)
    assert refused.value.code in ("malformed", "manifest-missing")


TRAINER = '''
"""Trains and exports, as a method does."""

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from services.analysis.methods.toolkit.export import export
from services.analysis.worker.sdk import Outputs
from shared.contracts import TrainedBy, TrainingPeriod

CARD = None


def run(bundle, report):
    matrix = np.random.normal(size=(500, 3)).astype(np.float32)
    model = HistGradientBoostingClassifier(max_iter=10).fit(matrix, matrix[:, 0] > 0)
    by, training = TrainedBy(name="trainer", version="1.0.0"), TrainingPeriod(rows=500)
    return Outputs(models={"scorer": export(model, ["a", "b", "c"], matrix, method=by, training=training)})
'''


@pytest.mark.fit
async def test_a_method_exports_inside_its_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "blind_trainer.py").write_text(TRAINER)
    monkeypatch.syspath_prepend(str(tmp_path))
    readable = (str(tmp_path / "blind_trainer.py"), str(ROOT / "services" / "analysis" / "methods"))
    launcher = Launcher()
    try:
        with own_folder(tmp_path / "scratch") as mine, run_folders(mine) as folders:
            work, bundle = str(folders.work), str(folders.bundle)
            job = Job(Task.RUN, "blind_trainer", work, bundle, readable, sandbox=Sandbox.PREFER, log=str(tmp_path / "log"))
            report = await launcher.run(job, lambda progress, message: None)
            made = [path.read_bytes() for path in Path(work).rglob("*.model")]
            assert (report.exit, report.why, len(made)) == (0, None, 1), (tmp_path / "log").read_text()
    finally:
        await launcher.stop()
    manifest = read_manifest(made[0])
    assert manifest.format is ModelFormat.ONNX, manifest.refused
    assert manifest.classes == (0, 1)


def test_boosting_answers_the_same_exactly_where_it_splits() -> None:
    """A threshold that float32 rounds up would carry the row that stands on it to the other side."""
    random = np.random.default_rng(3)
    matrix = random.normal(size=(3000, 2)).astype(np.float32)
    label = (matrix[:, 0] + random.normal(size=3000) > 0).astype(int)
    estimator = HistGradientBoostingClassifier(max_iter=30, random_state=0).fit(matrix, label)
    splits = [tree.nodes for stage in estimator._predictors for tree in stage]
    at = np.concatenate([nodes["num_threshold"][(nodes["is_leaf"] == 0) & (nodes["feature_idx"] == 0)] for nodes in splits])
    rows = np.column_stack([at.astype(np.float32), np.zeros(len(at), np.float32)])

    def apart(model: bytes) -> float:
        session = open_session(model)
        found = session.run(None, {session.get_inputs()[0].name: rows})[-1][:, 1]
        return float(np.abs(found - estimator.predict_proba(rows)[:, 1]).max())

    assert apart(convert(estimator, 2)) > 1e-3, "as the converter writes them"
    assert apart(convert(in_float32(estimator), 2)) < 1e-6
