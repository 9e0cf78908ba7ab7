"""The limits of scoring grants as data, each with its basis and the day by which it is looked at again."""

import json
from datetime import date
from pathlib import Path

from pydantic import ConfigDict, Field

from shared.contracts import Based, Text, Value

HOUSE_RULES = Path(__file__).with_name("rules.json")


class Limit(Based):
    """A number, and where it comes from. What is a house rule says so and has nothing to be verified."""

    value: int = Field(ge=1)
    legal_basis: Text
    recheck_by: date


class Rules(Value):
    """One version of the limits; a grant keeps those that held when it was asked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [json.loads(HOUSE_RULES.read_text(encoding="utf-8"))]})

    version: str = Field(max_length=40)
    rows_per_day: Limit = Field(description="Most rows that a grant may have in a day.")
    rows_per_minute: Limit = Field(description="Most rows that a grant may have in a minute.")
    term_days: Limit = Field(description="Longest term of a grant, days.")


def load_rules(path: Path = HOUSE_RULES) -> Rules:
    return Rules.model_validate_json(path.read_bytes())
