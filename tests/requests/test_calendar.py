"""Terms end on working days: Korean public holidays by a library, by the rules file, and by the day that is counted."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.requests.rules import HOUSE_RULES, Rules, load_rules
from shared.clock import add_working_days
from tests.requests.examples import RULES

GAZETTE = json.loads(Path(__file__).with_name("holidays_kr.json").read_text(encoding="utf-8"))
"""Public holidays as announced in the official gazette, collected by people other than those of the library."""
HOLIDAYS = {date.fromisoformat(day) for day in GAZETTE["days"]}
FIRST, LAST = date.fromisoformat(GAZETTE["first"]), date.fromisoformat(GAZETTE["last"])
EVERY_DAY = [FIRST + timedelta(days=at) for at in range((LAST - FIRST).days + 1)]


def test_every_day_of_four_years_is_a_holiday_or_not_as_the_gazette_has_it() -> None:
    assert [day for day in EVERY_DAY if (day in RULES.days_off) != (day in HOLIDAYS)] == []
    assert len(HOLIDAYS) > 60


def test_no_term_ends_on_a_day_off_and_none_ends_sooner_than_the_law_has_it() -> None:
    """By counting on the fingers: every day on which a request may come in."""
    for start in EVERY_DAY[:-60]:
        twentieth = start + timedelta(days=20)
        end = RULES.owners_decide_by(start)
        assert end >= twentieth
        assert end.weekday() < 5
        assert end not in HOLIDAYS
        between = [twentieth + timedelta(days=at) for at in range((end - twentieth).days)]
        assert all(day.weekday() >= 5 or day in HOLIDAYS for day in between), start


@pytest.mark.parametrize("tier", [0, 3, 5])
def test_terms_in_working_days_have_so_many_working_days(tier: int) -> None:
    days = RULES.lane(tier).decision.days
    for start in EVERY_DAY[:-80]:
        end = RULES.council_decides_by(start, tier)
        passed = [start + timedelta(days=at) for at in range(1, (end - start).days + 1)]
        assert sum(day.weekday() < 5 and day not in HOLIDAYS for day in passed) == days
        assert end.weekday() < 5
        assert end not in HOLIDAYS


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2026, 12, 5), date(2026, 12, 28)),  # the twentieth day is Christmas, a Friday
        (date(2026, 9, 4), date(2026, 9, 28)),  # the day before Chuseok, a Thursday
        (date(2026, 4, 11), date(2026, 5, 4)),  # the first Labour Day that offices have off
        (date(2026, 7, 26), date(2026, 8, 18)),  # Saturday, Sunday, and the substitute of Liberation Day
        (date(2027, 1, 17), date(2027, 2, 10)),  # Lunar New Year on a weekend, with its substitute day
        (date(2025, 9, 14), date(2025, 10, 10)),  # from a Saturday through ten days of holidays
    ],
)
def test_owners_are_not_asked_to_decide_on_a_holiday(start: date, end: date) -> None:
    assert RULES.owners_decide_by(start) == end


def test_a_day_that_the_government_adds_and_one_that_it_strikes() -> None:
    temporary = RULES.model_copy(update={"holidays": (date(2026, 12, 28),)})
    assert temporary.owners_decide_by(date(2026, 12, 5)) == date(2026, 12, 29)
    worked = RULES.model_copy(update={"not_holidays": (date(2026, 12, 25),)})
    assert worked.owners_decide_by(date(2026, 12, 5)) == date(2026, 12, 25)
    both = RULES.model_copy(update={"holidays": (date(2026, 12, 25),), "not_holidays": (date(2026, 12, 25),)})
    assert date(2026, 12, 25) not in both.days_off


def test_rules_without_a_country_know_only_their_own_days() -> None:
    bare = RULES.model_copy(update={"public_holidays": None, "holidays": (date(2026, 12, 24),)})
    assert date(2026, 12, 25) not in bare.days_off
    assert date(2026, 12, 24) in bare.days_off
    assert "2026-12-24" not in bare.days_off


def test_working_days_are_counted_with_any_container() -> None:
    assert add_working_days(date(2026, 12, 24), 1, RULES.days_off) == date(2026, 12, 28)
    assert add_working_days(date(2026, 12, 24), 1) == date(2026, 12, 25)


def test_a_country_that_nobody_has_holidays_for_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "rules.json"
    elsewhere.write_text(HOUSE_RULES.read_text(encoding="utf-8").replace('"country": "KR"', '"country": "ZZ"'), encoding="utf-8")
    with pytest.raises(ValidationError, match="KR"):
        load_rules(elsewhere)


def test_a_rules_file_of_before_still_loads() -> None:
    """Without `public_holidays`, `recheck_by` and the Korean basis: as before, but to be read again."""
    old = json.loads(HOUSE_RULES.read_text(encoding="utf-8"))
    for name in ("public_holidays", "not_holidays"):
        del old[name]
    for rule in (
        old["quorum"],
        old["owner_decision"],
        old["risk"],
        *old["refusal_codes"],
        *(one["decision"] for one in old["lanes"]),
    ):
        del rule["recheck_by"], rule["legal_basis_ko"]
    rules = Rules.model_validate(old)
    assert rules.owners_decide_by(date(2026, 12, 5)) == date(2026, 12, 25)
    assert all(rule.recheck_due(date(2026, 12, 1)) for rule in rules.based.values())
