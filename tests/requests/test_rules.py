"""The rules file: complete, well-formed, each rule with its basis."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.requests.rules import HOUSE_RULES, load_rules
from services.results import disclosure
from shared.contracts import Sensitivity
from tests.requests.examples import RULES


def test_the_house_rules() -> None:
    assert RULES.quorum.value == 3
    assert set(RULES.risk.sensitivity) == set(Sensitivity)
    assert {code.code for code in RULES.refusal_codes} == {
        "secret-by-law",
        "national-interest",
        "other-statute",
        "personal-data-no-basis",
        "third-party-rights",
        "not-held",
        "not-separable",
        "disproportionate",
    }
    assert sum(code.statutory for code in RULES.refusal_codes) == 5


@pytest.mark.parametrize(
    ("sensitivities", "owners", "entity_level", "tier", "lane"),
    [
        ([Sensitivity.OPEN], 1, False, 0, "delegated"),
        ([Sensitivity.AGGREGATE, Sensitivity.OPEN], 2, False, 2, "delegated"),
        ([Sensitivity.PSEUDONYMISED], 2, True, 4, "panel"),
        ([Sensitivity.IDENTIFIABLE], 3, True, 5, "full-council"),
    ],
)
def test_risk_decides_the_lane(sensitivities: list[Sensitivity], owners: int, entity_level: bool, tier: int, lane: str) -> None:
    assert RULES.tier(sensitivities, owners=owners, entity_level=entity_level) == tier
    assert RULES.lane(tier).name == lane


def test_calendar_and_working_days() -> None:
    friday = date(2026, 11, 20)
    assert RULES.owners_decide_by(friday) == date(2026, 12, 10)
    assert RULES.council_decides_by(friday, 0) == date(2026, 11, 27)
    holiday = RULES.model_copy(update={"holidays": (date(2026, 11, 25),)})
    assert holiday.council_decides_by(friday, 0) == date(2026, 11, 30)


def test_a_day_of_a_term_is_one_of_the_offices() -> None:
    """Before nine in the morning in Korea it is the day before in UTC."""
    early = datetime(2026, 11, 20, 8, 59, tzinfo=timezone(timedelta(hours=9)))
    assert early.astimezone(UTC).date() == date(2026, 11, 19)
    assert RULES.day(early) == date(2026, 11, 20)
    assert RULES.model_copy(update={"utc_offset": -5}).day(early) == date(2026, 11, 19)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2026, 11, 7), date(2026, 11, 27)),  # a Friday, as counted
        (date(2026, 11, 8), date(2026, 11, 30)),  # a Saturday
        (date(2026, 11, 9), date(2026, 11, 30)),  # a Sunday
        (date(2026, 11, 10), date(2026, 11, 30)),
    ],
)
def test_a_term_that_would_end_on_a_day_off_ends_on_the_next_working_day(start: date, end: date) -> None:
    assert RULES.owners_decide_by(start) == end
    holiday = RULES.model_copy(update={"holidays": (date(2026, 11, 30),)})
    assert holiday.owners_decide_by(start) == (date(2026, 12, 1) if end == date(2026, 11, 30) else end)


def test_a_verified_rule_without_a_day_is_refused(tmp_path: Path) -> None:
    undated = tmp_path / "rules.json"
    undated.write_text(HOUSE_RULES.read_text().replace('"verified": true, "checked": "2026-12-01"', '"verified": true', 1))
    with pytest.raises(ValidationError, match="names the day"):
        load_rules(undated)


RULE_FILES = [HOUSE_RULES, Path(disclosure.__file__).parents[1] / "rules.json"]
HANGUL = re.compile("[가-힣]")


def test_every_rule_says_when_to_read_it_again_and_its_basis_in_both_languages() -> None:
    assert len(RULES.based) == 3 + 3 + 8 + 1
    for name, rule in RULES.based.items():
        assert rule.recheck_by is not None, name
        assert rule.recheck_by > (rule.checked or date(2026, 12, 1)), name
        assert HANGUL.search(rule.legal_basis_ko or ""), name
        assert not HANGUL.search(rule.legal_basis), name
        assert rule.verified != rule.legal_basis.startswith("House rule") or name.startswith("ground"), name


def test_the_day_itself_is_not_past() -> None:
    rule = RULES.quorum.model_copy(update={"recheck_by": date(2027, 2, 28)})
    assert [rule.recheck_due(date(2027, 2, day)) for day in (27, 28)] == [False, False]
    assert rule.recheck_due(date(2027, 3, 1))
    assert rule.model_copy(update={"recheck_by": None}).recheck_due(date(2026, 1, 1))


def test_grounds_of_the_act_name_its_article_and_the_others_say_that_they_are_house_rules() -> None:
    for ground in RULES.refusal_codes:
        assert ground.legal_basis.startswith("House rule") != ground.statutory, ground.code
        assert "(Act No. 21392, in force 2026-08-28)" in ground.legal_basis
        assert "제21392호" in (ground.legal_basis_ko or "")
        assert re.search(r"art\. 11\(1\)", ground.legal_basis) or not ground.statutory
    assert "Presidential Decree No. 36604" in RULES.owner_decision.legal_basis
    assert "제11조제1항" in (RULES.owner_decision.legal_basis_ko or "")


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.parent.name)
def test_no_rule_stands_on_a_law_that_is_no_longer_in_force(path: Path) -> None:
    assert not re.search("19408|33843|17370", path.read_text(encoding="utf-8"))


def test_a_broken_rules_file_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "rules.json"
    broken.write_text(HOUSE_RULES.read_text().replace('"value": 3', '"value": 0'))
    with pytest.raises(ValidationError):
        load_rules(broken)
