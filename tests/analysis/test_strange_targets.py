"""Targets that nothing can be learned of, features that are the target, and models and lists as they have to be."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.cluster import KMeans

from services.analysis.methods import clustering, forecasting, regression
from services.analysis.methods.regression.run import likeness
from services.analysis.methods.risk_scoring.parameters import Parameters
from services.analysis.methods.risk_scoring.run import read, study_of
from services.analysis.methods.toolkit.export import unpack
from services.analysis.methods.toolkit.export.kept import steady
from services.analysis.methods.toolkit.leakage import alone
from services.analysis.methods.toolkit.quantities import Aim
from services.analysis.methods.toolkit.rows import once
from services.analysis.worker.sdk import MethodError
from tests.analysis.linked import silent, write
from tests.analysis.months import by_months

pytestmark = pytest.mark.fit


def test_a_model_that_no_onnx_holds_is_the_same_file_each_time(tmp_path: Path) -> None:
    apart = 12.0 * (np.arange(90) % 3 == np.arange(2)[:, None])
    columns = {name: np.random.default_rng(at).normal(size=90) + apart[at] for at, name in enumerate("ab")}
    files = [clustering.run(write(tmp_path, dict(columns)), silent).models["clusters_model"] for _ in range(2)]
    assert files[0] == files[1]
    matrix = np.random.default_rng(0).normal(size=(90, 2)).astype(np.float32)
    kept = skops.io.dumps(KMeans(3, n_init=1, random_state=0).fit(matrix))
    assert all(len(name) < 12 for name in steady(kept))
    assert unpack(files[0]).predict(matrix).shape == (90,)


@pytest.mark.parametrize(
    ("loss", "label", "code"),
    [
        ("squared_error", [1e200, 1.0], "label-too-large"),
        ("squared_error", [1e-200, 2e-200], "label-too-small"),
        ("poisson", [0.0] * 200 + [1.0, 2.0], "too-few-cases"),
        ("poisson", [-1.0, 2.0], "label-negative"),
    ],
)
def test_targets_that_nothing_can_be_learned_of(loss: str, label: list[float], code: str) -> None:
    with pytest.raises(MethodError) as refusal:
        Aim(loss).check(np.array(label))
    assert refusal.value.code == code


def test_a_count_that_is_nearly_everywhere_nothing_is_refused(tmp_path: Path) -> None:
    columns = {"target": (np.arange(200) % 90 == 3) * 1.0, "x": np.random.default_rng(0).normal(size=200)}
    with pytest.raises(MethodError) as refusal:
        regression.run(write(tmp_path, columns, parameters={"loss": "poisson"}), silent)
    assert refusal.value.code == "too-few-cases"


def test_a_feature_that_is_the_target_by_another_measure_is_found() -> None:
    target = np.exp(np.random.default_rng(0).normal(size=500))
    others: tuple[Any, ...] = (np.log(target), target**3, -target, np.argsort(np.argsort(target)) * 1.0, np.round(target, 2))
    for other in others:
        assert likeness(other, target) > 0.9999
    assert likeness(target * np.random.default_rng(1).normal(1, 0.05, 500), target) < 0.9999


def test_of_rows_of_one_subject_the_first_is_listed() -> None:
    assert once(np.array([7, 3, 7, 5]), np.array([2, 1, 0, 3])).tolist() == [2, 1, 3]


def test_a_forecast_beyond_the_calendar_is_refused(tmp_path: Path) -> None:
    columns = by_months(12, ["a"], months=30)
    columns["period"] = np.array([f"9999-12-{int(at) // 12 + 1:02d}" for at in columns["value"]], dtype=object)
    with pytest.raises(MethodError) as refusal:
        forecasting.run(write(tmp_path, columns, "series", parameters={"frequency": "day", "horizon": 60}), silent)
    assert refusal.value.code == "period-unreadable"


def test_of_few_cases_a_gap_that_tells_them_is_found_too() -> None:
    label = (np.arange(600) % 50 == 0) * 1.0
    assert alone(np.where(label == 1, np.nan, 7.0), label) == 1.0
    assert alone(np.where(np.arange(600) % 7 == 0, np.nan, 7.0), label) < 0.7


@pytest.mark.fit
def test_the_base_rate_orders_nothing_although_it_differs_from_fold_to_fold(tmp_path: Path, few_trees: None) -> None:
    columns = {"outcome": np.arange(151) % 5 == 0, "x": np.random.default_rng(0).normal(size=151)}
    study = study_of(read(write(tmp_path, columns), Parameters.of({})), Parameters.of({}))
    assert study.quality("prior").roc_auc == 0.5
    assert study.quality("prior").pr_auc == pytest.approx(study.label.mean())
    assert len(np.unique(study.probability("prior"))) > 1
