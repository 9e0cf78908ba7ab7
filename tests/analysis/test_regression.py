"""Regression on any table: baselines beside the model, counts and quantiles, alarms, refusals with a reason."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from services.analysis.methods import BUILT_IN
from services.analysis.methods.regression import CARD, run
from services.analysis.methods.toolkit.champion import score_champion
from services.analysis.methods.toolkit.export import read_manifest
from services.analysis.worker.sdk import CHAMPION_FILE, Bundle, MethodError, Outputs
from shared.contracts import ModelTask, OutputKind
from tests.analysis.fewer import one_shape
from tests.analysis.linked import check_passes, records, silent, value, withheld, write

pytestmark = pytest.mark.fit

SIZE = 1600


def meters(size: int = SIZE, seed: int = 3) -> dict[str, Any]:
    """Monthly use of electricity by floor area, heating days and trade; the bend in area is none of a straight line."""
    random = np.random.default_rng(seed)
    area, cold = random.gamma(2.0, 50.0, size), random.uniform(0, 30, size)
    trade = random.choice(["office", "bakery"], size, p=[0.7, 0.3])
    mean = 200 + 4 * np.minimum(area, 120) + 6 * cold + 150 * (trade == "bakery")
    return {
        "period": np.repeat([202401, 202402, 202403, 202404], size // 4),
        "target": mean + random.normal(scale=20, size=size),
        "area": area,
        "cold": np.where(random.random(size) < 0.05, np.nan, cold),
        "trade": trade.astype(object),
        "region": random.choice(["north", "south"], size).astype(object),
    }


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    return run(write(tmp_path_factory.mktemp("meters"), meters(), parameters={"monotone": {"area": 1}}), silent)


def refused(folder: Path, columns: dict[str, Any], **parameters: Any) -> str:
    with pytest.raises(MethodError) as refusal:
        run(write(folder, columns, parameters=parameters), silent)
    return refusal.value.code


def test_it_is_built_in_and_its_parameters_have_defaults() -> None:
    assert "services.analysis.methods.regression" in BUILT_IN
    defaults = {name: schema["default"] for name, schema in CARD.parameters["properties"].items()}
    Draft202012Validator(CARD.parameters).validate(defaults)


@pytest.mark.fit
def test_outputs_are_declared_and_pass_the_disclosure_check(outputs: Outputs) -> None:
    declared = {kind: {output.name for output in CARD.outputs if output.kind is kind} for kind in OutputKind}
    assert set(outputs.tables) == declared[OutputKind.TABLE] - {"availability", "champion"}
    assert set(outputs.figures) == declared[OutputKind.FIGURE]
    check_passes(outputs)


@pytest.mark.fit
def test_boosting_is_better_than_a_line_where_the_truth_bends(outputs: Outputs) -> None:
    assert abs(value(outputs, "r2_mean")) < 0.05
    assert value(outputs, "r2_boosting") > value(outputs, "r2_ridge") > 0.5
    assert value(outputs, "mae_boosting") < 30
    assert outputs.metrics["summary"]["split"] == {"kind": "time", "test_from": "2024-04-01", "model": "boosting"}
    assert outputs.alarms == []


@pytest.mark.fit
def test_the_list_has_the_highest_predictions_with_reasons(outputs: Outputs) -> None:
    rows = outputs.restricted_list or []
    assert len(rows) == SIZE // 4 * 0.05
    codes = {reason["code"] for row in rows for reason in row["reasons"]}
    assert {"area-high", "trade-kind"} <= codes


def round_beside(champion: bytes, folder: Path, columns: dict[str, Any], **parameters: Any) -> Outputs:
    """The next round, whose request names this model as its champion."""
    bundle = write(folder, columns, parameters=parameters)
    (folder / CHAMPION_FILE).write_bytes(champion)
    return run(bundle, silent)


@pytest.mark.fit
def test_the_next_round_stands_beside_the_released_model(outputs: Outputs, tmp_path: Path) -> None:
    champion = outputs.models["regression_model"]
    assert (read_manifest(champion).method.name, read_manifest(champion).task) == ("regression", ModelTask.REGRESSION)
    with one_shape():
        again = round_beside(champion, tmp_path, meters(seed=8), monotone={"area": 1})
    assert withheld(again) == {}
    beside = {row["model"]: row for row in records(again.tables["champion"])}
    compared = {row["model"]: row for row in records(again.tables["model_comparison"])}
    measures = ("rows", "mae", "rmse", "r2", "loss")
    assert [beside["challenger"][name] for name in measures] == [compared["boosting"][name] for name in measures]

    last = slice(SIZE // 4 * 3, None)
    scores = score_champion(Bundle(tmp_path), meters(seed=8)).scores[last]
    target = meters(seed=8)["target"][last]
    assert beside["champion"]["rows"] == len(target)
    assert beside["champion"]["mae"] == pytest.approx(mean_absolute_error(target, scores), rel=1e-4)
    assert beside["champion"]["rmse"] == pytest.approx(np.sqrt(mean_squared_error(target, scores)), rel=1e-4)
    assert beside["champion"]["r2"] == pytest.approx(r2_score(target, scores), rel=1e-4)
    assert beside["champion"]["r2"] > 0.9
    drift = {row["feature"]: row["verdict"] for row in records(again.tables["drift"])}
    assert drift["score"] == drift["area"] == "steady"


@pytest.mark.fit
def test_a_released_model_that_the_world_has_left_is_seen_to_be_worse(outputs: Outputs, tmp_path: Path, few_trees: None) -> None:
    columns = meters(seed=8)
    columns["area"] *= 3
    del columns["cold"]
    again = round_beside(outputs.models["regression_model"], tmp_path, columns, loss="quantile", quantile=0.9)
    beside = {row["model"]: row for row in records(again.tables["champion"])}
    assert beside["champion"]["loss"] > beside["challenger"]["loss"]
    assert "cold" in again.tables["champion"]["notes"]["en"]
    drift = {row["feature"]: row["verdict"] for row in records(again.tables["drift"])}
    assert drift["score"] == drift["area"] == "moved"
    assert "released model" in again.tables["drift"]["notes"]["en"]


def test_a_line_is_kept_where_the_truth_is_one(tmp_path: Path) -> None:
    columns = meters(600)
    columns["target"] = 3 * columns["area"] + np.random.default_rng(1).normal(scale=30, size=600)
    outputs = run(write(tmp_path, columns), silent)
    assert outputs.metrics["summary"]["split"]["model"] == "ridge"


@pytest.mark.fit
def test_a_quantile_lies_above_its_share_of_the_rows(tmp_path: Path) -> None:
    bundle = write(tmp_path, meters(), parameters={"loss": "quantile", "quantile": 0.9})
    with one_shape():
        outputs = run(bundle, silent)
    rows = records(outputs.tables["calibration"])
    assert np.mean([row["mean_score"] > row["observed"] for row in rows]) > 0.7
    losses = {row["model"]: row["loss"] for row in records(outputs.tables["model_comparison"])}
    assert losses["boosting"] < losses["mean"]


def test_counts_are_predicted_by_poisson_and_never_negative(tmp_path: Path, few_trees: None) -> None:
    columns = meters()
    columns["target"] = np.random.default_rng(5).poisson(np.exp(0.02 * np.nan_to_num(columns["cold"])))
    outputs = run(write(tmp_path, columns, parameters={"loss": "poisson"}), silent)
    assert all(row["score"] > 0 for row in outputs.restricted_list or [])
    columns["target"] = columns["target"] - 1
    assert refused(tmp_path / "negative", columns, loss="poisson") == "label-negative"


def test_the_target_in_other_units_raises_an_alarm(tmp_path: Path, few_trees: None) -> None:
    columns = meters()
    columns["use_in_joule"] = columns["target"] * 3.6
    outputs = run(write(tmp_path, columns), silent)
    assert [(alarm["code"], alarm["feature"]) for alarm in outputs.alarms] == [("feature-leaks-label", "use_in_joule")]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"target": np.full(SIZE, 7.0)}, "one-class"),
        ({"target": np.full(SIZE, np.nan)}, "no-label"),
        ({"target": np.array(["a lot"] * SIZE, dtype=object)}, "wrong-type"),
    ],
)
def test_what_cannot_be_learned_is_refused(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    assert refused(tmp_path, meters() | change) == code


def test_twelve_rows_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, {name: values[::140] for name, values in meters().items()}) == "too-few-rows"
