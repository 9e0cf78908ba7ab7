"""Series in parts find what all series together find; and where parts begin."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.analysis.methods import anomaly_series
from services.analysis.methods.anomaly_series import times
from services.analysis.methods.anomaly_series.panel import make_panel
from services.analysis.methods.anomaly_series.parameters import SCHEMA
from services.analysis.methods.anomaly_series.parts import search
from services.analysis.methods.anomaly_series.reading import read
from services.analysis.methods.anomaly_series.study import Lessons, conduct, raw
from services.analysis.methods.anomaly_series.windows import ranked
from services.analysis.methods.deviation import forest, residuals
from services.analysis.methods.deviation.parameters import Parameters
from services.analysis.worker import sdk
from services.analysis.worker.sdk import MethodError
from tests.analysis.fewer import fewer_trees
from tests.analysis.linked import silent, write_as_it_is

pytestmark = pytest.mark.fit

Columns = dict[str, Any]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk, "PIECE", 700)
    for module in (residuals, forest):
        monkeypatch.setattr(module, "BLOCK", 500)


def series(count: int = 40, hours: int = 24 * 9) -> Columns:
    """Days with half reporting in every fifth series, with doubles, gaps, a time that nobody can read and a text beside."""
    random = np.random.default_rng(6)
    at = np.arange(hours)
    day = 1.5 + np.sin(2 * np.pi * at / 24)
    value = np.exp(random.normal(3, 1, (count, 1))) * day * np.exp(random.normal(0, 0.04, (count, hours)))
    wrong = np.zeros(value.shape, dtype=bool)
    wrong[::5, 100:130] = True
    value[wrong] *= 0.4
    moments = (np.datetime64("2024-01-01T00:00", "m") + at * 60).astype(str).astype(object)
    columns = {
        "pseudonym": np.repeat(np.array([f"{one:064x}" for one in range(count)], dtype=object), hours),
        "series__time": np.tile(moments, count),
        "series__value": value.ravel(),
        "series__weather": np.tile(np.array(["sun", None, "rain"], dtype=object)[at // 30 % 3], count),
        "series__known_anomaly": wrong.ravel(),
    }
    columns["series__value"][[50, 51]] = np.nan, np.inf
    columns["series__time"][[60, 61]] = "2931-01-01", None
    kept = np.r_[0:300, 310:700, 690:695, 700 : count * hours]
    return {name: values[kept] for name, values in columns.items()}


def test_a_panel_of_stored_rows_is_that_of_all_columns(tmp_path: Path) -> None:
    columns = series()
    plain, stored = make_panel(columns), read(write_as_it_is(tmp_path, columns))
    for chosen in (np.arange(40), np.array([0, 1, 3, 39])):
        panel = stored.panel(chosen)
        assert panel.grid == plain.grid
        for name in ("value", "present", "again", "lost", "label"):
            np.testing.assert_array_equal(getattr(panel, name), getattr(plain, name)[chosen])
        np.testing.assert_array_equal(panel.drivers["weather"], plain.drivers["weather"][chosen])
    assert plain.again.sum() == 5
    assert plain.lost.tolist()[:2] == [2, 0]


def test_parts_that_are_taught_by_all_find_what_all_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_trees: None
) -> None:
    columns, asked = series(), Parameters.read(SCHEMA, {})
    panel = make_panel(columns)
    whole, matrix = conduct(panel, asked), raw(panel)
    lessons = Lessons(whole.expected.fits, forest.grow(matrix, len(matrix), seed=20241))
    monkeypatch.setattr(times, "MOST_CELLS", 32 * panel.grid.count)
    stored = read(write_as_it_is(tmp_path, columns))
    parts = [conduct(stored.panel(chosen), asked, lessons) for chosen in stored.parts()]
    assert [len(part.panel.series) for part in parts] == [20, 20]
    np.testing.assert_array_equal(np.concatenate([part.score for part in parts]), whole.score)
    np.testing.assert_array_equal(np.concatenate([part.forest for part in parts]), whole.forest)
    found = ranked([part.windows for part in parts])
    for name, values in vars(whole.windows).items():
        np.testing.assert_array_equal(getattr(found, name), values)


@pytest.mark.fit
def test_parts_begin_where_the_cells_do_not_stand_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = write_as_it_is(tmp_path, series())
    grid = read(bundle).grid
    whole = anomaly_series.run(bundle, silent)
    with fewer_trees():
        quick = anomaly_series.run(bundle, silent)
        monkeypatch.setattr(times, "MOST_CELLS", 40 * grid.count)
        assert json.dumps(vars(anomaly_series.run(bundle, silent))) == json.dumps(vars(quick))
        monkeypatch.setattr(times, "MOST_CELLS", 40 * grid.count - 1)
        assert len(search(bundle, Parameters.read(SCHEMA, {}), silent).parts) == 2
        quick, again = (anomaly_series.run(bundle, silent) for _ in range(2))
        assert json.dumps(vars(quick)) == json.dumps(vars(again))
    parted = anomaly_series.run(bundle, silent)
    lists = [{line["pseudonym"]: line["reasons"][0]["code"] for line in one.restricted_list or []} for one in (whole, parted)]
    troubled = {f"{one:064x}" for one in range(0, 40, 5)}
    assert troubled <= lists[0].keys() & lists[1].keys()
    assert all(lists[0][name] == lists[1][name] for name in troubled)
    tables = [{row[0]: row[1:3] for row in one.tables["timeline"]["rows"]} for one in (whole, parted)]
    assert tables[0] == tables[1]
    figures = [[one["value"] for one in each.metrics["summary"]["figures"][:2]] for each in (whole, parted)]
    assert figures[0] == figures[1]
    compared = {row[0]: row[-2:] for row in parted.tables["comparison"]["rows"]}
    assert compared["residual"][0] > 0.95
    assert compared["residual"][1] > compared["forest"][1] + 0.4


def test_more_cells_than_can_be_judged_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = write_as_it_is(tmp_path, series())
    monkeypatch.setattr("services.analysis.methods.anomaly_series.reading.MOST_CELLS", 40 * read(bundle).grid.count - 1)
    with pytest.raises(MethodError) as refusal:
        read(bundle)
    assert refusal.value.code == "too-many-cells"
