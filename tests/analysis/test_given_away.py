"""What is left out of a table follows from nothing that is shown: neither from sums nor from the next larger selection."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from services.analysis.methods import cross_tabulation, forecasting
from services.analysis.methods.cross_tabulation.hiding import may_be_shown
from services.analysis.methods.ghg_anomalies.ledger import Findings
from services.analysis.methods.ghg_anomalies.tables.findings import budget_curve
from services.analysis.methods.record_linkage.results import joined
from services.analysis.methods.toolkit.scorecard import Binned, told_bins
from services.analysis.methods.toolkit.tables import capacity_curve
from services.analysis.worker.sdk import MethodError
from tests.analysis.linked import records, silent, write
from tests.analysis.months import by_months


def determined(counts: Any, shown: Any) -> list[tuple[int, int]]:
    """Small hidden cells that follow from the sums of rows and columns, by linear algebra; and sums of fewer than ten."""
    hidden = np.argwhere(~shown)
    lines = np.zeros((sum(counts.shape), len(hidden)))
    for at, (row, column) in enumerate(hidden):
        lines[row, at] = lines[counts.shape[0] + column, at] = 1
    left = np.where(shown, 0, counts)
    found = []
    for at, (row, column) in enumerate(hidden):
        alone = np.linalg.matrix_rank(np.vstack([lines, np.eye(len(hidden))[at]])) == np.linalg.matrix_rank(lines)
        if 0 < counts[row, column] < 10 and (alone or min(left[row].sum(), left[:, column].sum()) < 10):
            found.append((int(row), int(column)))
    return found


def test_no_small_cell_follows_from_the_sums() -> None:
    random = np.random.default_rng(3)
    tried = told = 0
    for _ in range(200):
        shape = tuple(random.integers(2, 6, 2))
        counts = np.where(random.random(shape) < 0.3, random.integers(0, 12, shape), random.integers(10, 200, shape))
        if min(counts.sum(axis=0).min(), counts.sum(axis=1).min()) >= 10:
            tried += 1
            told += bool(determined(counts, counts >= 10))
            shown = may_be_shown(counts)
            assert determined(counts, shown) == []
            assert not (shown & (counts < 10)).any()
    assert told > tried / 3, "it was shown before"


def test_a_cross_table_without_small_cells_is_shown_whole_and_one_with_them_as_far_as_it_can(tmp_path: Path) -> None:
    assert may_be_shown(np.array([[10, 20], [30, 40]])).all()
    assert may_be_shown(np.array([[60, 35, 5], [40, 40, 20]])).tolist() == [[True, False, False], [True, False, False]]
    columns = {
        "row": np.repeat(["a", "b"], [80, 120]).astype(object),
        "column": np.array(["x"] * 74 + ["y"] * 6 + ["x"] * 60 + ["y"] * 60, dtype=object),
    }
    outputs = cross_tabulation.run(write(tmp_path, columns, parameters={"rows": "row", "columns": "column"}), silent)
    assert set(outputs.tables) == {"groups"}, "six people would follow from the others"


def test_a_larger_capacity_gives_no_small_step_away() -> None:
    label = np.zeros(2000)
    label[:25] = 1
    label[np.arange(60, 2000, 9)] = 1

    def selected(_: str, places: int) -> Any:
        return np.arange(2000) < places

    study: Any = SimpleNamespace(names=("only",), label=label, selected=selected)
    table = capacity_curve(study, {"only": ("", "")})
    assert table
    rows = records(table)
    assert len(rows) >= 3
    for one, other in zip(rows, rows[1:], strict=False):
        found, chosen = other["found"] - one["found"], other["selected"] - one["selected"]
        assert min(found, chosen - found) >= 10


def test_bins_of_a_scorecard_that_are_left_out_are_enough_together() -> None:
    gaps = Binned(np.array([1.0]), np.zeros(3), rows=(100, 60, 4), cases=(30, 20, 1))
    assert told_bins(gaps) == [0], "four rows without a value would follow from the sum"
    assert told_bins(Binned(np.array([1.0]), np.zeros(3), rows=(100, 60, 0), cases=(30, 20, 0))) == [0, 1]
    assert told_bins(Binned(np.empty(0), np.zeros(2), rows=(100, 4), cases=(30, 1))) == []


def test_bands_of_pairs_are_named_from_their_beginning_and_none_is_left_out() -> None:
    assert joined([(0, 0.1, 4), (0.1, 0.5, 20), (0.5, 0.9, 30), (0.9, 1, 3)]) == [(0, 0.5, 24), (0.5, 1, 33)]
    assert joined([(0, 0.1, 4), (0.1, 0.5, 2), (0.5, 1, 5)]) == [(0, 1, 11)]


def test_a_subject_in_two_groups_is_counted_once(tmp_path: Path) -> None:
    with pytest.raises(MethodError) as refusal:
        forecasting.run(write(tmp_path, by_months(6, ["a", "b"], ("05", "20")), "series"), silent)
    assert refusal.value.code == "too-few-periods", "six people are six, in however many groups they are"


def test_a_larger_review_tells_of_no_few_facilities_by_subtraction() -> None:
    """Findings of one period each: fourteen facilities within half a per cent of the rows, then two a further per cent."""
    facility = np.concatenate([np.arange(14), np.arange(14, 34).repeat(7)])
    streams, ones = np.arange(len(facility)), np.ones(len(facility))
    zeros = np.zeros(len(facility), dtype=np.int64)
    findings = Findings(streams, zeros, zeros, zeros, zeros, 2 * ones, ones, ones)
    study: Any = SimpleNamespace(findings=findings, panel=SimpleNamespace(rows=2800, facility=facility))
    reached = [(row["budget"], row["facilities"]) for row in records(budget_curve(study))]
    assert reached == [(0.005, 14), (0.03, 24), (0.1, 34)]
