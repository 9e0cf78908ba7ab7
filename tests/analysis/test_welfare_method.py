"""Welfare blind spots on the committed sample: honest scores, one-way moves, reasons in words, and refusals."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from services.analysis.methods import BUILT_IN, welfare_blind_spots
from services.analysis.methods.toolkit import evaluation, models, scoring
from services.analysis.methods.welfare_blind_spots import CARD, run
from services.analysis.methods.welfare_blind_spots.columns import ALL_COLUMNS, BENEFITS, SIGNS
from services.analysis.methods.welfare_blind_spots.features import FEATURES, INCOMES, read
from services.analysis.methods.welfare_blind_spots.groups import bounded
from services.analysis.methods.welfare_blind_spots.monotone import count_violations
from services.analysis.methods.welfare_blind_spots.study import Study
from services.analysis.methods.welfare_blind_spots.tables.models import drivers
from services.analysis.worker import sdk
from services.analysis.worker.sdk import Bundle, MethodError, Outputs
from shared.contracts import OutputKind
from tests.analysis.fewer import fewer_trees, one_shape
from tests.analysis.linked import run_and_keep, silent, withheld

pytestmark = pytest.mark.fit

DEMO = Path(__file__).parents[2] / "deploy" / "demo"
WITHHELD = "coverage_by_area"


def link(folder: Path, *, having: str = "true", change: str = "*") -> Bundle:
    """The bundle as prepare writes it: base rows, left-joined, with a pseudonym instead of the key."""
    roles = {role.name: [column.name for column in role.columns if column.key_domain is None] for role in CARD.inputs}
    chosen = ", ".join(f'{role}."{name}" AS {role}__{name}' for role, names in roles.items() for name in names)
    source = {role: f"read_csv('{DEMO / role}.csv') AS {role}" for role in roles}
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(
            f"COPY (SELECT {change} FROM (SELECT sha256('a key of this request' || household.person_no) AS pseudonym, {chosen} "
            f"FROM {source['household']} LEFT JOIN {source['income']} USING (person_no) "
            f"LEFT JOIN {source['benefits']} USING (person_no)) WHERE {having} ORDER BY pseudonym) "
            f"TO '{folder / 'linked.parquet'}' (FORMAT parquet)"
        )
    return Bundle(folder)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return link(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def studied(bundle: Bundle) -> tuple[Outputs, Study]:
    with one_shape():
        return run_and_keep(welfare_blind_spots, "conduct", bundle)


@pytest.fixture(scope="module")
def outputs(studied: tuple[Outputs, Study]) -> Outputs:
    return studied[0]


@pytest.fixture(scope="module")
def study(studied: tuple[Outputs, Study]) -> Study:
    return studied[1]


@pytest.fixture(scope="module")
def quick(bundle: Bundle) -> Outputs:
    """Of few trees: what another run of few trees is compared with."""
    with fewer_trees():
        return run(bundle, silent)


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., str]:
    """The code with which a changed bundle or parameter is refused."""

    def refuse(parameters: dict[str, Any] | None = None, **changes: str) -> str:
        changed = link(tmp_path, **changes)
        with pytest.raises(MethodError) as refusal:
            run(Bundle(changed.folder, parameters or {}), silent)
        assert refusal.value.detail.endswith(".")
        return refusal.value.code

    return refuse


def figure(outputs: Outputs, name: str) -> dict[str, Any]:
    return next(one for one in outputs.metrics["summary"]["figures"] if one["name"] == name)


def value(outputs: Outputs, name: str) -> float:
    return float(figure(outputs, name)["value"])


def records(table: dict[str, Any]) -> list[dict[str, Any]]:
    names = [column["name"] for column in table["columns"]]
    return [dict(zip(names, row, strict=True)) for row in table["rows"]]


def small(table: dict[str, Any]) -> int:
    """Cells and complements that stand on fewer than ten."""
    found = 0
    for row in records(table):
        for column in table["columns"]:
            if column["kind"] == "count":
                found += row[column["name"]] < 10
            elif column["kind"] == "rate":
                found += row[column["of"]] - row[column["numerator"]] < 10
    return found


def test_it_is_built_in() -> None:
    assert "services.analysis.methods.welfare_blind_spots" in BUILT_IN


@pytest.mark.fit
def test_outputs_are_those_of_the_card(outputs: Outputs) -> None:
    declared = {kind: {output.name for output in CARD.outputs if output.kind is kind} for kind in OutputKind}
    assert set(outputs.tables) == declared[OutputKind.TABLE] - {"champion"}
    assert set(outputs.figures) == declared[OutputKind.FIGURE]
    assert set(outputs.metrics) == declared[OutputKind.METRICS]
    assert outputs.restricted_list is not None


@pytest.mark.fit
def test_scores_are_plausible_and_better_than_counting(outputs: Outputs) -> None:
    counting, logistic, boosting = (value(outputs, f"roc_auc_{model}") for model in ("counting", "logistic", "boosting"))
    assert 0.85 < boosting < evaluation.LEAKAGE_AUC
    assert boosting > counting + 0.03
    assert boosting >= logistic - 0.02
    assert value(outputs, "pr_auc_boosting") > value(outputs, "pr_auc_counting") + 0.05
    assert value(outputs, "brier_boosting") < min(0.14, value(outputs, "brier_counting"), value(outputs, "brier_logistic"))
    assert value(outputs, "precision_boosting") >= value(outputs, "precision_counting")
    assert value(outputs, "lift_boosting") > 2.5
    assert value(outputs, "calibration_error") < 0.04
    assert outputs.metrics["summary"]["split"]["alarms"] == []


def test_no_label_is_a_feature() -> None:
    assert not set(FEATURES) & set(BENEFITS)


@pytest.mark.fit
def test_time_split_keeps_the_years_apart(study: Study, outputs: Outputs) -> None:
    assert set(study.linked.year[study.train]) == {2012, 2013}
    assert set(study.linked.year[study.test]) == {2014}
    assert not set(study.linked.pseudonym[study.train]) & set(study.pseudonym)
    split = outputs.metrics["summary"]["split"]
    assert (split["train_households"], split["test_households"]) == (int(study.train.sum()), len(study.label))


@pytest.mark.fit
def test_the_score_never_moves_the_wrong_way(study: Study, outputs: Outputs) -> None:
    for seed in range(3):
        violations, trials = count_violations(study.fitted, study.linked, cases=3000, seed=seed)
        assert (violations, trials) == (0, 3000 * len(CARD.monotone))
    assert value(outputs, "monotone_violations") == 0


@pytest.mark.fit
def test_the_monotone_trial_finds_a_wrong_move(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIGNS, "wages", 1)
    violations, _ = count_violations(study.fitted, study.linked, cases=500)
    assert violations > 100


@pytest.mark.fit
def test_listed_are_poor_without_benefit_high_and_within_capacity(study: Study, outputs: Outputs) -> None:
    rows = outputs.restricted_list or []
    everybody = np.ones(len(study.label), dtype=bool)
    place = {pseudonym: position for position, pseudonym in enumerate(study.names(everybody))}
    listed = np.array([place[row["pseudonym"]] for row in rows])
    assert 10 <= len(rows) <= study.places == 385
    assert (study.label[listed] == 0).all()
    assert study.poor[listed].all()
    assert (study.probability("boosting")[listed] >= 0.5).all()
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert len(set(listed)) == len(rows)


@pytest.mark.fit
def test_a_smaller_capacity_lists_the_highest_scores(bundle: Bundle, quick: Outputs, few_trees: None) -> None:
    few = run(Bundle(bundle.folder, {"capacity": 25}), silent)
    assert few.restricted_list == (quick.restricted_list or [])[:25]


@pytest.mark.fit
def test_every_listed_household_has_reasons_in_words_without_a_value(outputs: Outputs) -> None:
    for row in outputs.restricted_list or []:
        assert set(row) == {"pseudonym", "score", "reasons"}
        assert 1 <= len(row["reasons"]) <= 3
        for reason in row["reasons"]:
            assert set(reason) == {"code", "ko", "en"}
            assert not any(letter.isdigit() for text in reason.values() for letter in text)


@pytest.mark.fit
def test_reasons_differ_between_households(outputs: Outputs) -> None:
    codes = {reason["code"] for row in outputs.restricted_list or [] for reason in row["reasons"]}
    assert {"low-income", "children", "small-household", "large-household"} <= codes
    assert len({tuple(reason["code"] for reason in row["reasons"]) for row in outputs.restricted_list or []}) > 10


@pytest.mark.fit
def test_the_same_bundle_gives_the_same_bytes(bundle: Bundle, quick: Outputs, few_trees: None) -> None:
    again = run(bundle, silent)
    for one, two in ((quick.tables, again.tables), (quick.metrics, again.metrics), (quick.figures, again.figures)):
        assert json.dumps(one, allow_nan=False) == json.dumps(two, allow_nan=False)
    assert quick.restricted_list == again.restricted_list


def test_stored_columns_are_those_of_the_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "PIECE", 4000)
    odd = "CASE WHEN household__age_of_head % 7 = 0 THEN 'inf'::DOUBLE WHEN household__age_of_head % 5 = 0 THEN 'nan'::DOUBLE"
    changed = f"{odd} ELSE household__property_tax END AS household__property_tax, NULL::VARCHAR AS household__families"
    bundle = link(tmp_path, change=f"* EXCLUDE (income__farm_income) REPLACE ({changed})")
    linked, found = read(bundle), bundle.columns()
    for name, full in ALL_COLUMNS.items():
        values = np.full(len(linked.pseudonym), np.nan)
        if full in found and found[full].dtype.kind == "f":
            values = np.where(np.isfinite(found[full]), found[full], np.nan)
        np.testing.assert_array_equal(linked.raw[name], values)
    flags = np.column_stack([found[ALL_COLUMNS[name]] for name in BENEFITS])
    receives = np.where(np.isnan(flags).all(axis=1), np.nan, (np.nan_to_num(flags) > 0).any(axis=1))
    np.testing.assert_array_equal(linked.receives, receives)
    incomes = [np.nan_to_num(linked.raw[name]) for name in INCOMES[1:]]
    each = (linked.raw["wages"] + sum(incomes)) / np.sqrt(np.maximum(linked.raw["household_size"], 1))
    np.testing.assert_allclose(linked.rows().features["income_per_member"], each, rtol=1e-12)


@pytest.mark.fit
def test_pieces_and_blocks_change_nothing(
    bundle: Bundle, quick: Outputs, few_trees: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdk, "PIECE", 4000)
    monkeypatch.setattr(scoring, "BLOCK", 1000)
    again = run(bundle, silent)
    assert (again.tables, again.metrics, again.restricted_list) == (quick.tables, quick.metrics, quick.restricted_list)


@pytest.mark.fit
def test_what_moves_the_score_is_measured_on_all_households_up_to_a_size_and_on_a_sample_above_it(
    study: Study, outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(study.label)
    monkeypatch.setattr(models, "MOST_ROWS", size)
    assert drivers(study) == outputs.tables["drivers"]
    monkeypatch.setattr(models, "MOST_ROWS", size - 1)
    sampled = drivers(study)
    assert {row["households"] for row in records(sampled)} == {size - 1}
    assert sampled == drivers(study)
    assert sampled["notes"]["en"].endswith("Of households that were drawn by lot.")
    effects = [{row["reason"]: row["effect"] for row in records(each)} for each in (sampled, outputs.tables["drivers"])]
    assert effects[0] == pytest.approx(effects[1], abs=0.01)


def test_of_many_regions_the_most_frequent_stay() -> None:
    regions = np.array([f"r{at:02d}" for at in range(70) for _ in range(70 - at)], dtype=object)
    assert set(bounded(regions)) == {f"r{at:02d}" for at in range(60)} | {"other"}


@pytest.mark.fit
def test_figures_name_a_table_and_its_columns_and_hold_no_data(outputs: Outputs) -> None:
    for spec in outputs.figures.values():
        assert set(spec["data"]) == {"name"}
        columns = {column["name"] for column in outputs.tables[spec["data"]["name"]]["columns"]}
        text = json.dumps(spec)
        assert not any(f'"{word}"' in text for word in ("values", "url", "datasets"))
        assert set(fields(spec)) <= columns
        assert set(spec["title"]) == {"ko", "en"}


def fields(value: Any) -> list[str]:
    """Every column that a specification draws, in either language."""
    if isinstance(value, list):
        return [name for part in value for name in fields(part)]
    if not isinstance(value, dict):
        return []
    own = value.get("field", [])
    names = [own] if isinstance(own, str) else list(own.values()) if isinstance(own, dict) else []
    return names + [name for part in value.values() for name in fields(part)]


@pytest.mark.fit
def test_only_the_fine_table_stands_on_too_few(outputs: Outputs) -> None:
    counts = {name: small(table) for name, table in outputs.tables.items()}
    assert counts.pop(WITHHELD) > 0
    assert not any(counts.values()), counts
    assert all(one["count"] >= 10 for one in outputs.metrics["summary"]["figures"])
    assert WITHHELD not in {spec["data"]["name"] for spec in outputs.figures.values()}


@pytest.mark.fit
def test_rates_are_those_of_their_counts(outputs: Outputs) -> None:
    for table in outputs.tables.values():
        for row in records(table):
            for column in (column for column in table["columns"] if column["kind"] == "rate"):
                rate = row[column["numerator"]] / row[column["of"]]
                assert row[column["name"]] == pytest.approx(rate, abs=1e-4)
                if f"{column['name']}_low" in row:
                    assert row[f"{column['name']}_low"] <= rate + 1e-4
                    assert rate - 1e-4 <= row[f"{column['name']}_high"]


@pytest.mark.fit
def test_groupings_add_up_to_everybody(study: Study, outputs: Outputs) -> None:
    rows = records(outputs.tables["group_rates"])
    for group in CARD.fairness_groups:
        assert sum(row["households"] for row in rows if row["group"] == group) == len(study.label)


def test_wilson_interval_as_published() -> None:
    assert evaluation.wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-4)
    assert evaluation.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-4)
    assert evaluation.wilson(0, 0) == (0.0, 1.0)


@pytest.mark.fit
def test_a_column_that_gives_the_label_away_raises_an_alarm_that_holds_the_result(tmp_path: Path, few_trees: None) -> None:
    flags = " OR ".join(f"coalesce(benefits__{name}, false)" for name in BENEFITS)
    leaked = f"* REPLACE (CASE WHEN {flags} THEN 1000 + household__age_of_head ELSE 0 END AS benefits__veterans_benefit)"
    leaking = Bundle(link(tmp_path, change=leaked).folder, {"minimum_score": 0})
    outputs = run(leaking, silent)
    assert outputs.restricted_list
    assert [(alarm["code"], alarm["feature"]) for alarm in outputs.alarms] == [
        ("model-too-good", None),
        ("feature-leaks-label", "veterans_benefit"),
    ]
    assert outputs.metrics["summary"]["split"]["alarms"] == ["model-too-good", "feature-leaks-label: veterans_benefit"]
    assert "nothing is concluded" in outputs.metrics["summary"]["notes"]["en"]
    assert value(outputs, "leakage_alarms") == 2


@pytest.mark.fit
def test_a_household_without_a_benefits_record_is_never_listed(bundle: Bundle, study: Study) -> None:
    unknown = np.isnan(study.linked.receives)
    assert unknown.sum() > 100
    assert not unknown[study.test].any()
    assert not unknown[study.train].any()
    assert not (study.poor & np.isnan(study.linked.raw["wages"][study.test])).any()


def test_one_class_is_refused(refused: Callable[..., str]) -> None:
    nobody = ", ".join(f"false AS benefits__{name}" for name in BENEFITS)
    assert refused(change=f"* REPLACE ({nobody})") == "one-class"


def test_no_known_outcome_is_refused(refused: Callable[..., str]) -> None:
    unknown = ", ".join(f"NULL::BOOLEAN AS benefits__{name}" for name in BENEFITS)
    assert refused(change=f"* REPLACE ({unknown})") == "no-label"


@pytest.mark.parametrize("having", ["random() < -1", "household__survey_year < 2014", "pseudonym < '01'"])
def test_too_few_rows_are_refused(refused: Callable[..., str], having: str) -> None:
    assert refused(having=having) == "too-few-rows"


def test_a_missing_required_column_is_named(refused: Callable[..., str]) -> None:
    assert refused(change="* EXCLUDE (income__wages)") == "missing-column"


def test_text_where_numbers_belong_is_refused(refused: Callable[..., str]) -> None:
    assert refused(change="* REPLACE ('=1+1' AS income__wages)") == "wrong-type"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [({"test_year": 2012}, "time-order"), ({"colour": "red"}, "parameter-unknown"), ({"test_year": 2031}, "too-few-rows")],
)
def test_parameters_that_make_no_sense_are_refused(refused: Callable[..., str], parameters: dict[str, Any], code: str) -> None:
    assert refused(parameters) == code


@pytest.mark.fit
def test_missing_and_empty_optional_columns_are_borne(tmp_path: Path, few_trees: None) -> None:
    without = "* EXCLUDE (household__region, household__area, income__dividend_income, benefits__housing_aid) "
    empty = "REPLACE (NULL::DOUBLE AS household__property_tax, NULL::INTEGER AS household__disabled_members)"
    outputs = run(link(tmp_path, change=without + empty), silent)
    assert 0.8 < value(outputs, "roc_auc_boosting") < evaluation.LEAKAGE_AUC
    levels = {row["level"] for row in records(outputs.tables["coverage"])}
    assert "unknown" in levels
    assert "not_disabled" not in levels


@pytest.mark.fit
def test_text_from_outside_stays_data(tmp_path: Path, few_trees: None) -> None:
    hostile = "'=HYPERLINK(1)<script>' || repeat('x', 500) AS household__region"
    outputs = run(link(tmp_path, change=f"* REPLACE ({hostile})"), silent)
    levels = [row["level"] for row in records(outputs.tables["coverage"]) if row["group"] == "region"]
    assert levels == ["=HYPERLINK(1)<script>" + "x" * 19]


def test_parameters_have_defaults_bounds_and_nothing_else() -> None:
    validator = Draft202012Validator(CARD.parameters)
    Draft202012Validator.check_schema(CARD.parameters)
    defaults = {name: schema["default"] for name, schema in CARD.parameters["properties"].items()}
    validator.validate(defaults)
    wrongs: list[dict[str, Any]] = [
        {"capacity": 0}, {"income_limit": "poor"}, {"colour": "red"}, {"train_years": []}, {"audit_share": 1},
    ]  # fmt: skip
    for wrong in wrongs:
        assert not validator.is_valid(defaults | wrong), wrong


def test_the_card_says_what_must_not_be_concluded() -> None:
    words = " ".join(CARD.must_not_conclude)
    assert "imputed" in words
    assert "nothing about Korea" in words
    assert "37-2" in words
    assert set(CARD.monotone.values()) == {1, -1}
    assert set(CARD.monotone) <= {column.name for role in CARD.inputs for column in role.columns}


@pytest.mark.fit
def test_nobody_to_list_is_an_empty_list(bundle: Bundle, few_trees: None) -> None:
    nobody = run(Bundle(bundle.folder, {"minimum_score": 1}), silent)
    assert nobody.restricted_list == []
    assert "listed" not in {one["name"] for one in nobody.metrics["summary"]["figures"]}, "none are as few as one"
    assert withheld(nobody).keys() == {WITHHELD}
