"""Anomalies in any table and in any series: what is strange beside the rest is listed with its reason, whatever the input."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from sklearn.metrics import average_precision_score, roc_auc_score

from deploy.evaluate import mixed, steel
from services.analysis.methods import BUILT_IN, anomaly_series, anomaly_tables
from services.analysis.methods.anomaly_series.panel import make_panel
from services.analysis.methods.anomaly_series.parameters import SCHEMA
from services.analysis.methods.anomaly_series.study import conduct
from services.analysis.methods.anomaly_tables.records import make_records
from services.analysis.methods.anomaly_tables.scores import score_rows
from services.analysis.methods.deviation.parameters import Parameters
from services.analysis.policy import check_card
from services.analysis.worker.sdk import MethodError, Outputs
from services.results.disclosure import Rules, check_figure, check_metrics, check_table, read_line
from shared.contracts import OutputKind
from tests.analysis.linked import silent, write_as_it_is

pytestmark = pytest.mark.fit

Columns = dict[str, Any]
HOURS, SERIES = 24 * 21, 26


def names(count: int) -> Any:
    return np.array([f"{at:064x}" for at in range(count)], dtype=object)


def records(rows: int = 1500, seed: int = 1) -> tuple[Columns, Any]:
    """A table whose columns hang together, and some rows in which one cell is another row's: ordinary by itself."""
    random = np.random.default_rng(seed)
    size = np.exp(random.normal(8, 1, rows))
    columns = {
        "staff": np.round(size / 900 * np.exp(random.normal(0, 0.1, rows))),
        "sales": size * np.exp(random.normal(0, 0.1, rows)),
        "power": size * 0.3 * np.exp(random.normal(0, 0.1, rows)),
    }
    wrong = random.random(rows) < 0.03
    other = random.permutation(rows)
    columns["power"] = np.where(wrong, columns["power"][other], columns["power"])
    wrong &= np.abs(np.log(columns["power"] / size / 0.3)) > 1
    kind = random.choice(np.array(["shop", "plant", None], dtype=object), rows, p=[0.6, 0.39, 0.01])
    named = {f"records__{name}": values for name, values in columns.items()} | {"records__kind": kind}
    return {"pseudonym": names(rows), "records__peer_group": kind} | named, wrong


def series(seed: int = 1, count: int = SERIES, hours: int = HOURS) -> tuple[Columns, Any]:
    """Hourly consumption with days and weeks in it and, in some series, half reporting, a frozen value or a day that fails."""
    random = np.random.default_rng(seed)
    at = np.arange(hours)
    day = 1 + 0.5 * np.sin(2 * np.pi * at / 24) + np.where((at // 24) % 7 >= 5, -0.4, 0.0)
    value = np.exp(random.normal(3, 1, (count, 1))) * day * np.exp(random.normal(0, 0.04, (count, hours)))
    wrong = np.zeros((count, hours), dtype=bool)
    for one in range(0, count if hours > 200 else 0, 2):
        first = int(random.integers(24, hours - 96))
        cut = slice(first, first + 36)
        value[one, cut] = value[one, cut] * 0.5 if one % 4 else value[one, first]
        wrong[one, cut] = True
    times = (np.datetime64("2024-01-01T00:00", "m") + at * 60).astype(str).astype(object)
    columns = {
        "pseudonym": np.repeat(names(count), hours),
        "series__time": np.tile(times, count),
        "series__value": value.ravel(),
        "series__known_anomaly": wrong.ravel(),
    }
    return columns, wrong


@pytest.fixture(scope="module")
def table_outputs(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    columns, wrong = records()
    told = columns | {"records__known_anomaly": wrong}
    return anomaly_tables.run(write_as_it_is(tmp_path_factory.mktemp("table"), told), silent)


@pytest.fixture(scope="module")
def series_outputs(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    return anomaly_series.run(write_as_it_is(tmp_path_factory.mktemp("series"), series()[0]), silent)


def rows_of(outputs: Outputs, name: str) -> dict[str, dict[str, Any]]:
    table = outputs.tables[name]
    keys = [column["name"] for column in table["columns"]]
    return {str(row[0]): dict(zip(keys, row, strict=True)) for row in table["rows"]}


def codes(outputs: Outputs) -> Counter[str]:
    return Counter(reason["code"] for line in outputs.restricted_list or [] for reason in line["reasons"])


# Both


@pytest.mark.parametrize("method", [anomaly_tables, anomaly_series])
def test_they_are_built_in_and_take_any_columns(method: ModuleType) -> None:
    assert method.__name__ in BUILT_IN
    check_card(method.CARD)
    assert len(method.CARD.inputs[0].further) == 4
    validator = Draft202012Validator(method.CARD.parameters)
    validator.validate({name: schema["default"] for name, schema in method.CARD.parameters["properties"].items()})
    assert not any(validator.is_valid(wrong) for wrong in ({"review_budget": 0}, {"threshold": 1}, {"colour": "red"}))


@pytest.mark.fit
@pytest.mark.parametrize("name", ["table_outputs", "series_outputs"])
def test_outputs_are_declared_and_pass_disclosure_control(request: pytest.FixtureRequest, name: str) -> None:
    outputs: Outputs = request.getfixturevalue(name)
    card = (anomaly_tables if name == "table_outputs" else anomaly_series).CARD
    declared = {kind: {output.name for output in card.outputs if output.kind is kind} for kind in OutputKind}
    assert set(outputs.tables) <= declared[OutputKind.TABLE]
    assert len(outputs.tables) >= 2
    assert set(outputs.figures) == declared[OutputKind.FIGURE]
    rules = Rules.load()
    for table in outputs.tables.values():
        assert check_table(table, rules).findings == (), table["name"]
    for spec in outputs.figures.values():
        assert check_figure(spec, "figure", outputs.tables, rules).passed
    assert check_metrics(outputs.metrics["summary"], rules).passed
    for line in outputs.restricted_list or []:
        assert read_line(json.dumps(line, ensure_ascii=False).encode())


@pytest.mark.parametrize(
    ("method", "changes", "code"),
    [
        (
            anomaly_tables,
            {"records__power": 1.0, "records__sales": 1.0, "records__staff": 1.0, "records__kind": "x"},
            "no-features",
        ),
        (anomaly_series, {"series__value": "=1+1"}, "wrong-type"),
        (anomaly_series, {"series__time": "soon"}, "time-unreadable"),
        (anomaly_series, {"series__value": None}, "missing-column"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path: Path, method: ModuleType, changes: Columns, code: str) -> None:
    columns = records()[0] if method is anomaly_tables else series(count=2, hours=48)[0]
    many = len(columns["pseudonym"])
    for name, value in changes.items():
        columns[name] = np.full(many, value, dtype=object if isinstance(value, str) else None)
    kept = {name: values for name, values in columns.items() if changes.get(name, 0) is not None}
    with pytest.raises(MethodError) as refusal:
        method.run(write_as_it_is(tmp_path, kept), silent)
    assert refusal.value.code == code


@pytest.mark.parametrize(("method", "make"), [(anomaly_tables, records), (anomaly_series, series)])
def test_twelve_rows_are_enough_and_eleven_are_not(
    tmp_path: Path, method: ModuleType, make: Callable[[], Any], few_trees: None
) -> None:
    columns = make()[0]
    assert (
        method.run(write_as_it_is(tmp_path, {name: values[:12] for name, values in columns.items()}), silent).restricted_list
        is not None
    )
    with pytest.raises(MethodError) as refusal:
        method.run(write_as_it_is(tmp_path, {name: values[:11] for name, values in columns.items()}), silent)
    assert refusal.value.code == "too-few-rows"


@pytest.mark.parametrize(
    ("method", "make"), [(anomaly_tables, lambda: records(400)), (anomaly_series, lambda: series(1, 12, 72))]
)
def test_the_same_bundle_gives_the_same_bytes(
    tmp_path: Path, method: ModuleType, make: Callable[[], Any], few_trees: None
) -> None:
    given = write_as_it_is(tmp_path, make()[0])
    one, two = method.run(given, silent), method.run(given, silent)
    assert json.dumps(vars(one), allow_nan=False) == json.dumps(vars(two), allow_nan=False)


# Tables


def test_what_the_other_columns_do_not_let_expect_is_listed_first(table_outputs: Outputs) -> None:
    wrong = set(names(1500)[records()[1]])
    listed = [line["pseudonym"] for line in table_outputs.restricted_list or []]
    assert 10 < len(listed) <= 30
    assert sum(name in wrong for name in listed) / len(listed) > 0.8
    reasons = [line["reasons"][0] for line in table_outputs.restricted_list or [] if line["pseudonym"] in wrong]
    assert {reason["code"] for reason in reasons} <= {"above-expected", "below-expected"}
    assert sum(reason["en"].startswith("power: ") for reason in reasons) / len(reasons) > 0.7


@pytest.mark.parametrize("seed", [2, 3])
def test_residuals_leave_the_isolation_forest_behind(seed: int) -> None:
    columns, wrong = records(seed=seed)
    scores = score_rows(make_records(columns))
    assert roc_auc_score(wrong, scores.residual) > 0.9
    assert average_precision_score(wrong, scores.residual) > average_precision_score(wrong, scores.forest) + 0.3


def test_known_anomalies_are_measured_against_and_never_learned_from(tmp_path: Path, table_outputs: Outputs) -> None:
    without = anomaly_tables.run(write_as_it_is(tmp_path, records()[0]), silent)
    assert without.restricted_list == table_outputs.restricted_list
    layers = rows_of(table_outputs, "layers")
    assert layers["residual"]["average_precision"] > layers["forest"]["average_precision"] + 0.3
    assert "average_precision" not in rows_of(without, "layers")["residual"]


def test_rare_texts_and_unusual_gaps_are_reasons(tmp_path: Path, few_trees: None) -> None:
    columns, _ = records()
    columns["records__kind"][7] = "palace"
    columns["records__sales"][8] = np.nan
    outputs = anomaly_tables.run(write_as_it_is(tmp_path, columns, review_budget=0.1, threshold=2), silent)
    reasons = {line["pseudonym"]: {reason["code"] for reason in line["reasons"]} for line in outputs.restricted_list or []}
    assert "rare-value" in reasons[names(9)[7]]
    assert "missing-value" in reasons[names(9)[8]]


@pytest.mark.parametrize("value", [1e308, -1e200, np.inf, 1e-300])
def test_huge_numbers_hide_nothing(value: float) -> None:
    columns, wrong = records()
    columns["records__sales"][3] = value
    assert roc_auc_score(wrong, score_rows(make_records(columns)).residual) > 0.9


def test_empty_and_constant_columns_and_names_are_left_out(tmp_path: Path, few_trees: None) -> None:
    columns, _ = records(300)
    odd = {
        "records__empty": np.full(300, np.nan),
        "records__one": np.ones(300),
        "records__name": names(300),
        "records__text": None,
    }
    odd["records__text"] = np.array(["=1+1", None, "=SUM(A1)"] * 100, dtype=object)
    outputs = anomaly_tables.run(write_as_it_is(tmp_path, columns | odd), silent)
    figure = next(one for one in outputs.metrics["summary"]["figures"] if one["name"] == "columns")
    assert figure["value"] == 5


# Series


@pytest.mark.fit
def test_stretches_are_found_where_they_are_and_named(series_outputs: Outputs) -> None:
    _, wrong = series()
    troubled = set(names(SERIES)[wrong.any(axis=1)])
    listed = {line["pseudonym"]: line["reasons"][0] for line in series_outputs.restricted_list or []}
    assert troubled <= set(listed)
    assert len(set(listed) - troubled) <= 1
    halves = [listed[name] for name in names(SERIES)[2::4]]
    assert {reason["code"] for reason in halves} == {"below-expected"}
    assert all("5" in reason["en"].rsplit(". ", 1)[1] or "4" in reason["en"].rsplit(". ", 1)[1] for reason in halves)
    assert {listed[name]["code"] for name in names(SERIES)[0::4]} == {"flat-line"}


@pytest.mark.fit
def test_residuals_of_series_leave_the_isolation_forest_behind(series_outputs: Outputs) -> None:
    by = rows_of(series_outputs, "comparison")
    assert by["residual"]["roc_auc"] > 0.95
    assert by["residual"]["average_precision"] > by["forest"]["average_precision"] + 0.4


def test_holes_doubles_and_times_out_of_place_are_findings(tmp_path: Path, few_trees: None) -> None:
    columns, _ = series(count=12, hours=240)
    at = np.arange(len(columns["pseudonym"]))
    kept = np.concatenate([at[(at < 300) | (at > 310)], [50, 51]])
    cut = {name: values[kept] for name, values in columns.items()}
    cut["series__time"] = cut["series__time"].copy()
    cut["series__time"][5], cut["series__time"][6] = "2931-01-01", None
    outputs = anomaly_series.run(write_as_it_is(tmp_path, cut, review_budget=1), silent)
    assert codes(outputs)["missing-period"] >= 2
    assert codes(outputs)["duplicated-period"] == 1
    assert codes(outputs)["no-time"] == 1


@pytest.mark.parametrize("start", ["2001-01", "2001"])
def test_months_and_years_are_steps_too(start: str) -> None:
    unit: Literal["M", "Y"] = "M" if "-" in start else "Y"
    times = (np.datetime64(start, unit) + np.arange(60)).astype(str).astype(object)
    value = 100 + np.arange(60) % 12 + np.random.default_rng(1).normal(0, 0.5, (20, 60))
    value[3, 40] = 400
    found = {"pseudonym": np.repeat(names(20), 60), "series__time": np.tile(times, 20), "series__value": value.ravel()}
    study = conduct(make_panel(found), Parameters.read(SCHEMA, {}))
    assert (study.panel.grid.count, study.panel.grid.label(1)) == (60, "2001-02" if unit == "M" else "2002-01")
    assert int(study.windows.series[0]) == 3


@pytest.mark.parametrize("value", [5.0, 0.0, np.nan, 1e300])
def test_constant_and_empty_series_are_borne(tmp_path: Path, value: float, few_trees: None) -> None:
    columns, _ = series(count=12, hours=120)
    columns["series__value"][:120] = value
    outputs = anomaly_series.run(write_as_it_is(tmp_path, columns), silent)
    assert codes(outputs)["flat-line"] <= 6
    json.dumps(vars(outputs), allow_nan=False)


# Evaluation


def test_stretches_are_injected_as_they_are_told() -> None:
    random = np.random.default_rng(1)
    value = np.exp(random.normal(3, 1, 20_000))
    changed, kind = steel.inject(value, 1)
    assert set(np.unique(kind)) == {0, 1, 2, 3}
    assert steel.SHARE <= (kind > 0).mean() < steel.SHARE + 0.01
    assert (changed[kind == 0] == value[kind == 0]).all()
    assert np.allclose(changed[kind == 1], value[kind == 1] / 2)


def test_dates_are_day_month_year_and_midnight_belongs_to_the_next_day(tmp_path: Path) -> None:
    file = tmp_path / steel.FILE
    file.write_text(
        "date,Usage_kWh,NSM,WeekStatus,Day_of_week,Load_Type\n2/1/2018 23:45,1,85500,a,b,c\n2/1/2018 0:00,2,0,a,b,c\n",
        encoding="utf-8-sig",
    )
    times, columns = steel.read(file)
    assert times.astype(str).tolist() == ["2018-01-02T23:45", "2018-01-03T00:00"]
    assert columns["Usage_kWh"].tolist() == [1, 2]


def test_an_evaluation_without_its_data_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert steel.evaluate(tmp_path) == mixed.evaluate(tmp_path) == []
    assert capsys.readouterr().out.count("left out") == 2
