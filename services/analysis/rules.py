"""The rules of linkage as data: how few rows may be linked, and from where on a person has to say why."""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import Field

from shared.contracts import Based, Text, Value

RULES_FILE: Final = Path(__file__).with_name("rules.json")


class Share(Based):
    """A share between 0 and 1, and what it stands on."""

    value: float = Field(ge=0, le=1)
    legal_basis: Text
    recheck_by: date


class Rules(Value):
    version: str = Field(max_length=40)
    least_match: Share = Field(description="Lowest share of base rows found in an input; lower only with a reason in the card.")
    few_linked: Share = Field(description="Below this share of base rows found in an input the run raises an alarm.")
    few_used: Share = Field(description="Below this share of an input's rows with a usable key the run raises an alarm.")


@cache
def rules() -> Rules:
    """The rules in force: `rules.json` beside this module."""
    return Rules.model_validate_json(RULES_FILE.read_text(encoding="utf-8"))
