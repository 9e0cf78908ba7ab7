"""The parameters of a run: their JSON schema, with defaults and bounds, and the values of this run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.analysis.methods.toolkit.observation import OBSERVED_UNTIL
from services.analysis.methods.toolkit.parameters import CAPACITY, COLUMNS, FOLDS, NAMED, SIGNS, TEST_FROM, TITLES, read
from services.analysis.methods.toolkit.rows import Words

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "test_from": TEST_FROM,
        "folds": FOLDS,
        "outcome_takes_days": {
            "type": "integer",
            "minimum": 0,
            "maximum": 3660,
            "default": 0,
            "description": "Days until an outcome is known. Rows so near before the test period are not learned from.",
        },
        "observed_until": OBSERVED_UNTIL
        | {
            "description": "Last day on which outcomes were recorded: an outcome is known only if `outcome_takes_days` had "
            "passed by then. Without it outcomes are taken as they are, but not those of the last `outcome_takes_days` of the "
            "table on days of which cases alone are known, beside rows of unknown outcome."
        },
        "capacity": CAPACITY,
        "minimum_score": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0,
            "description": "A subject that scores lower is not listed, even if capacity is left.",
        },
        "audit_share": {
            "type": "number",
            "minimum": 0.01,
            "maximum": 0.9,
            "default": 0.25,
            "description": "Share of highest scores at which groups are compared.",
        },
        "left_out": COLUMNS | {"description": "Columns that are no features."},
        "monotone": SIGNS,
        "dated_by": {
            "type": "object",
            "maxProperties": 200,
            "propertyNames": NAMED,
            "additionalProperties": NAMED | {"type": "string", "maxLength": 63},
            "default": {},
            "description": "Feature -> the column that holds the day of its value; a day after the row's own raises an alarm.",
        },
        "titles": TITLES,
    },
}


@dataclass(frozen=True)
class Parameters:
    test_from: str | None
    folds: int
    outcome_takes_days: int
    observed_until: str | None
    capacity: float
    minimum_score: float
    audit_share: float
    left_out: tuple[str, ...]
    monotone: dict[str, int]
    dated_by: dict[str, str]
    titles: dict[str, Words]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Parameters":
        return cls(**read(SCHEMA, given))
