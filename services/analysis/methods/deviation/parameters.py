"""The parameters of a search for anomalies: how much people can look at again, and from where a deviation counts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.analysis.methods.toolkit.parameters import read

FEWEST_TEXTS, SHARE_OF_TEXTS = 100_000, 0.05
MOST_LISTED = 200_000
"""Lines of a list."""


def most_texts(rows: int) -> float:
    """How many different texts a column may have before it is left out as one of names: of a small table any number."""
    return max(FEWEST_TEXTS, SHARE_OF_TEXTS * rows)


def schema(budget: float, budget_is: str, threshold_is: str) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "review_budget": {
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 1,
                "default": budget,
                "description": budget_is,
            },
            "threshold": {"type": "number", "minimum": 2, "maximum": 50, "default": 5, "description": threshold_is},
        },
    }


@dataclass(frozen=True)
class Parameters:
    """What the request asked for, with the card's default for what it left out."""

    review_budget: float
    threshold: float

    @classmethod
    def read(cls, card: Mapping[str, Any], given: Mapping[str, Any]) -> "Parameters":
        return cls(**{name: float(value) for name, value in read(card, given).items()})

    def places(self, count: int) -> int:
        return max(1, math.ceil(self.review_budget * count))
