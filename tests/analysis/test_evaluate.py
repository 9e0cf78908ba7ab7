"""`make evaluate` and the generators: goals that can be missed, a page a task, tables of known truth of any size."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import duckdb
import numpy as np
import pytest

from deploy.evaluate.__main__ import evaluate, told
from deploy.evaluate.bundles import bundle_of
from deploy.evaluate.findings import Asked, Found, Goal, Line
from deploy.evaluate.pages import write_page
from deploy.evaluate.real import judged, polish, survey
from deploy.evaluate.tasks import TASKS
from deploy.generate import business, welfare
from deploy.generate.blocks import write

pytestmark = pytest.mark.fit

ROOT = Path(__file__).parents[2]
GENERATORS = [(welfare, "subject_key"), (business, "biz_key")]


def asked(folder: Path) -> Asked:
    return Asked(rows=1_000, seed=1, data=folder / "nowhere", out=folder)


@pytest.mark.parametrize(("maker", "key"), GENERATORS)
def test_a_table_is_of_about_the_rows_that_were_asked_for_and_no_row_stands_twice(
    tmp_path: Path, maker: ModuleType, key: str
) -> None:
    rows = write(tmp_path / "table.parquet", maker.blocks(30_000, 1))
    assert 25_000 < rows <= 30_000
    with duckdb.connect() as connection:
        sql = f"SELECT count(*), count(DISTINCT ({key}, as_of_month)), min(true_chance), max(true_chance) FROM read_parquet($1)"
        count, distinct, low, high = connection.execute(sql, [str(tmp_path / "table.parquet")]).fetchone() or ()
    assert rows == count == distinct
    assert 0 < low < high < 1


@pytest.mark.parametrize(("maker", "key"), GENERATORS)
def test_more_rows_are_more_blocks_of_the_same_size(maker: ModuleType, key: str) -> None:
    blocks = maker.blocks(10_000_000, 1)
    first, second = next(blocks), next(blocks)
    assert not set(first[key]) & set(second[key])
    assert len(set(first[key])) == len(set(second[key])) == 20_000


@pytest.mark.parametrize("maker", [welfare, business])
def test_late_feeds_are_empty_before_their_first_day(maker: ModuleType) -> None:
    block = next(maker.blocks(9_000, 2))
    for name, since in maker.AVAILABLE_FROM.items():
        early = block["as_of_month"] < np.datetime64(since)
        assert np.isnan(block[name][early]).all()
        assert np.isfinite(block[name][~early]).mean() > 0.5


def test_the_label_is_drawn_from_the_true_chance() -> None:
    block = next(welfare.blocks(90_000, 3))
    known = np.isfinite(block["label_public_support_90d"])
    high = block["true_chance"][known] > 0.3
    label = block["label_public_support_90d"][known]
    assert label[high].mean() == pytest.approx(block["true_chance"][known][high].mean(), abs=0.04)
    assert set(block["contact_result"][known]) == {"visited", "phoned"}


def test_some_districts_report_in_thousand_won() -> None:
    block = next(welfare.blocks(90_000, 3))
    late = block["elec_arrears_months"] > 0
    wrong, right = (np.median(block["elec_arrears_amt"][late & (block["unit_fault"] == fault)]) for fault in (True, False))
    assert right / wrong == pytest.approx(1000, rel=0.2)


def test_the_command_writes_the_table_and_what_it_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deploy.generate", "business", "--out", str(tmp_path), "--rows"]
    done = subprocess.run([*command, "2000"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert "true_chance" in done.stdout
    assert (tmp_path / "business.parquet").exists()
    assert '"seed": 1' in (tmp_path / "business.json").read_text()
    assert subprocess.run([*command, "10"], cwd=ROOT, capture_output=True, timeout=60, check=False).returncode == 2


def test_a_missed_goal_is_told_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (Line("boosting", 1000, 0.7, 0.2, 0.1, 3.0, 0.3, kept=True), Line("prior", 1000, 0.5, 0.1, 0.12))
    found = Found("A task", lines, (Goal("ROC-AUC", 0.7, 0.75), Goal("violations", 0, 0, at_least=False)))
    monkeypatch.setitem(TASKS, "task", lambda settings: found)
    assert evaluate("task", asked(tmp_path)) == 1
    assert any("MISSED" in line for line in told(found))
    assert not any("MISSED" in line for line in told(replace(found, goals=found.goals[1:])))
    page = (tmp_path / "task.html").read_text(encoding="utf-8")
    assert "boosting (kept)" in page
    assert "MISSED" in page


def test_real_data_that_are_not_there_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert polish(asked(tmp_path)) is None
    assert survey(asked(tmp_path)) is None
    assert evaluate("bankruptcy", asked(tmp_path)) == 0
    assert "LEFT OUT" in capsys.readouterr().out


@pytest.mark.fit
def test_a_table_is_judged_beside_plain_models_on_the_same_split_and_drawn(tmp_path: Path, few_trees: None) -> None:
    random = np.random.default_rng(1)
    debt, income = random.exponential(size=900), random.normal(size=900)
    rows = {  # noqa: F841 - DuckDB finds it by its name
        "subject": np.array([f"s{at}" for at in range(900)], dtype=object),
        "outcome": random.random(900) < 1 / (1 + np.exp(2 - debt + income)),
        "debt": debt,
        "income": income,
    }
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT * FROM rows) TO '{tmp_path / 'rows.parquet'}'")
    source = f"SELECT * FROM read_parquet('{tmp_path / 'rows.parquet'}')"
    parameters: dict[str, object] = {"folds": 3}
    found = judged("Debts", bundle_of(source, tmp_path / "bundle", role="table", key="subject", parameters=parameters), ())
    assert {line.rows for line in found.lines} == {900}
    assert {line.model for line in found.lines} >= {"plain logistic", "plain forest", "plain boosting", "boosting"}
    assert all(goal.met for goal in found.goals), found.goals
    page = write_page("debts", found, asked(tmp_path)).read_text(encoding="utf-8")
    assert page.count("<svg") == 2 * len(found.outputs.figures) >= 6
    assert "점수" in page
