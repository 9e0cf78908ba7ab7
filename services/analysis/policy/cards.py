"""What a method card must be before anybody spends time on reviewing it."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from jsonschema import Draft202012Validator, SchemaError

from services.analysis import messages
from services.analysis.rules import rules
from shared.contracts import ANY_DOMAIN, COLUMN_OF, COLUMN_TYPES, ColumnRole, ColumnType, InputRole, MethodCard
from shared.errors import FieldError, TooLarge, Unprocessable
from shared.texts import unreadable

CARD_LIMIT: Final = 200_000
DEEPEST: Final = 20
EXACT: Final = (ColumnType.STRING, ColumnType.INTEGER, ColumnType.DATE, ColumnType.DATETIME)
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def check_card(card: MethodCard) -> None:
    """Refuse a card that contradicts itself, naming each field at fault."""
    if depth(card.parameters) > DEEPEST or not whole(card.parameters):
        error = FieldError("#/card/parameters", "not-plain", messages.WHOLE_CHARACTERS(deepest=DEEPEST))
        raise Unprocessable(messages.SCHEMA_UNKEEPABLE, errors=[error])
    size = len(card.model_dump_json().encode())
    if size > CARD_LIMIT:
        raise TooLarge(messages.CARD_TOO_LARGE(size=size, limit=CARD_LIMIT), limit_bytes=CARD_LIMIT)
    errors = [*schema_errors(card.parameters), *column_errors(card), *input_errors(card), *output_errors(card)]
    errors += [*naming_errors(card), *text_errors(card)]
    if errors:
        raise Unprocessable(messages.CARD_CONTRADICTS, errors=errors[:100])


def text_errors(card: MethodCard) -> Iterator[FieldError]:
    """Reviewers, owners and the council read the card: every text in it can be read, as it is written."""
    for place, wrong in unreadable(card.model_dump(mode="json", exclude={"parameters"}), "#/card"):
        yield FieldError(place[:300], "unreadable-text", messages.TEXT_NOT_TAKEN(wrong=wrong))


def schema_errors(schema: dict[str, Any]) -> Iterator[FieldError]:
    """The parameters' schema: valid, of an object, and complete in itself (it may fetch nothing)."""
    at = "#/card/parameters"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        path = "".join(f"/{part}" for part in error.absolute_path)
        yield FieldError(f"{at}{path}"[:300], "bad-schema", messages.NOT_JSON_SCHEMA)
        return
    if schema.get("type") != "object":
        yield FieldError(f"{at}/type", "not-object", messages.PARAMETERS_OBJECT)
    for name, value in keywords(schema):
        if name in ("$ref", "$dynamicRef") and not str(value).startswith("#"):
            yield FieldError(at, "remote-reference", messages.POINTS_OUTSIDE(name=name))
        if name == "$schema" and str(value).rstrip("#") != DIALECT:
            yield FieldError(f"{at}/$schema", "other-dialect", messages.OTHER_JSON_SCHEMA)
        if name in ("$id", "$anchor", "$dynamicAnchor", "$vocabulary"):
            yield FieldError(at, "unknown-keyword", messages.NO_USE(name=name))


def column_errors(card: MethodCard) -> Iterator[FieldError]:
    """Parameters that name columns: of an input of the card, of types that columns have."""
    at, roles = "#/card/parameters", [role.name for role in card.inputs]
    for name, value in keywords(card.parameters):
        if name == COLUMN_OF and value not in roles:
            yield FieldError(at, "unknown-input", messages.COLUMN_OF_NOBODY(keyword=COLUMN_OF, roles=", ".join(roles)).cut(1000))
        if name == COLUMN_TYPES and not (isinstance(value, list) and value and set(map(str, value)) <= set(ColumnType)):
            yield FieldError(at, "unknown-type", messages.COLUMN_OF_NO_TYPE(keyword=COLUMN_TYPES, types=", ".join(ColumnType)))


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
        yield FieldError(f"#/card/inputs/{at}/name", "name-twice", messages.INPUT_NAME_TWICE)
    if card.linkage.key_domain == ANY_DOMAIN and len(card.inputs) > 1:
        yield FieldError("#/card/linkage/key_domain", "domain-missing", messages.ANY_DOMAIN_ONCE(domain=ANY_DOMAIN))
    least, linkage = rules().least_match.value, card.linkage
    # Zero is a card that names no floor: prepare then holds it to the centre's least.
    low = 0 < linkage.match_floor < least and linkage.floor_reason is None
    if low and len(card.inputs) > 1:
        yield FieldError("#/card/linkage/match_floor", "floor-too-low", messages.FLOOR_TOO_LOW(least=least))
    for at, role in enumerate(card.inputs):
        yield from role_errors(f"#/card/inputs/{at}", role, card.linkage.key_domain)
    base = next((role for role in card.inputs if role.name == card.linkage.base), None)
    if base is None or not base.required:
        yield FieldError("#/card/linkage/base", "no-base", messages.BASE_REQUIRED)
    else:
        for at, role in enumerate(card.inputs):
            yield from sharing_errors(f"#/card/inputs/{at}/keyed_by", role, base)


def role_errors(path: str, role: InputRole, key_domain: str) -> Iterator[FieldError]:
    if "__" in role.name:
        yield FieldError(f"{path}/name", "bad-name", messages.TWO_UNDERSCORES)
    for at in doubles(column.name for column in role.columns):
        yield FieldError(f"{path}/columns/{at}/name", "name-twice", messages.COLUMN_NAME_TWICE)
    keys = [column for column in role.columns if column.role is ColumnRole.KEY]
    for at, column in enumerate(role.columns):
        if (column.role is ColumnRole.KEY) != (column.key_domain is not None):
            yield FieldError(f"{path}/columns/{at}/key_domain", "key-domain", messages.KEY_DOMAIN)
    linking = [column for column in keys if column.key_domain == key_domain]
    if len(linking) != 1 or not linking[0].required:
        yield FieldError(f"{path}/columns", "no-key", messages.ONE_KEY(key_domain=key_domain))

    yield from keyed_errors(path, role)


def keyed_errors(path: str, role: InputRole) -> Iterator[FieldError]:
    """What identifies a row beside its key is always there, is no key, and is of a type whose values are equal or not."""
    columns = {column.name: column for column in role.columns}
    for at in doubles(role.keyed_by):
        yield FieldError(f"{path}/keyed_by/{at}", "name-twice", messages.COLUMN_NAMED_BEFORE)
    for at, name in enumerate(role.keyed_by):
        column = columns.get(name)
        if column is None or not column.required or column.role is ColumnRole.KEY:
            yield FieldError(f"{path}/keyed_by/{at}", "bad-key-column", messages.KEY_COLUMN)
        elif column.type not in EXACT:
            yield FieldError(f"{path}/keyed_by/{at}", "bad-key-type", messages.KEY_TYPES(types=", ".join(EXACT)))


def sharing_errors(path: str, role: InputRole, base: InputRole) -> Iterator[FieldError]:
    """An input is joined on its key columns, so the base has each of them too, of the same type."""
    types = {column.name: column.type for column in base.columns if column.name in base.keyed_by}
    own = {column.name: column.type for column in role.columns}
    for at, name in enumerate(role.keyed_by):
        if name in own and types.get(name) is not own[name]:
            yield FieldError(f"{path}/{at}", "not-of-base", messages.NOT_OF_BASE(base=base.name))


def output_errors(card: MethodCard) -> Iterator[FieldError]:
    for at in doubles(f"{output.kind}/{output.name}" for output in card.outputs):
        yield FieldError(f"#/card/outputs/{at}/name", "name-twice", messages.OUTPUT_NAME_TWICE)
    for at, output in enumerate(card.outputs):
        if output.disclosure is not output.kind.disclosure:
            sentence = messages.OTHER_DISCLOSURE(kind=output.kind, disclosure=output.kind.disclosure)
            yield FieldError(f"#/card/outputs/{at}/disclosure", "other-door", sentence)


def naming_errors(card: MethodCard) -> Iterator[FieldError]:
    for name, sign in card.monotone.items():
        if sign not in (-1, 0, 1):
            yield FieldError(f"#/card/monotone/{pointed(name)}", "bad-sign", messages.SIGN)


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
