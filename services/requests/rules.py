"""The rules of the house as data: quorum, refusal codes, timers and risk lanes, each with its legal basis."""

import json
from collections.abc import Collection, Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Literal

import holidays
from pydantic import ConfigDict, Field

from shared.clock import add_working_days
from shared.contracts import Based, Code, Sensitivity, Text, Value

HOUSE_RULES = Path(__file__).with_name("rules.json")


class Rule(Based):
    """It says where it comes from. What is the house's alone says so and has nothing to be verified."""

    legal_basis: Text
    legal_basis_ko: Text | None = Field(default=None, description="The same in Korean.")


class Number(Rule):
    value: int = Field(ge=1)


class Timer(Rule):
    """How long somebody has: calendar days, or working days. Overdue is shown; it never decides.

    The first day does not count (Civil Act, art. 157), and what would end on a Saturday, a Sunday
    or a public holiday ends on the next working day (art. 161).
    """

    days: int = Field(ge=1)
    working: bool

    def ends(self, start: date, days_off: Container[date]) -> date:
        """The last day of a term that begins with what happened on `start`."""
        if self.working:
            return add_working_days(start, self.days, days_off)
        return add_working_days(start + timedelta(days=self.days - 1), 1, days_off)


class PublicHolidays(Rule):
    """Whose public holidays stop working days; the days themselves come from a library."""

    country: Literal["KR"] = Field(description="Country of ISO 3166 whose public holidays hold.")


@dataclass(frozen=True)
class DaysOff:
    """Public holidays: those of a country, more that the rules name, without those they strike."""

    country: str | None
    more: frozenset[date]
    less: frozenset[date]

    def __contains__(self, day: object) -> bool:
        if not isinstance(day, date) or day in self.less:
            return False
        return day in self.more or (self.country is not None and day in public_holidays(self.country, day.year))


@cache
def public_holidays(country: str, year: int) -> frozenset[date]:
    """Public holidays of one year, with substitute days."""
    return frozenset(holidays.country_holidays(country, years=year))


class RefusalCode(Rule):
    """A ground on which an owner may refuse its dataset."""

    code: Code
    statutory: bool = Field(description="Whether the Act itself lets an owner refuse for it.")
    ko: str
    en: str


class Lane(Value):
    """How the council takes a request of some risk: requests up to this tier get this long."""

    name: Code
    up_to: int
    decision: Timer


class Risk(Rule):
    """What makes a request risky: points that add up to its tier."""

    sensitivity: dict[Sensitivity, int]
    several_owners: int
    entity_level_result: int


class Rules(Value):
    """One version of the rules; every decision records which version it was taken under."""

    model_config = ConfigDict(json_schema_extra={"examples": [json.loads(HOUSE_RULES.read_text(encoding="utf-8"))]})

    version: str = Field(max_length=40)
    quorum: Number = Field(description="Votes of members not recused that a decision of the council needs.")
    refusal_codes: tuple[RefusalCode, ...]
    owner_decision: Timer
    lanes: tuple[Lane, ...] = Field(min_length=1)
    risk: Risk
    utc_offset: int = Field(default=0, ge=-12, le=14, description="Hours by which the days of terms begin before those of UTC.")
    public_holidays: PublicHolidays | None = Field(default=None, description="None: no day off but those of `holidays`.")
    holidays: tuple[date, ...] = Field(
        default=(), description="Further public holidays, such as temporary ones that the government has decided on."
    )
    not_holidays: tuple[date, ...] = Field(default=(), description="Working days, whatever `public_holidays` says of them.")

    @property
    def days_off(self) -> DaysOff:
        """On which working days stand still."""
        country = self.public_holidays.country if self.public_holidays else None
        return DaysOff(country, frozenset(self.holidays), frozenset(self.not_holidays))

    @property
    def based(self) -> dict[str, Rule]:
        """Every rule by its name."""
        found: dict[str, Rule] = {"quorum": self.quorum, "owner_decision": self.owner_decision, "risk": self.risk}
        found |= {f"lane {lane.name}": lane.decision for lane in self.lanes}
        found |= {f"ground {ground.code}": ground for ground in self.refusal_codes}
        return found | ({"public_holidays": self.public_holidays} if self.public_holidays else {})

    def day(self, moment: datetime) -> date:
        """The day on which this is, where the offices are."""
        return (moment.astimezone(UTC) + timedelta(hours=self.utc_offset)).date()

    def refusal(self, code: str) -> RefusalCode | None:
        return next((known for known in self.refusal_codes if known.code == code), None)

    def tier(self, sensitivities: Collection[Sensitivity], *, owners: int, entity_level: bool) -> int:
        """The risk tier of a request."""
        base = max((self.risk.sensitivity[one] for one in sensitivities), default=0)
        linked = self.risk.several_owners if owners > 1 else 0
        return base + linked + (self.risk.entity_level_result if entity_level else 0)

    def lane(self, tier: int) -> Lane:
        return next((lane for lane in self.lanes if tier <= lane.up_to), self.lanes[-1])

    def owners_decide_by(self, start: date) -> date:
        return self.owner_decision.ends(start, self.days_off)

    def council_decides_by(self, start: date, tier: int) -> date:
        return self.lane(tier).decision.ends(start, self.days_off)


def load_rules(path: Path = HOUSE_RULES) -> Rules:
    return Rules.model_validate_json(path.read_bytes())
