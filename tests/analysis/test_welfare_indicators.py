"""Welfare indicators on generated rounds: late feeds, not reached apart from not eligible, one-way moves, goals."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from deploy.generate import welfare
from deploy.generate.blocks import write as generate
from services.analysis.methods import BUILT_IN
from services.analysis.methods.toolkit.monotone import of_matrix
from services.analysis.methods.toolkit.parameters import read
from services.analysis.methods.toolkit.study import Study
from services.analysis.methods.welfare_indicators import CARD, run
from services.analysis.methods.welfare_indicators.card import SCHEMA
from services.analysis.methods.welfare_indicators.columns import SIGNS
from services.analysis.methods.welfare_indicators.reading import read_round
from services.analysis.methods.welfare_indicators.run import study_of
from services.analysis.worker.sdk import Bundle, MethodError, Outputs
from shared.contracts import ColumnType, OutputKind
from tests.analysis.fewer import fewer_trees, one_shape
from tests.analysis.linked import check_passes, generated, records, silent, value

ROWS = 21_600


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("welfare") / "table.parquet"
    generate(path, welfare.blocks(ROWS, 5))
    return path


def bundle_of(table: Path, folder: Path, change: str = "*", **parameters: Any) -> Bundle:
    return generated(welfare, "indicators", "subject_key", table, folder, change, parameters)


@pytest.fixture(scope="module")
def bundle(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle_of(table, tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def study(bundle: Bundle) -> Study:
    """Of the other outcome than `outputs`, and of few trees."""
    with fewer_trees():
        return study_of(read_round(bundle, "any"), read(SCHEMA, {"support": "any"}))


@pytest.fixture(scope="module")
def outputs(bundle: Bundle) -> Outputs:
    with one_shape():
        return run(bundle, silent)


def test_it_is_built_in_and_everything_but_key_month_and_label_is_optional() -> None:
    assert "services.analysis.methods.welfare_indicators" in BUILT_IN
    (role,) = CARD.inputs
    assert {each.name for each in role.columns if each.required} == {"subject_key", "as_of_month", "label_public_support_90d"}
    assert role.keyed_by == ("as_of_month",)
    defaults = {name: schema["default"] for name, schema in CARD.parameters["properties"].items()}
    Draft202012Validator(CARD.parameters).validate(defaults)


def test_the_generator_makes_what_the_card_takes(table: Path) -> None:
    with duckdb.connect() as connection:
        made = {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM read_parquet('{table}')").fetchall()}
    card = {each.name: each.type for each in CARD.inputs[0].columns}
    assert set(made) - set(card) == set(welfare.TRUTH)
    kinds = {"VARCHAR": ColumnType.STRING, "DATE": ColumnType.DATE, "BOOLEAN": ColumnType.BOOLEAN}
    for name, kind in made.items():
        if kind in kinds and name in card:
            assert card[name] is kinds[kind], name


@pytest.mark.fit
def test_outputs_are_declared_and_pass_the_disclosure_check(outputs: Outputs) -> None:
    declared = {kind: {output.name for output in CARD.outputs if output.kind is kind} for kind in OutputKind}
    assert set(outputs.tables) == declared[OutputKind.TABLE] - {"champion"}
    assert set(outputs.figures) == declared[OutputKind.FIGURE]
    check_passes(outputs)


@pytest.mark.fit
def test_the_model_beats_counting_indicators(outputs: Outputs) -> None:
    assert value(outputs, "roc_auc_boosting") >= 0.70
    assert value(outputs, "roc_auc_boosting") > value(outputs, "roc_auc_counting") + 0.03
    assert value(outputs, "pr_auc_boosting") > 1.3 * value(outputs, "pr_auc_counting")
    assert value(outputs, "monotone_violations") == 0
    assert outputs.alarms == []


@pytest.mark.parametrize("seed", range(3))
def test_more_need_never_lowers_the_score(study: Study, seed: int) -> None:
    given = {name for name in SIGNS if name in study.encoding.columns}
    assert len(given) > 20
    violations, trials = of_matrix(study.final, study.matrix, study.rows.signs, cases=400, seed=seed)
    assert (violations, trials) == (0, 400 * len(given))


@pytest.mark.fit
def test_who_was_not_reached_is_unknown_and_counted_apart(bundle: Bundle, outputs: Outputs) -> None:
    found = read_round(bundle, "public")
    assert not found.rows.known[~found.reached].any()
    rows = {row["contact"]: row for row in records(outputs.tables["contact_outcomes"])}
    for contact in ("visited", "phoned"):
        assert rows[contact]["supported"] + rows[contact]["not_eligible"] == pytest.approx(1, abs=1e-3)
    for contact in ("not_located", "not_contacted"):
        assert (rows[contact]["outcome"], rows[contact]["supported"], rows[contact]["not_eligible"]) == ("unknown", None, None)
    assert sum(row["rows"] for row in rows.values()) == len(found.rows)


def test_a_label_of_a_household_that_was_not_located_is_not_believed(table: Path, tmp_path: Path) -> None:
    lie = "* REPLACE (coalesce(label_public_support_90d, 0) AS label_public_support_90d)"
    found = read_round(bundle_of(table, tmp_path, lie), "public")
    assert np.isfinite(found.told[found.over]).all()
    assert (found.rows.known == (found.reached & found.over)).all()
    assert (found.reached & ~found.over).sum() < 0.1 * found.reached.sum()


@pytest.mark.fit
def test_arrears_that_start_late_are_shown_and_told_apart(outputs: Outputs) -> None:
    rows = {row["feature"]: row for row in records(outputs.tables["availability"])}
    assert set(rows) == set(welfare.AVAILABLE_FROM)
    for name, day in welfare.AVAILABLE_FROM.items():
        assert (rows[name]["available_from"], rows[name]["use"], rows[name]["missing_before"]) == (day, "masked", 1.0)
        assert rows[name]["missing_since"] < 0.4


@pytest.mark.fit
def test_the_list_is_of_the_newest_month_each_household_once(bundle: Bundle, outputs: Outputs) -> None:
    listed = [row["pseudonym"] for row in outputs.restricted_list or []]
    found = bundle.columns(["pseudonym", "indicators__as_of_month"])
    newest = set(found["pseudonym"][found["indicators__as_of_month"] == max(found["indicators__as_of_month"])])
    assert len(listed) == len(set(listed)) == ROWS // welfare.MONTHS * 0.05
    assert set(listed) <= newest
    assert all(reason["ko"] for row in outputs.restricted_list or [] for reason in row["reasons"])


def test_no_month_nearer_than_ninety_days_to_the_test_is_learned_from(study: Study) -> None:
    assert study.rows.day is not None
    assert study.rows.day[study.split.scored].min() - study.rows.day[study.split.train].max() > 90


def test_a_table_without_any_indicator_is_refused(table: Path, tmp_path: Path) -> None:
    few = "subject_key, as_of_month, sex, household_size, label_public_support_90d"
    with pytest.raises(MethodError, match="no-features"):
        run(bundle_of(table, tmp_path, few), silent)


def test_the_same_seed_makes_the_same_rows_and_another_does_not() -> None:
    one, two, other = (next(welfare.blocks(1800, seed)) for seed in (3, 3, 4))
    assert all(np.array_equal(one[name], two[name], equal_nan=one[name].dtype.kind == "f") for name in one)
    assert not np.array_equal(one["hi_arrears_amt"], other["hi_arrears_amt"])
