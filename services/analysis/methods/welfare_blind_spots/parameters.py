"""The parameters of a run: their JSON schema, with defaults and bounds, and the values of this run."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.analysis.methods.toolkit.parameters import read
from services.analysis.worker.sdk import MethodError

YEAR = {"type": "integer", "minimum": 1900, "maximum": 2100}

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "train_years": {
            "type": "array",
            "items": YEAR,
            "minItems": 1,
            "maxItems": 19,
            "uniqueItems": True,
            "default": [2012, 2013],
            "description": "Survey years that the models learn from.",
        },
        "test_year": YEAR
        | {
            "default": 2014,
            "description": "The later year that is scored, measured and listed; never learned from.",
        },
        "income_limit": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1e12,
            "default": 20000,
            "description": "Regular income a year below which a household counts as poor, in the unit of the income "
            "columns (USD), for one person; larger households by the square root of their size.",
        },
        "capacity": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1_000_000,
            "default": 0.05,
            "description": "How many households can be visited: below 1 a share of the scored households, else a count.",
        },
        "minimum_score": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.5,
            "description": "A household that scores lower is not listed, even if capacity is left.",
        },
        "audit_share": {
            "type": "number",
            "minimum": 0.01,
            "maximum": 0.9,
            "default": 0.25,
            "description": "Share of highest scores at which groups are compared; wider than the capacity, so that every "
            "group rate stands on enough households.",
        },
    },
}


@dataclass(frozen=True)
class Parameters:
    """What the request asked for, with the card's default for what it left out."""

    train_years: tuple[int, ...]
    test_year: int
    income_limit: float
    capacity: float
    minimum_score: float
    audit_share: float

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "Parameters":
        parameters = cls(**read(SCHEMA, given))
        if max(parameters.train_years) >= parameters.test_year:
            raise MethodError("time-order", "Every training year must lie before the test year.")
        return parameters

    def places(self, households: int) -> int:
        """The capacity as a number of households."""
        return places_at(self.capacity, households) if self.capacity < 1 else min(int(self.capacity), households)


def places_at(share: float, households: int) -> int:
    return max(1, math.ceil(share * households))
