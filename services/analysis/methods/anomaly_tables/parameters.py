"""The parameters of a run: their JSON schema, with defaults and bounds, and the values of this run."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.analysis.worker.sdk import MethodError

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "review_budget": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "default": 0.02,
            "description": "Share of all rows that people can look at again.",
        },
        "threshold": {
            "type": "number",
            "minimum": 2,
            "maximum": 50,
            "default": 5,
            "description": "How many usual spreads a row's strangest columns have to be from what was expected, together.",
        },
    },
}


@dataclass(frozen=True)
class Parameters:
    """What the request asked for, with the card's default for what it left out."""

    review_budget: float
    threshold: float

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "Parameters":
        properties = SCHEMA["properties"]
        if unknown := sorted(set(given) - set(properties)):
            raise MethodError("parameter-unknown", f"The method has no parameter {unknown[0][:60]}.")
        return cls(**{name: float(given.get(name, schema["default"])) for name, schema in properties.items()})

    def places(self, rows: int) -> int:
        return max(1, math.ceil(self.review_budget * rows))
