"""Cross-tabulation, clustering, forecasting and record linkage on any table: the truth that was put in is found again."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from services.analysis.methods import BUILT_IN, clustering, cross_tabulation, forecasting, record_linkage
from services.analysis.methods.toolkit.export import read_manifest
from services.analysis.policy import check_card
from services.analysis.worker.sdk import MethodError, Outputs
from shared.contracts import OutputKind
from tests.analysis.linked import check_passes, pseudonyms, records, silent, value, write

pytestmark = pytest.mark.fit

METHODS = {module.CARD.name: module for module in (cross_tabulation, clustering, forecasting, record_linkage)}


def checked(module: Any, outputs: Outputs) -> Outputs:
    """Whatever a method gives is declared, and passes the disclosure check."""
    declared = {(output.kind, output.name) for output in module.CARD.outputs}
    given = {(OutputKind.TABLE, name) for name in outputs.tables} | {(OutputKind.FIGURE, name) for name in outputs.figures}
    given |= {(OutputKind.METRICS, name) for name in outputs.metrics} | {(OutputKind.MODEL, name) for name in outputs.models}
    assert given <= declared
    check_passes(outputs)
    return outputs


def refused(module: Any, folder: Path, columns: dict[str, Any], **parameters: Any) -> str:
    with pytest.raises(MethodError) as refusal:
        module.run(write(folder, columns, parameters=parameters), silent)
    return refusal.value.code


@pytest.mark.parametrize("name", METHODS)
def test_it_is_built_in_and_its_card_holds_together(name: str) -> None:
    assert f"services.analysis.methods.{name}" in BUILT_IN
    check_card(METHODS[name].CARD)
    schema = METHODS[name].CARD.parameters
    defaults = {each: told["default"] for each, told in schema["properties"].items()}
    Draft202012Validator(schema).validate(defaults)


def people(size: int = 2000) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    region = rng.choice(["서울", "부산", "제주", "=cmd()"], size, p=[0.6, 0.3, 0.097, 0.003]).astype(object)
    aid = np.where(rng.random(size) < np.where(region == "부산", 0.7, 0.2), 1.0, 0.0)
    return {"region": region, "aid": aid, "wages": rng.gamma(2, 100, size), "age": rng.integers(20, 90, size).astype(float)}


def test_a_cross_table_counts_as_a_plain_count_does(tmp_path: Path) -> None:
    columns = people()
    bundle = write(tmp_path, dict(columns), parameters={"rows": "region", "columns": "aid", "measure": "wages"})
    outputs = checked(cross_tabulation, cross_tabulation.run(bundle, silent))
    for row in records(outputs.tables["cells"]):
        member = (columns["region"] == row["row"]) & (columns["aid"] == float(row["column"]))
        if row["row"] != "other":
            assert row["subjects"] == member.sum()
            assert abs(row["mean"] - columns["wages"][member].mean()) < 1e-3
    assert {row["row"] for row in records(outputs.tables["cells"])} <= {"서울", "부산", "제주", "other"}
    assert 0.3 < value(outputs, "association") < 0.7


def test_groupings_that_say_nothing_of_one_another(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    columns = {name: rng.choice(list("abc"), 3000).astype(object) for name in ("one", "two")}
    outputs = checked(
        cross_tabulation, cross_tabulation.run(write(tmp_path, columns, parameters={"rows": "one", "columns": "two"}), silent)
    )
    assert value(outputs, "association") < 0.05


def test_a_number_is_cut_without_telling_bounds(tmp_path: Path) -> None:
    outputs = checked(
        cross_tabulation, cross_tabulation.run(write(tmp_path, people(), parameters={"rows": "wages", "bins": 4}), silent)
    )
    rows = records(outputs.tables["groups"])
    assert [row["level"] for row in rows] == ["1/4", "2/4", "3/4", "4/4"]
    assert {row["subjects"] for row in rows} == {500}


def test_a_million_categories_and_other_odd_columns(tmp_path: Path) -> None:
    each = {"id": np.array([f"id{at}" for at in range(50_000)], dtype=object), "none": np.full(50_000, np.nan)}
    assert (
        refused(cross_tabulation, tmp_path / "a", {"id": each["id"][:5000], "x": np.ones(5000)}, rows="id") == "nothing-to-show"
    )
    assert refused(cross_tabulation, tmp_path / "b", dict(each), rows="none") == "nothing-to-show"
    assert refused(cross_tabulation, tmp_path / "c", people(12), rows="region") == "too-few-rows"
    assert refused(cross_tabulation, tmp_path / "d", people(), rows="nowhere") == "missing-column"
    assert refused(cross_tabulation, tmp_path / "e", people(), rows="region", measure="region") == "wrong-type"


def kinds(size: int = 900, apart: float = 6.0) -> dict[str, Any]:
    rng = np.random.default_rng(9)
    kind = rng.integers(0, 3, size)
    centre = np.array([[0, 0], [apart, 0], [0, apart]])[kind]
    spread = centre + rng.normal(size=(size, 2))
    return {"use": spread[:, 0] * 1000, "staff": spread[:, 1], "flag": rng.integers(0, 2, size).astype(float) * 0.0}


def test_three_kinds_are_found_and_the_model_is_kept(tmp_path: Path) -> None:
    outputs = checked(clustering, clustering.run(write(tmp_path, kinds()), silent))
    assert value(outputs, "clusters") == 3
    assert value(outputs, "stability") > 0.9
    assert value(outputs, "silhouette") > value(outputs, "by_chance") + 0.1
    assert value(outputs, "excess") > 5
    assert sum(row["subjects"] for row in records(outputs.tables["clusters"])) == 900
    manifest = read_manifest(outputs.models["clusters_model"])
    assert [feature.name for feature in manifest.features] == ["use", "staff"]


def one_kind(name: str) -> dict[str, Any]:
    """Tables in which there are no kinds, whatever k-means makes of them."""
    rng = np.random.default_rng(11)
    common = rng.normal(size=(600, 1))
    match name:
        case "one Gaussian":
            rows = rng.normal(size=(600, 4)) @ rng.normal(size=(4, 4))
        case "uniform noise":
            rows = rng.uniform(size=(600, 3))
        case "skewed amounts that go together":
            rows = np.exp(common + 0.7 * rng.normal(size=(600, 3)))
        case "one factor":
            rows = common + 0.3 * rng.normal(size=(600, 5))
        case _:
            rows = np.column_stack([rng.integers(0, 2, 600), rng.poisson(2, 600), rng.normal(size=600)])
    return {f"c{at}": column for at, column in enumerate(rows.T.astype(float))}


@pytest.mark.parametrize(
    "name", ["one Gaussian", "uniform noise", "skewed amounts that go together", "one factor", "a flag, a count, a number"]
)
def test_where_there_are_no_kinds_none_is_described(name: str, tmp_path: Path) -> None:
    outputs = checked(clustering, clustering.run(write(tmp_path, one_kind(name)), silent))
    assert value(outputs, "clusters") == 1
    assert set(outputs.tables) == {"choices"}
    assert (outputs.figures, outputs.models) == ({}, {})
    assert "do not fall into kinds" in outputs.metrics["summary"]["notes"]["en"]


def test_kinds_along_one_line_are_found_too(tmp_path: Path) -> None:
    """Two kinds that differ in every column alike look like one spread with a high correlation."""
    rng = np.random.default_rng(12)
    rows = 5.0 * rng.integers(0, 2, 600)[:, None] + rng.normal(size=(600, 3))
    outputs = checked(clustering, clustering.run(write(tmp_path, {f"c{at}": each for at, each in enumerate(rows.T)}), silent))
    assert value(outputs, "clusters") == 2


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"use": np.arange(12.0)}, "too-few-rows"),
        ({"use": np.ones(200), "none": np.full(200, np.nan)}, "no-features"),
        ({"name": np.array(["가"] * 200, dtype=object)}, "no-features"),
    ],
)
def test_what_cannot_be_clustered(tmp_path: Path, columns: dict[str, Any], code: str) -> None:
    assert refused(clustering, tmp_path, dict(columns)) == code


def months(size: int = 48, subjects: int = 30, seed: int = 1, noise: float = 1.0) -> dict[str, Any]:
    """A trend, a season of twelve months and noise, for each of these subjects of two regions."""
    rng = np.random.default_rng(seed)
    at = np.repeat(np.arange(size), subjects)
    person = np.tile(np.arange(subjects), size)
    value = 100 + 0.8 * at + 20 * np.sin(2 * np.pi * at / 12) + rng.normal(0, noise, len(at))
    period = np.array([f"{2020 + month // 12}-{month % 12 + 1:02d}-01" for month in at], dtype=object)
    group = np.where(person % 2 == 0, "서울", "부산").astype(object)
    return {
        "pseudonym": np.array([f"{one:064x}" for one in person], dtype=object),
        "period": period,
        "value": value,
        "group": group,
    }


def forecast(folder: Path, columns: dict[str, Any], **parameters: Any) -> Outputs:
    return checked(forecasting, forecasting.run(write(folder, columns, "series", parameters=parameters), silent))


def test_a_trend_with_a_season_goes_on(tmp_path: Path) -> None:
    outputs = forecast(tmp_path, months(), horizon=12, statistic="mean")
    rows = records(outputs.tables["forecast"])
    assert {row["group"] for row in rows} == {"every", "서울", "부산"}
    ahead = [row for row in rows if row["group"] == "every" and row["kind"] == "forecast"]
    assert [row["period"] for row in ahead] == [f"2024-{month:02d}-01" for month in range(1, 13)]
    truth = [100 + 0.8 * at + 20 * np.sin(2 * np.pi * at / 12) for at in range(48, 60)]
    assert max(abs(row["value"] - wanted) for row, wanted in zip(ahead, truth, strict=True)) < 4
    assert np.mean([row["low"] <= wanted <= row["high"] for row, wanted in zip(ahead, truth, strict=True)]) >= 0.75
    assert value(outputs, "mase") < 0.5
    assert outputs.metrics["summary"]["split"] == {"way": "ridge"}


def test_in_another_unit_it_forecasts_the_same(tmp_path: Path) -> None:
    columns = months()
    plain = forecast(tmp_path / "won", dict(columns), statistic="mean")
    other = forecast(tmp_path / "million", columns | {"value": columns["value"] * 1e6}, statistic="mean")
    wons, millions = (records(outputs.tables["forecast"]) for outputs in (plain, other))
    assert wons
    for one, another in zip(wons, millions, strict=True):
        assert another["value"] == pytest.approx(one["value"] * 1e6, rel=1e-5)


def test_sums_are_what_a_plain_sum_is_and_parts_never_tell_a_small_rest(tmp_path: Path) -> None:
    columns = months(subjects=44)
    small = np.array([int(name, 16) >= 40 for name in columns["pseudonym"]])
    columns["group"] = np.where(small, "제주", columns["group"]).astype(object)
    outputs = forecast(tmp_path, dict(columns))
    rows = records(outputs.tables["forecast"])
    assert {row["group"] for row in rows} == {"every"}, "four people of Jeju would be told by subtraction"
    first = next(row for row in rows if row["period"] == "2020-01-01")
    assert abs(first["value"] - columns["value"][columns["period"] == "2020-01-01"].sum()) < 0.01
    assert first["subjects"] == 44


def test_noise_alone_is_forecast_no_better_than_naively(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    columns = months(60)
    columns["value"] = rng.normal(50, 10, len(columns["value"]))
    assert value(forecast(tmp_path, columns), "mase") > 0.6


@pytest.mark.parametrize("frequency", ["year", "quarter", "week", "day"])
def test_periods_of_another_length(tmp_path: Path, frequency: str) -> None:
    length = {"year": 366, "quarter": 92, "week": 7, "day": 1}[frequency]
    size = {"year": 12, "quarter": 16, "week": 120, "day": 40}[frequency]
    first = date(2003, 1, 6)
    days = [first + timedelta(days=length * at) for at in range(size)]
    if frequency == "year":
        days = [date(2003 + at, 5, 5) for at in range(size)]
    if frequency == "quarter":
        days = [date(2003 + at // 4, at % 4 * 3 + 2, 5) for at in range(size)]
    columns = {
        "pseudonym": np.array([f"{person:064x}" for _ in days for person in range(12)], dtype=object),
        "period": np.array([day.isoformat() for day in days for _ in range(12)], dtype=object),
        "value": np.array([float(at) for at in range(size) for _ in range(12)]),
    }
    outputs = forecast(tmp_path, columns, frequency=frequency, horizon=3, statistic="mean")
    rows = records(outputs.tables["forecast"])
    assert len(rows) == size + 3
    assert [row["period"] for row in rows] == sorted({row["period"] for row in rows})
    assert abs(rows[-1]["value"] - (size + 2)) < 2.5


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"value": np.full(1440, np.nan)}, "no-rows"),
        ({"period": np.array(["2024-01-01"] * 1440, dtype=object)}, "too-few-periods"),
    ],
)
def test_what_cannot_be_forecast(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    assert refused_series(tmp_path, months() | change) == code


def test_nine_subjects_are_too_few(tmp_path: Path) -> None:
    columns = months(subjects=9)
    assert refused_series(tmp_path, columns) == "too-few-periods"


def refused_series(folder: Path, columns: dict[str, Any]) -> str:
    with pytest.raises(MethodError) as refusal:
        forecasting.run(write(folder, columns, "series"), silent)
    return refusal.value.code


def register(size: int = 1500, twice: int = 120, seed: int = 2) -> tuple[dict[str, Any], set[frozenset[int]]]:
    """Records, some of them twice under another key with a slip in one field; and which are the same."""
    rng = np.random.default_rng(seed)
    fields = {
        "birth": rng.integers(10_000, 30_000, size),
        "name": rng.integers(0, 400, size),
        "street": rng.integers(0, 800, size),
        "sex": rng.integers(0, 2, size),
    }
    again = rng.choice(size, twice, replace=False)
    columns: dict[str, Any] = {}
    for at, (name, values) in enumerate(fields.items()):
        copied = values[again].copy()
        slips = rng.random(twice) < 0.05 + 0.05 * (at == 2)
        copied[slips] = values[rng.permutation(size)[: slips.sum()]]
        columns[name] = np.array([f"{name}-{value}" for value in np.concatenate([values, copied])], dtype=object)
    columns["street"][rng.choice(size, 100, replace=False)] = None
    return columns, {frozenset((int(one), size + at)) for at, one in enumerate(again)}


def paired(outputs: Outputs) -> set[frozenset[int]]:
    place = {name[:12]: at for at, name in enumerate(pseudonyms(4000))}
    rows = outputs.restricted_list or []
    return {frozenset((place[row["pseudonym"][:12]], place[row["reasons"][0]["code"][8:]])) for row in rows}


def test_records_that_are_there_twice_are_found(tmp_path: Path) -> None:
    columns, truth = register()
    outputs = checked(record_linkage, record_linkage.run(write(tmp_path, columns), silent))
    found = paired(outputs)
    assert len(found & truth) / len(found) > 0.95, "precision"
    assert len(found & truth) / len(truth) > 0.7, "recall"
    tells = {row["field"]: row["bits"] for row in records(outputs.tables["fields"])}
    assert tells["birth"] > tells["street"] > tells["sex"]


def test_only_records_of_different_sources_are_compared(tmp_path: Path) -> None:
    columns, truth = register()
    columns["source"] = np.array(["nts"] * 1500 + ["mohw"] * 120, dtype=object)
    outputs = checked(
        record_linkage, record_linkage.run(write(tmp_path, columns, parameters={"block": ["birth", "name"]}), silent)
    )
    assert paired(outputs) <= {frozenset((one, other)) for one in range(1500) for other in range(1500, 1620)}
    assert len(paired(outputs) & truth) / len(truth) > 0.7


def test_nobody_is_called_twice_where_nobody_is(tmp_path: Path) -> None:
    columns, _ = register(twice=10)
    outputs = record_linkage.run(write(tmp_path, {name: values[:1500] for name, values in columns.items()}), silent)
    assert len(outputs.restricted_list or []) <= 4


@pytest.mark.parametrize(
    ("columns", "parameters", "code"),
    [
        ({"a": np.arange(12.0), "b": np.arange(12.0)}, {}, "too-few-rows"),
        ({"a": np.arange(50.0), "b": np.ones(50)}, {}, "no-features"),
        ({"a": np.arange(50.0), "b": np.arange(50.0)}, {}, "no-pairs"),
        ({"a": np.arange(50.0) % 9, "b": np.arange(50.0) % 7}, {"block": ["c"]}, "parameter-names-no-column"),
    ],
)
def test_what_cannot_be_linked(tmp_path: Path, columns: dict[str, Any], parameters: dict[str, Any], code: str) -> None:
    assert refused(record_linkage, tmp_path, dict(columns), **parameters) == code
