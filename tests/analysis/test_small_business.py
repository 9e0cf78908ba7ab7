"""Small-business crisis on generated quarters: future dates only, four ordered levels, every model beside the others."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from deploy.generate import business
from deploy.generate.blocks import write as generate
from services.analysis.methods import BUILT_IN
from services.analysis.methods.small_business_crisis import CARD, run
from services.analysis.methods.small_business_crisis.levels import make_levels
from services.analysis.methods.small_business_crisis.outcome import Dates, make_outcome
from services.analysis.methods.small_business_crisis.reading import read_books
from services.analysis.methods.toolkit.encoding import Encoding
from services.analysis.methods.toolkit.hazard import Hazard
from services.analysis.methods.toolkit.periods import NEVER
from services.analysis.methods.toolkit.scorecard import Scorecard
from services.analysis.worker.sdk import Bundle, MethodError, Outputs
from shared.contracts import OutputKind
from tests.analysis.fewer import one_shape
from tests.analysis.linked import check_passes, generated, pseudonyms, records, silent, value

pytestmark = pytest.mark.fit

ROWS = 32_000


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("business") / "table.parquet"
    generate(path, business.blocks(ROWS, 2))
    return path


def bundle_of(table: Path, folder: Path, change: str = "*", **parameters: Any) -> Bundle:
    return generated(business, "business", "biz_key", table, folder, change, parameters)


@pytest.fixture(scope="module")
def bundle(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle_of(table, tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def outputs(bundle: Bundle) -> Outputs:
    with one_shape():
        return run(bundle, silent)


def test_it_is_built_in_and_its_parameters_have_defaults() -> None:
    assert "services.analysis.methods.small_business_crisis" in BUILT_IN
    defaults = {name: schema["default"] for name, schema in CARD.parameters["properties"].items()}
    Draft202012Validator(CARD.parameters).validate(defaults)


def test_outputs_are_declared_and_pass_the_disclosure_check(outputs: Outputs) -> None:
    declared = {kind: {output.name for output in CARD.outputs if output.kind is kind} for kind in OutputKind}
    assert set(outputs.tables) == declared[OutputKind.TABLE] - {"champion"}
    assert set(outputs.figures) == declared[OutputKind.FIGURE]
    check_passes(outputs)


def test_every_model_is_measured_and_reaches_the_goals(outputs: Outputs) -> None:
    models = {row["model"]: row for row in records(outputs.tables["model_comparison"])}
    assert set(models) == {"prior", "logistic", "boosting", "scorecard", "hazard"}
    for model in ("logistic", "boosting", "scorecard", "hazard"):
        assert models[model]["roc_auc"] >= 0.75, model
        assert models[model]["brier"] < models["prior"]["brier"], model
    assert models["boosting"]["lift"] >= 4
    assert models["boosting"]["pr_auc"] >= 4 * value(outputs, "base_rate")
    assert value(outputs, "monotone_violations") == 0
    assert outputs.alarms == []


def test_levels_rise_in_what_really_happened(outputs: Outputs) -> None:
    rows = records(outputs.tables["crisis_levels"])
    rates = [row["rate"] for row in rows]
    assert len(rows) >= 2
    assert rates == sorted(rates)
    assert len(set(rates)) == len(rates)
    assert "normal" in rows[0]["level"]
    assert "severe" in rows[-1]["level"]


def test_levels_that_are_not_in_order_are_joined() -> None:
    score = np.linspace(0, 1, 10_000)
    rising = (np.random.default_rng(1).random(10_000) < 0.05 + 0.4 * score**3).astype(float)
    assert make_levels(score, rising, (0.02, 0.08, 0.2)).names == (("normal",), ("caution",), ("crisis",), ("severe",))
    falling = rising.copy()
    falling[score > 0.98] = np.arange((score > 0.98).sum()) % 20 == 0
    joined = make_levels(score, falling, (0.02, 0.08, 0.2)).names
    assert joined == (("normal",), ("caution",), ("crisis", "severe"))
    assert make_levels(score, np.zeros(10_000), (0.02, 0.08, 0.2)).names == (("normal", "caution", "crisis", "severe"),)


def test_industries_are_compared_and_none_stands_on_too_few(outputs: Outputs) -> None:
    rows = records(outputs.tables["industries"])
    assert len(rows) >= 3
    assert all(row["cases"] >= 10 and 0.5 < row["roc_auc"] <= 1 for row in rows)
    assert sum(row["rows"] for row in rows) == value_count(outputs)


def value_count(outputs: Outputs) -> int:
    return int(next(one["count"] for one in outputs.metrics["summary"]["figures"] if one["name"] == "base_rate"))


def test_the_points_of_a_card_rise_with_the_share_of_its_bins(outputs: Outputs) -> None:
    by_feature: dict[str, list[dict[str, Any]]] = {}
    for row in records(outputs.tables["scorecard"]):
        by_feature.setdefault(row["feature"], []).append(row)
    assert len(by_feature) >= 5
    for rows in by_feature.values():
        ordered = [row["points"] for row in sorted(rows, key=lambda row: row["rate"])]
        # Shares are drawn a little to that of all: bins of the same share may differ by a tenth.
        assert (np.diff(ordered) >= -0.15).all()
        assert ordered[-1] > ordered[0]


def test_a_listed_business_has_its_level_first(outputs: Outputs) -> None:
    rows = outputs.restricted_list or []
    assert rows
    assert all(row["reasons"][0]["code"].startswith("level-") and 2 <= len(row["reasons"]) <= 4 for row in rows)
    assert "위험 단계" in rows[0]["reasons"][0]["ko"]


def dates(day: list[int], closed: list[int]) -> Dates:
    return Dates(np.array(day), np.array(closed), np.zeros(len(day), dtype=bool))


def test_only_closures_after_the_day_and_within_the_horizon_are_the_outcome() -> None:
    found = make_outcome(
        "close_12m", None, dates([100, 100, 100, 100, 800], [101, 465, 466, NEVER, NEVER]), pseudonyms(5), "1972-06-30"
    )
    assert found.label[:4].tolist() == [1, 1, 0, 0]
    assert np.isnan(found.label[4])
    assert found.months.tolist() == [0, 11, np.inf, np.inf, np.inf]
    assert found.alarms == []


def test_rows_of_businesses_that_are_closed_already_are_left_out(bundle: Bundle) -> None:
    books = read_books(bundle, "close_12m", None)
    found = bundle.columns(["business__closed_on", "business__as_of_month"])
    closed = sum(
        day is not None and day <= month
        for day, month in zip(found["business__closed_on"], found["business__as_of_month"], strict=True)
    )
    assert closed > 100
    assert books.left_out == closed
    assert len(books.rows) + closed == len(found["business__as_of_month"])


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("closed_on IS NOT NULL", {"label-dated-in-the-past", "label-not-from-future"}),
        ("coalesce(closed_on <= as_of_month, false)", {"label-dated-in-the-past"}),
        ("coalesce(closed_on > as_of_month AND closed_on <= as_of_month + INTERVAL 365 DAY, false)", set()),
    ],
)
def test_a_label_that_is_dated_in_the_past_raises_an_alarm(table: Path, tmp_path: Path, label: str, code: set[str]) -> None:
    books = read_books(bundle_of(table, tmp_path, f"*, {label} AS label_close_12m"), "close_12m", None)
    assert {alarm["code"] for alarm in books.outcome.alarms} == code


def test_a_label_on_every_past_row_raises_an_alarm_where_no_day_is_given(table: Path, tmp_path: Path) -> None:
    flagged = "* EXCLUDE (closed_on), closed_on IS NOT NULL AS label_close_12m"
    assert [alarm["code"] for alarm in read_books(bundle_of(table, tmp_path, flagged), "close_12m", None).outcome.alarms] == [
        "label-not-from-future"
    ]
    honest = "* EXCLUDE (closed_on), coalesce(closed_on <= as_of_month + INTERVAL 365 DAY, false) AS label_close_12m"
    assert read_books(bundle_of(table, tmp_path / "honest", honest), "close_12m", None).outcome.alarms == []


def test_a_table_with_neither_day_nor_label_is_refused(table: Path, tmp_path: Path) -> None:
    with pytest.raises(MethodError, match="no-label"):
        run(bundle_of(table, tmp_path, "* EXCLUDE (closed_on)"), silent)


def test_the_hazard_finds_the_baseline_it_was_made_of() -> None:
    """Monthly chances of 5 % in the first two years and 1 % afterwards add up over the year as they should."""
    random = np.random.default_rng(4)
    age = np.repeat([3.0, 40.0], 6000).astype(np.float32)
    noise = random.normal(size=12_000).astype(np.float32)
    draws = random.random((12_000, 12)) < np.where(age < 24, 0.05, 0.01)[:, None]
    months = np.where(draws.any(axis=1), draws.argmax(axis=1), np.inf)
    encoding = Encoding(("age", "noise"))
    model = Hazard(encoding, 12, "age").fit(np.column_stack([age, noise]), months)
    found = model.predict_proba(np.array([[3.0, 0.0], [40.0, 0.0]], dtype=np.float32))[:, 1]
    assert found == pytest.approx([1 - 0.95**12, 1 - 0.99**12], abs=0.04)


def test_a_scorecard_leaves_out_what_counts_against_its_own_evidence() -> None:
    random = np.random.default_rng(2)
    signal = random.normal(size=4000)
    label = (random.random(4000) < 1 / (1 + np.exp(2 - 2 * signal))).astype(float)
    matrix = np.column_stack([signal, signal + 0.1 * random.normal(size=4000), random.normal(size=4000)]).astype(np.float32)
    card = Scorecard().fit(matrix, label)
    assert (card.slopes_ >= 0).all()
    assert card.slopes_[:2].sum() > 0.5
    assert np.ptp(card.predict_proba(np.array([[-2, -2, 0], [2, 2, 0]], dtype=np.float32))[:, 1]) > 0.5
