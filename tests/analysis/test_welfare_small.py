"""Welfare blind spots on a table that is small, of other benefits and regions than the sample's: what can be shown is shown."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.analysis.methods.welfare_blind_spots import run
from services.analysis.worker.sdk import Bundle, Outputs
from tests.analysis.fewer import fewer_trees
from tests.analysis.linked import check_passes, records, silent, write_as_it_is
from tests.analysis.linked import pseudonyms as names_of


def survey(folder: Path, size: int = 1500, unlinked: int = 0, **parameters: Any) -> Bundle:
    """Only what the card requires, one benefit, and thirty regions of which most are small."""
    random = np.random.default_rng(4)
    need = random.normal(size=size)
    columns = {
        "pseudonym": np.sort(names_of(size)),
        "household__survey_year": random.choice([2013, 2014], size),
        "household__region": np.array([f"r{at:02d}" for at in random.geometric(0.3, size)], dtype=object),
        "household__age_of_head": random.integers(18, 95, size),
        "household__household_size": random.integers(1, 6, size),
        "household__children_under_18": random.integers(0, 3, size),
        "income__wages": np.exp(9 + random.normal(size=size) - 0.8 * need),
        "benefits__housing_aid": random.random(size) < 1 / (1 + np.exp(1.5 - 1.2 * need)),
    }
    if unlinked:
        columns["benefits__housing_aid"] = columns["benefits__housing_aid"].astype(object)
        columns["benefits__housing_aid"][np.flatnonzero(columns["household__survey_year"] == 2014)[:unlinked]] = None
    return write_as_it_is(folder, columns, train_years=[2013], test_year=2014, **parameters)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    with fewer_trees():
        return run(survey(tmp_path_factory.mktemp("survey"), capacity=4, minimum_score=0.99), silent)


def test_all_but_the_fine_table_passes(outputs: Outputs) -> None:
    outputs.tables.pop("coverage_by_area", None)
    check_passes(outputs)
    assert {"group_rates", "coverage", "model_comparison", "calibration", "population"} <= set(outputs.tables)


@pytest.mark.parametrize(("unlinked", "told"), [(5, 0), (40, 40)])
def test_a_few_households_without_a_record_are_not_told(tmp_path: Path, few_trees: None, unlinked: int, told: int) -> None:
    rows = records(run(survey(tmp_path, unlinked=unlinked), silent).tables["population"])
    assert [row["households"] - row["known"] for row in rows] == [0, told]


def test_small_groups_are_joined_and_none_is_lost(outputs: Outputs) -> None:
    rows = [row for row in records(outputs.tables["group_rates"]) if row["group"] == "region"]
    assert {"r01", "other"} <= {row["level"] for row in rows}
    assert sum(row["households"] for row in rows) == records(outputs.tables["population"])[-1]["known"]


def test_what_a_capacity_of_four_finds_is_not_told(outputs: Outputs) -> None:
    figures = {one["name"] for one in outputs.metrics["summary"]["figures"]}
    assert not figures & {"capacity", "precision_boosting", "listed"}
    assert {"base_rate", "roc_auc_boosting", "calibration_error"} <= figures
    assert "selected" not in {column["name"] for column in outputs.tables["model_comparison"]["columns"]}
