"""Parameters that supervised methods share, as JSON schemas, and how a run's values are read."""

from collections.abc import Mapping
from typing import Any

from services.analysis.methods.toolkit.reading import words_of
from services.analysis.worker.sdk import MethodError
from shared.contracts import COLUMN_OF

NAMED: dict[str, Any] = {COLUMN_OF: "table"}
"""A text that names a column of the one table; checked when the request is submitted."""
TEST_FROM: dict[str, Any] = {
    "type": ["string", "null"],
    "pattern": r"^\d{4}(-\d{2}(-\d{2})?)?$",
    "default": None,
    "description": "First day, month or year that is scored and measured; models learn from earlier rows alone. Without it "
    "the last quarter of the known outcomes. Only for rows with a time.",
}
FOLDS: dict[str, Any] = {
    "type": "integer",
    "minimum": 3,
    "maximum": 10,
    "default": 5,
    "description": "Parts that are scored by models that learned from the others, where rows have no time.",
}
CAPACITY: dict[str, Any] = {
    "type": "number",
    "exclusiveMinimum": 0,
    "maximum": 1_000_000,
    "default": 0.05,
    "description": "How many can be looked at in the field: below 1 a share of the scored rows, else a count.",
}
COLUMNS: dict[str, Any] = {
    "type": "array",
    "items": NAMED | {"type": "string", "maxLength": 63},
    "maxItems": 500,
    "uniqueItems": True,
    "default": [],
}
SIGNS: dict[str, Any] = {
    "type": "object",
    "maxProperties": 500,
    "propertyNames": NAMED,
    "additionalProperties": {"enum": [-1, 1]},
    "default": {},
    "description": "Feature -> the only way in which a rise of it may move the score: 1 up, -1 down.",
}
TITLES: dict[str, Any] = {
    "type": "object",
    "maxProperties": 500,
    "additionalProperties": {
        "type": "object",
        "required": ["ko", "en"],
        "additionalProperties": False,
        "properties": {tongue: {"type": "string", "minLength": 1, "maxLength": 100} for tongue in ("ko", "en")},
    },
    "default": {},
    "description": "What further columns are called in tables and reasons.",
}


def read(schema: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a run, with the card's default for what was left out."""
    properties = schema["properties"]
    if unknown := sorted(set(given) - set(properties)):
        raise MethodError("parameter-unknown", f"The method has no parameter {unknown[0][:60]}.")
    values = {name: given.get(name, each["default"]) for name, each in properties.items()}
    if "titles" in values:
        values["titles"] = words_of(values["titles"])
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
