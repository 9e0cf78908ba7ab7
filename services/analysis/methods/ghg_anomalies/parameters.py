"""The parameters of a run: their JSON schema, with defaults and bounds, and the values of this run."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.analysis.methods.toolkit.parameters import read

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "review_budget": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "default": 0.05,
            "description": "Share of statement rows that people can look at again; a finding over six months takes six.",
        },
        "minimum_probability": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.6,
            "description": "A finding that is less likely is not listed, even if budget is left.",
        },
        "gwp": {
            "type": "string",
            "enum": ["auto", "SAR", "AR4", "AR5", "AR6"],
            "default": "auto",
            "description": "Global warming potentials that statements have to use; auto: those that most of them use.",
        },
    },
}


@dataclass(frozen=True)
class Parameters:
    """What the request asked for, with the card's default for what it left out."""

    review_budget: float
    minimum_probability: float
    gwp: str

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "Parameters":
        return cls(**read(SCHEMA, given))

    def places(self, rows: int) -> int:
        """The budget as a number of statement rows."""
        return max(1, math.ceil(self.review_budget * rows))
