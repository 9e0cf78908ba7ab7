"""What a method card must be before anybody spends time on reviewing it."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from jsonschema import Draft202012Validator, SchemaError

from services.analysis.rules import rules
from shared.contracts import ANY_DOMAIN, ColumnRole, ColumnType, InputRole, MethodCard
from shared.errors import FieldError, TooLarge, Unprocessable
from shared.texts import unreadable

CARD_LIMIT: Final = 200_000
DEEPEST: Final = 20
EXACT: Final = (ColumnType.STRING, ColumnType.INTEGER, ColumnType.DATE, ColumnType.DATETIME)
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def check_card(card: MethodCard) -> None:
    """Refuse a card that contradicts itself, naming each field at fault."""
    if depth(card.parameters) > DEEPEST or not whole(card.parameters):
        error = FieldError("#/card/parameters", "not-plain", f"Whole Unicode characters, nested at most {DEEPEST} levels.")
        raise Unprocessable("The schema of the parameters cannot be kept.", errors=[error])
    size = len(card.model_dump_json().encode())
    if size > CARD_LIMIT:
        raise TooLarge(f"The method card has {size:,} bytes; {CARD_LIMIT:,} are accepted.", limit_bytes=CARD_LIMIT)
    errors = [*schema_errors(card.parameters), *input_errors(card), *output_errors(card), *naming_errors(card)]
    errors += text_errors(card)
    if errors:
        raise Unprocessable("The method card contradicts itself.", errors=errors[:100])


def text_errors(card: MethodCard) -> Iterator[FieldError]:
    """Reviewers, owners and the council read the card: every text in it can be read, as it is written."""
    for place, wrong in unreadable(card.model_dump(mode="json", exclude={"parameters"}), "#/card"):
        yield FieldError(place[:300], "unreadable-text", f"The text cannot be taken: {wrong}.")


def schema_errors(schema: dict[str, Any]) -> Iterator[FieldError]:
    """The parameters' schema: valid, of an object, and complete in itself (it may fetch nothing)."""
    at = "#/card/parameters"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        path = "".join(f"/{part}" for part in error.absolute_path)
        yield FieldError(f"{at}{path}"[:300], "bad-schema", "This is not valid JSON Schema (2020-12).")
        return
    if schema.get("type") != "object":
        yield FieldError(f"{at}/type", "not-object", 'Parameters are an object: give `"type": "object"`.')
    for name, value in keywords(schema):
        if name in ("$ref", "$dynamicRef") and not str(value).startswith("#"):
            yield FieldError(at, "remote-reference", f"{name} may only point into the schema itself.")
        if name == "$schema" and str(value).rstrip("#") != DIALECT:
            yield FieldError(f"{at}/$schema", "other-dialect", "Only JSON Schema 2020-12 is taken.")
        if name in ("$id", "$anchor", "$dynamicAnchor", "$vocabulary"):
            yield FieldError(at, "unknown-keyword", f"{name} has no use here.")


def depth(value: Any) -> int:
    """How deep it is nested, walked without recursion."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        each, level = waiting.pop()
        deepest = max(deepest, level)
        if isinstance(each, dict | list):
            waiting += [(inner, level + 1) for inner in (each.values() if isinstance(each, dict) else each)]
    return deepest


def whole(value: Any) -> bool:
    """Whether every text in it can be written as UTF-8."""
    return not any("\ud800" <= letter <= "\udfff" for letter in json.dumps(value, ensure_ascii=False))


def keywords(schema: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(schema, dict):
        for name, value in schema.items():
            yield name, value
            yield from keywords(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from keywords(value)


def input_errors(card: MethodCard) -> Iterator[FieldError]:
    for at in doubles(role.name for role in card.inputs):
        yield FieldError(f"#/card/inputs/{at}/name", "name-twice", "Another input has this name; case does not count.")
    if card.linkage.key_domain == ANY_DOMAIN and len(card.inputs) > 1:
        sentence = f"Only a method of one input takes keys of {ANY_DOMAIN} domain: what is linked has one issuer."
        yield FieldError("#/card/linkage/key_domain", "domain-missing", sentence)
    least, linkage = rules().least_match.value, card.linkage
    # Zero is a card that names no floor: prepare then holds it to the centre's least.
    low = 0 < linkage.match_floor < least and linkage.floor_reason is None
    if low and len(card.inputs) > 1:
        sentence = f"Below {least:.0%} only with `floor_reason`, which says why so few base rows may be found."
        yield FieldError("#/card/linkage/match_floor", "floor-too-low", sentence)
    for at, role in enumerate(card.inputs):
        yield from role_errors(f"#/card/inputs/{at}", role, card.linkage.key_domain)
    base = next((role for role in card.inputs if role.name == card.linkage.base), None)
    if base is None or not base.required:
        yield FieldError("#/card/linkage/base", "no-base", "The base is one of the required inputs.")
    else:
        for at, role in enumerate(card.inputs):
            yield from sharing_errors(f"#/card/inputs/{at}/keyed_by", role, base)


def role_errors(path: str, role: InputRole, key_domain: str) -> Iterator[FieldError]:
    if "__" in role.name:
        yield FieldError(f"{path}/name", "bad-name", "Two underscores divide input and column in the bundle: not in a name.")
    for at in doubles(column.name for column in role.columns):
        yield FieldError(f"{path}/columns/{at}/name", "name-twice", "Another column has this name; case does not count.")
    keys = [column for column in role.columns if column.role is ColumnRole.KEY]
    for at, column in enumerate(role.columns):
        if (column.role is ColumnRole.KEY) != (column.key_domain is not None):
            yield FieldError(f"{path}/columns/{at}/key_domain", "key-domain", "A key, and only a key, names its key domain.")
    linking = [column for column in keys if column.key_domain == key_domain]
    if len(linking) != 1 or not linking[0].required:
        yield FieldError(f"{path}/columns", "no-key", f"Each input has one required key of the domain {key_domain}.")

    yield from keyed_errors(path, role)


def keyed_errors(path: str, role: InputRole) -> Iterator[FieldError]:
    """What identifies a row beside its key is always there, is no key, and is of a type whose values are equal or not."""
    columns = {column.name: column for column in role.columns}
    for at in doubles(role.keyed_by):
        yield FieldError(f"{path}/keyed_by/{at}", "name-twice", "This column is named before.")
    for at, name in enumerate(role.keyed_by):
        column = columns.get(name)
        if column is None or not column.required or column.role is ColumnRole.KEY:
            detail = "What identifies a row beside its key is a required column of this input, and no key."
            yield FieldError(f"{path}/keyed_by/{at}", "bad-key-column", detail)
        elif column.type not in EXACT:
            yield FieldError(f"{path}/keyed_by/{at}", "bad-key-type", f"Its type is one of {', '.join(EXACT)}.")


def sharing_errors(path: str, role: InputRole, base: InputRole) -> Iterator[FieldError]:
    """An input is joined on its key columns, so the base has each of them too, of the same type."""
    types = {column.name: column.type for column in base.columns if column.name in base.keyed_by}
    own = {column.name: column.type for column in role.columns}
    for at, name in enumerate(role.keyed_by):
        if name in own and types.get(name) is not own[name]:
            detail = f"The base {base.name} is not keyed by a column of this name and type."
            yield FieldError(f"{path}/{at}", "not-of-base", detail)


def output_errors(card: MethodCard) -> Iterator[FieldError]:
    for at in doubles(f"{output.kind}/{output.name}" for output in card.outputs):
        yield FieldError(f"#/card/outputs/{at}/name", "name-twice", "Another output of this kind has this name.")
    for at, output in enumerate(card.outputs):
        if output.disclosure is not output.kind.disclosure:
            sentence = f"A {output.kind} leaves as {output.kind.disclosure}, and in no other way."
            yield FieldError(f"#/card/outputs/{at}/disclosure", "other-door", sentence)


def naming_errors(card: MethodCard) -> Iterator[FieldError]:
    for name, sign in card.monotone.items():
        if sign not in (-1, 0, 1):
            yield FieldError(f"#/card/monotone/{pointed(name)}", "bad-sign", "The sign is -1, 0 or 1.")


def pointed(name: str) -> str:
    return json.dumps(name[:63], ensure_ascii=True)[1:-1].replace("~", "~0").replace("/", "~1")


def doubles(names: Iterable[str]) -> list[int]:
    """Where a name stands that stood before."""
    seen: Counter[str] = Counter()
    found = []
    for at, name in enumerate(names):
        if seen[name.casefold()]:
            found.append(at)
        seen[name.casefold()] += 1
    return found
