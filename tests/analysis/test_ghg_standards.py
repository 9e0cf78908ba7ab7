"""The tables behind the search in emission statements: each number says where it is from, and they fit together."""

import json
import math
from datetime import date
from typing import Any

import pytest

from services.analysis.methods.ghg_anomalies import CARD
from services.analysis.methods.ghg_anomalies.standards import FOLDER, fuels, potentials, sources
from shared.clock import now

TABLES = sorted(FOLDER.glob("*.json"))


def entries(table: Any) -> list[dict[str, Any]]:
    """The table itself, and its entries with what they leave to it."""
    told = {name: table.get(name) for name in ("source", "verified", "checked")}
    return [told, *({**told, **one} for one in table.get("fuels", []))]


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_what_is_marked_as_verified_names_its_source_and_the_day(file: Any) -> None:
    for one in entries(json.loads(file.read_text(encoding="utf-8"))):
        if one["verified"]:
            assert len(one["source"]) > 20, one
            assert date(2026, 1, 1) <= date.fromisoformat(one["checked"]) <= now().date(), one
        else:
            assert len(one.get("why", "")) > 20, one


def test_the_method_tells_which_entries_nobody_could_hold_against_a_source() -> None:
    told = {one.table: one for one in sources()}
    assert set(told) == {file.stem for file in TABLES}
    assert set(told["fuels"].unheld) == {"lpg", "steam", "clinker", "waste water"}
    assert all(one.checked for one in told.values())
    for one in told.values():
        assert date.fromisoformat(one.recheck_by) > date.fromisoformat(one.checked or "")
        assert any(f"again by {one.recheck_by}" in words for words in CARD.assumptions)


def test_default_factors_lie_within_their_limits() -> None:
    for fuel in set(fuels().values()):
        assert fuel.low <= fuel.co2 <= fuel.high, fuel.name
        assert fuel.ch4 >= 0 and fuel.n2o >= 0, fuel.name
        assert not fuel.burns or (fuel.low > 0 and fuel.mass_heat > 0), fuel.name
        assert math.isnan(fuel.heat) or fuel.state in ("gas", "liquid"), fuel.name


def test_no_two_fuels_share_a_name() -> None:
    named = [name for one in json.loads((FOLDER / "fuels.json").read_text(encoding="utf-8"))["fuels"] for name in one["also"]]
    assert len(named) == len(set(named))
    assert set(named).isdisjoint({fuel.name for fuel in fuels().values()})


def test_an_assessment_report_knows_both_gases() -> None:
    assert set(potentials()) == {"SAR", "AR4", "AR5", "AR6"}
    assert all(1 < ch4 < n2o for ch4, n2o in potentials().values())


@pytest.mark.parametrize(
    ("fuel", "factor"),
    [("전력", 0.4173), ("전력", 0.4541), ("전력", 0.4747), ("무연탄", 110.7), ("벙커c유", 80.4), ("스팀", 0.0157)],
)
def test_factors_that_korea_has_published_are_not_strange(fuel: str, factor: float) -> None:
    assert fuels()[fuel].low <= factor <= fuels()[fuel].high
