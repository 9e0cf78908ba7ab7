"""The rules of linkage and of scoring grants as data, each with its basis."""

import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import ConfigDict, Field

from shared.contracts import Based, Text, Value

HOUSE_RULES: Final = Path(__file__).with_name("rules.json")


class Limit(Based):
    """A number, and where it comes from. What is a house rule says so: nothing to be verified."""

    value: int = Field(ge=1)
    legal_basis: Text
    recheck_by: date


class Share(Based):
    """A share between 0 and 1, and where it comes from."""

    value: float = Field(ge=0, le=1)
    legal_basis: Text
    recheck_by: date


class Rules(Value):
    """One version of the rules; a grant is held to those in force when it was asked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [json.loads(HOUSE_RULES.read_text(encoding="utf-8"))]})

    version: str = Field(max_length=40)
    least_match: Share = Field(description="Lowest share of base rows found in an input; lower only with a reason in the card.")
    few_linked: Share = Field(description="Below this share of base rows found in an input the run raises an alarm.")
    few_used: Share = Field(description="Below this share of an input's rows with a usable key the run raises an alarm.")
    rows_per_day: Limit = Field(description="Most rows that a grant may have in a day.")
    rows_per_minute: Limit = Field(description="Most rows that a grant may have in a minute.")
    term_days: Limit = Field(description="Longest term of a grant, days.")


def load_rules(path: Path = HOUSE_RULES) -> Rules:
    """The rules of a file; ValidationError if it is not of the form."""
    return Rules.model_validate_json(path.read_bytes())


@cache
def rules() -> Rules:
    """The rules in force: `rules.json` beside this module."""
    return load_rules()
