"""Risk scoring on any table: honest splits, baselines beside the model, alarms that hold, refusals with a reason."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from services.analysis.methods import BUILT_IN, risk_scoring
from services.analysis.methods.risk_scoring import CARD, run
from services.analysis.methods.risk_scoring.parameters import Parameters
from services.analysis.methods.risk_scoring.run import read, study_of
from services.analysis.methods.toolkit.export import read_manifest
from services.analysis.methods.toolkit.splitting import split_rows
from services.analysis.methods.toolkit.study import Study
from services.analysis.worker.sdk import Bundle, MethodError, Outputs
from shared.contracts import OutputKind
from tests.analysis.linked import check_passes, records, run_and_keep, silent, value, withheld, write

pytestmark = pytest.mark.fit

SIZE = 1600
ONE_WAY = {"monotone": {"income": -1}}


def subjects(size: int = SIZE, seed: int = 7) -> dict[str, Any]:
    """A year, numbers with gaps, a flag and categories; the outcome follows debt, income and trade."""
    random = np.random.default_rng(seed)
    debt, income = random.exponential(1.0, size), random.normal(size=size)
    trade = random.choice(["food", "repair", "retail"], size)
    late = random.random(size) < 0.2
    odds = -2.6 + 0.9 * debt - 0.8 * income + 1.0 * (trade == "repair") + 0.8 * late
    return {
        "period": np.repeat([2021, 2022, 2023, 2024], size // 4),
        "outcome": random.random(size) < 1 / (1 + np.exp(-odds)),
        "debt": np.where(random.random(size) < 0.1, np.nan, debt),
        "income": income,
        "trade": trade.astype(object),
        "late": late,
        "region": random.choice(["north", "south", "islands"], size, p=[0.55, 0.43, 0.02]).astype(object),
    }


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    titles = {"debt": {"ko": "연체 금액", "en": "Debt in arrears"}}
    parameters = {"monotone": {"debt": 1, "income": -1}, "titles": titles}
    return write(tmp_path_factory.mktemp("risk"), subjects(), parameters=parameters)


@pytest.fixture(scope="module")
def studied(bundle: Bundle) -> tuple[Outputs, Study]:
    return run_and_keep(risk_scoring, "study_of", bundle)


@pytest.fixture(scope="module")
def outputs(studied: tuple[Outputs, Study]) -> Outputs:
    return studied[0]


def refused(folder: Path, columns: dict[str, Any], **parameters: Any) -> str:
    with pytest.raises(MethodError) as refusal:
        run(write(folder, columns, parameters=parameters), silent)
    assert refusal.value.detail.endswith(".")
    return refusal.value.code


def test_it_is_built_in_and_its_parameters_have_defaults() -> None:
    assert "services.analysis.methods.risk_scoring" in BUILT_IN
    Draft202012Validator.check_schema(CARD.parameters)
    defaults = {name: schema["default"] for name, schema in CARD.parameters["properties"].items()}
    Draft202012Validator(CARD.parameters).validate(defaults)


@pytest.mark.fit
def test_outputs_are_declared_and_pass_the_disclosure_check(outputs: Outputs) -> None:
    declared = {kind: {output.name for output in CARD.outputs if output.kind is kind} for kind in OutputKind}
    assert set(outputs.tables) <= declared[OutputKind.TABLE]
    assert set(outputs.tables) >= declared[OutputKind.TABLE] - {"availability", "champion"}
    assert set(outputs.figures) == declared[OutputKind.FIGURE]
    check_passes(outputs)


@pytest.mark.fit
def test_the_split_is_by_time_and_no_later_row_is_learned_from(bundle: Bundle, studied: tuple[Outputs, Study]) -> None:
    outputs, study = studied
    year = bundle.columns(["table__period"])["table__period"]
    assert set(year[study.split.train]) == {2021, 2022, 2023}
    assert set(year[study.split.scored]) == {2024}
    assert np.isnan(study.scores["boosting"][~study.split.scored]).all()
    assert outputs.metrics["summary"]["split"]["kind"] == "time"


@pytest.mark.fit
def test_the_model_beats_the_base_rate_and_keeps_up_with_logistic(outputs: Outputs) -> None:
    assert value(outputs, "roc_auc_prior") == 0.5
    assert value(outputs, "roc_auc_boosting") > 0.7
    assert value(outputs, "roc_auc_boosting") > value(outputs, "roc_auc_logistic") - 0.03
    assert value(outputs, "brier_boosting") < value(outputs, "brier_prior")
    assert value(outputs, "calibration_error") < 0.06
    assert value(outputs, "monotone_violations") == 0


def test_small_groups_are_joined_until_ten_stand_on_each_side(tmp_path: Path, few_trees: None) -> None:
    columns = subjects(2400)
    columns["region"][:] = "north"
    columns["region"][::3] = "south"
    columns["region"][-8:] = "rock"
    columns["region"][5:12] = "reef"
    rows = records(run(write(tmp_path, columns, parameters=ONE_WAY), silent).tables["group_rates"])
    assert {row["level"] for row in rows} == {"north", "other"}
    assert sum(row["rows"] for row in rows) == 600


@pytest.mark.fit
def test_the_list_has_the_highest_scores_with_reasons_in_words(outputs: Outputs) -> None:
    rows = outputs.restricted_list or []
    assert len(rows) == SIZE // 4 * 0.05
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert all(1 <= len(row["reasons"]) <= 3 for row in rows)
    words = {(reason["code"], reason["ko"], reason["en"]) for row in rows for reason in row["reasons"]}
    assert ("debt-high", "연체 금액: 일반적인 경우보다 높음", "Debt in arrears: higher than usual") in words
    assert "income-low" in {code for code, _, _ in words}


def test_rows_of_unknown_outcome_are_those_that_are_listed(tmp_path: Path, few_trees: None) -> None:
    columns = subjects()
    outcome = columns["outcome"].astype(float)
    outcome[-100:] = np.nan
    columns = {"outcome_number": outcome} | {name: each for name, each in columns.items() if name != "outcome"}
    bundle = write(tmp_path, columns, parameters=ONE_WAY | {"capacity": 20})
    listed = {row["pseudonym"] for row in run(bundle, silent).restricted_list or []}
    assert len(listed) == 20
    assert listed <= set(bundle.columns(["pseudonym"])["pseudonym"][-100:])


def test_a_random_split_is_refused_where_there_is_time(bundle: Bundle) -> None:
    rows = read(bundle, Parameters.of(bundle.parameters))
    for kind in ("folds", "grouped"):
        with pytest.raises(MethodError) as refusal:
            split_rows(rows, kind=kind)
        assert refusal.value.code == "split-by-time"


def test_no_group_stands_on_both_sides_of_a_fold(tmp_path: Path) -> None:
    columns = subjects()
    del columns["period"]
    columns["belongs_to"] = np.array([f"owner {at // 12}" for at in range(SIZE)], dtype=object)
    owners = columns["belongs_to"]
    bundle = write(tmp_path, columns)
    split = split_rows(read(bundle, Parameters.of({})))
    assert split.kind == "grouped"
    assert split.scored.all()
    for fold in split.folds:
        assert not set(owners[fold.train]) & set(owners[fold.test])
    with pytest.raises(MethodError, match="split-by-group"):
        split_rows(read(bundle, Parameters.of({})), kind="folds")


@pytest.mark.fit
def test_a_subject_with_several_rows_is_a_group(tmp_path: Path, few_trees: None) -> None:
    columns = subjects(600)
    del columns["period"]
    columns["pseudonym"] = np.array([f"{at // 3:064x}" for at in range(600)], dtype=object)
    names = columns["pseudonym"]
    study = study_of(read(write(tmp_path, columns), Parameters.of({})), Parameters.of({"folds": 3}))
    assert study.split.kind == "grouped"
    assert all(not set(names[fold.train]) & set(names[fold.test]) for fold in study.split.folds)
    assert all(np.isfinite(scores).all() for scores in study.scores.values())


@pytest.mark.parametrize("leak", ["copy", "gap", "category", "both-ends"])
def test_a_feature_that_gives_the_outcome_away_raises_an_alarm_and_keeps_the_list(
    tmp_path: Path, leak: str, few_trees: None
) -> None:
    columns = subjects()
    case, random = columns["outcome"], np.random.default_rng(1)
    noise = random.normal(size=SIZE)
    columns["closing_code"] = {
        "copy": case + 0.1 * noise,
        "gap": np.where(case, np.nan, noise),
        "category": np.where(case, random.choice(["closed", "gone"], SIZE), "open").astype(object),
        "both-ends": np.where(case, 5 * np.sign(noise), 0) + 0.5 * noise,
    }[leak]
    outputs = run(write(tmp_path, columns, parameters=ONE_WAY), silent)
    assert {"closing_code", None} == {alarm["feature"] for alarm in outputs.alarms}
    assert {alarm["code"] for alarm in outputs.alarms} == {"feature-leaks-label", "model-too-good"}
    assert outputs.restricted_list
    assert "held" in outputs.metrics["summary"]["notes"]["en"]


@pytest.mark.fit
def test_no_alarm_without_a_leak(outputs: Outputs) -> None:
    assert outputs.alarms == []


def test_a_feature_dated_after_the_day_of_its_row_raises_an_alarm(tmp_path: Path, few_trees: None) -> None:
    columns = subjects()
    columns["as_of"] = np.array([f"{year}-06-30" for year in columns.pop("period")], dtype=object)
    columns["visited_on"] = np.array([f"{day[:4]}-0{3 + at % 5}-15" for at, day in enumerate(columns["as_of"])], dtype=object)
    columns["debt_on"] = np.array([f"{day[:4]}-01-31" for day in columns["as_of"]], dtype=object)
    outputs = run(write(tmp_path, columns, parameters=ONE_WAY | {"dated_by": {"debt": "debt_on"}}), silent)
    assert [(alarm["code"], alarm["feature"]) for alarm in outputs.alarms] == [("feature-after-as-of", "visited_on")]
    columns["debt_on"][-1] = "2030-01-01"
    outputs = run(
        write(tmp_path, columns, parameters=ONE_WAY | {"dated_by": {"debt": "debt_on"}, "left_out": ["visited_on"]}), silent
    )
    assert [alarm["feature"] for alarm in outputs.alarms] == ["debt"]


def test_what_its_owner_did_not_have_yet_is_shown_and_told_apart(tmp_path: Path, few_trees: None) -> None:
    columns = subjects()
    early = columns["period"] < 2023
    columns["debt"] = np.where(early, np.nan, columns["debt"])
    columns["newest"] = np.where(columns["period"] < 2024, np.nan, np.arange(SIZE) % 7.0)
    since = {"table__debt": "2023-01-01", "table__newest": "2024-01-01"}
    bundle = write(tmp_path, columns, available_from=since, parameters=ONE_WAY)
    outputs, study = run_and_keep(risk_scoring, "study_of", bundle)
    rows = {row["feature"]: row for row in records(outputs.tables["availability"])}
    assert (rows["debt"]["before"], rows["debt"]["missing_before"]) == (0.5, 1.0)
    assert 0.05 < rows["debt"]["missing_since"] < 0.15
    assert (rows["debt"]["use"], rows["newest"]["use"]) == ("masked", "not-yet-available")
    assert "available__debt" in study.encoding.columns
    assert "newest" not in study.encoding.columns
    assert withheld(outputs) == {}


def test_useless_features_are_named_and_borne(tmp_path: Path, few_trees: None) -> None:
    columns = subjects() | {
        "nothing": np.full(SIZE, np.nan),
        "same": np.full(SIZE, 3.0),
        "number_of_case": np.array([f"case {at}" for at in range(SIZE)], dtype=object),
        "huge": np.where(np.arange(SIZE) % 50 == 0, np.inf, np.arange(SIZE) * 1e300),
    }
    outputs = run(write(tmp_path, columns, parameters=ONE_WAY), silent)
    uses = {row["feature"]: row["use"] for row in records(outputs.tables["features"])}
    assert (uses["nothing"], uses["same"], uses["number_of_case"]) == ("empty", "constant", "too-many-categories")
    assert (uses["trade"], uses["debt"]) == ("category", "used")


def test_a_category_that_is_new_in_the_test_period_is_a_gap(tmp_path: Path, few_trees: None) -> None:
    columns = subjects()
    columns["trade"][columns["period"] == 2024] = "never seen before"
    outputs = run(write(tmp_path, columns), silent)
    assert value(outputs, "roc_auc_boosting") > 0.6


def test_a_hundred_thousand_categories_are_one_feature_that_is_left_out(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    size = 100_000
    columns = {
        "outcome": random.random(size) < 0.3,
        "number_of_case": np.char.add("case ", np.arange(size).astype(str)).astype(object),
    }
    assert refused(tmp_path, columns) == "no-features"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"outcome": np.zeros(SIZE, dtype=bool)}, "one-class"),
        ({"outcome": np.arange(SIZE) > SIZE - 50}, "one-class"),
        ({"outcome": np.full(SIZE, np.nan)}, "no-label"),
        ({"outcome": np.arange(SIZE) % 3}, "label-not-binary"),
        ({"outcome": np.array(["yes"] * SIZE, dtype=object)}, "wrong-type"),
        ({"outcome": np.arange(SIZE) % 300 == 0}, "too-few-cases"),
        ({"period": np.array(["soon"] * SIZE, dtype=object)}, "time-unreadable"),
    ],
)
def test_what_cannot_be_learned_is_refused(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    assert refused(tmp_path, subjects() | change) == code


def test_twelve_rows_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, {name: values[::200] for name, values in subjects().items()}) == "too-few-rows"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"colour": "red"}, "parameter-unknown"),
        ({"monotone": {"nowhere": 1}}, "parameter-names-no-column"),
        ({"test_from": "2031"}, "time-order"),
        ({"test_from": "2021"}, "time-order"),
        ({"outcome_takes_days": 3000}, "time-order"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(tmp_path: Path, parameters: dict[str, Any], code: str) -> None:
    assert refused(tmp_path, subjects(), **parameters) == code


def test_an_outcome_that_takes_time_is_not_learned_from_too_near_the_cut(tmp_path: Path, few_trees: None) -> None:
    bundle = write(tmp_path, subjects(), parameters=ONE_WAY | {"outcome_takes_days": 365})
    study = study_of(read(bundle, Parameters.of(bundle.parameters)), Parameters.of(bundle.parameters))
    assert set(bundle.columns(["table__period"])["table__period"][study.split.train]) == {2021, 2022}


def test_the_same_bundle_gives_the_same_result(bundle: Bundle, few_trees: None) -> None:
    one, two = (run(bundle, silent) for _ in range(2))
    assert (one.tables, one.metrics, one.restricted_list) == (two.tables, two.metrics, two.restricted_list)


@pytest.mark.fit
def test_the_next_round_stands_beside_the_released_model(outputs: Outputs, tmp_path: Path) -> None:
    manifest = read_manifest(outputs.models["risk_model"])
    assert [feature.name for feature in manifest.features] == ["debt", "income", "trade", "late"]
    assert (manifest.method.name, str(manifest.training.last)) == ("risk_scoring", "2023-01-01")
    bundle = write(tmp_path, subjects(seed=8), parameters={"monotone": {"debt": 1, "income": -1}})
    (tmp_path / "champion.model").write_bytes(outputs.models["risk_model"])
    again = run(bundle, silent)
    assert withheld(again) == {}
    beside = {row["model"]: row for row in records(again.tables["champion"])}
    assert abs(beside["champion"]["roc_auc"] - beside["challenger"]["roc_auc"]) < 0.05
    drift = {row["feature"]: row["verdict"] for row in records(again.tables["drift"])}
    assert drift["score"] == drift["debt"] == "steady"


def test_without_constraints_the_best_inside_the_training_rows_is_kept(tmp_path: Path, few_trees: None) -> None:
    outputs = run(write(tmp_path, subjects(800)), silent)
    compared = {row["model"] for row in records(outputs.tables["model_comparison"])}
    assert compared == {"prior", "logistic", "forest", "boosting"}
    assert outputs.metrics["summary"]["split"]["model"] in compared - {"prior"}
    assert withheld(outputs) == {}
