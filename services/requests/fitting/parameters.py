"""Whether the parameters are what the method's card wants (JSON Schema 2020-12); its defaults fill what is left out."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, cast

from jsonschema.exceptions import ValidationError
from referencing.exceptions import Unresolvable

from services.requests import messages
from services.requests.fitting.named import Columns, validator
from shared.contracts import COLUMN_OF
from shared.contracts.wording import Sentence
from shared.errors import FieldError

LARGEST = 64 * 1024
MOST_ERRORS = 50
EXPECTED = {
    "type": messages.PARAMETER_TYPE,
    "enum": messages.PARAMETER_ENUM,
    "const": messages.PARAMETER_CONST,
    "minimum": messages.PARAMETER_MINIMUM,
    "exclusiveMinimum": messages.PARAMETER_MORE_THAN,
    "maximum": messages.PARAMETER_MAXIMUM,
    "exclusiveMaximum": messages.PARAMETER_LESS_THAN,
    "multipleOf": messages.PARAMETER_MULTIPLE_OF,
    "minLength": messages.PARAMETER_MIN_LENGTH,
    "maxLength": messages.PARAMETER_MAX_LENGTH,
    "minItems": messages.PARAMETER_MIN_ITEMS,
    "maxItems": messages.PARAMETER_MAX_ITEMS,
    "pattern": messages.PARAMETER_PATTERN,
}


def fit_parameters(
    schema: Mapping[str, Any], given: Mapping[str, Any], columns: Columns | None = None
) -> tuple[dict[str, Any], list[FieldError]]:
    """The parameters with defaults filled in, and every fault of them.

    `columns`: those of each input that the request has, which parameters may name."""
    filled = with_defaults(schema, given)
    if len(json.dumps(filled, ensure_ascii=False).encode()) > LARGEST:
        return filled, [FieldError("#/parameters", "too-large", messages.PARAMETERS_TOO_LARGE(limit=LARGEST))]
    faults: dict[tuple[str, str], FieldError] = {}
    try:
        for error in validator(schema, columns or {}).iter_errors(filled):
            faults |= {(fault.pointer, fault.code): fault for fault in field_errors(error)}
            if len(faults) >= MOST_ERRORS:
                break
    except Unresolvable:
        return filled, [FieldError("#/method", "unusable-card", messages.CARD_UNUSABLE)]
    return filled, list(faults.values())


def with_defaults(schema: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the parameters, with the schema's defaults where nothing was given, also inside nested objects."""
    filled = deepcopy(dict(given))
    for name, inner in schema.get("properties", {}).items():
        if not isinstance(inner, Mapping):
            continue
        if name not in filled and "default" in inner:
            filled[name] = deepcopy(inner["default"])
        if isinstance(filled.get(name), dict):
            filled[name] = with_defaults(inner, filled[name])
    return filled


def field_errors(error: ValidationError) -> Iterator[FieldError]:
    """What is wrong, and where; never the value that was given."""
    place = "".join(["#/parameters", *(f"/{escaped(part)}" for part in error.absolute_path)])
    instance = error.instance if isinstance(error.instance, dict) else {}
    if error.validator == "required" and isinstance(error.validator_value, list):
        for name in error.validator_value:
            if name not in instance:
                yield FieldError(f"{place}/{escaped(name)}", "missing-parameter", messages.PARAMETER_MISSING)
    elif error.validator == "additionalProperties" and error.validator_value is False:
        known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
        sentence = messages.PARAMETER_UNKNOWN(known=", ".join(known) or messages.NONE)
        for name in list(instance)[:MOST_ERRORS]:
            if name not in known:
                yield FieldError(f"{place}/{escaped(name)}", "unknown-parameter", sentence)
    elif error.validator == COLUMN_OF:
        # The name of a member has no path of its own.
        named = "propertyNames" in list(error.absolute_schema_path)[-2:]
        yield FieldError(f"{place}/{escaped(error.instance)}" if named else place, "unfit-column", cast(Sentence, error.message))
    else:
        yield FieldError(place, f"parameter-{error.validator}".lower(), expectation(error))


def expectation(error: ValidationError) -> Sentence:
    sentence = EXPECTED.get(str(error.validator))
    if sentence is None:
        return messages.PARAMETER_OTHER(rule=error.validator)
    wanted = error.validator_value
    words = ", ".join(map(str, wanted)) if isinstance(wanted, list) else str(wanted)
    return sentence(wanted=words)


def escaped(part: object) -> str:
    """A step of a JSON pointer (RFC 6901), bounded because the caller chose it."""
    return str(part)[:80].replace("~", "~0").replace("/", "~1")
