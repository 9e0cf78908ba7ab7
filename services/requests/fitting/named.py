"""Parameters that name columns: the card's schema says of which input (`x-column-of`) and, if need be, of which types."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry

from services.requests import messages
from services.requests.fitting.columns import Fitted, allows
from shared.contracts import COLUMN_OF, COLUMN_TYPES, ColumnType, MethodCard
from shared.errors import FieldError

Columns = Mapping[str, Mapping[str, ColumnType | None]]
"""Input -> the card's names of the columns that it has -> their types, None where these do not count."""
Check = Callable[[Any, Any, Any, Any], Iterator[ValidationError]]


def named_columns(card: MethodCard, fitted: Collection[Fitted], misfits: Collection[FieldError]) -> Columns:
    """What parameters may name. An input that does not fit is not there: its own faults say what is wrong."""
    faulty = {error.pointer.split("/")[2] for error in misfits}
    there = {one.role: one.types for one in fitted}
    return {role.name: there.get(role.name, {}) for role in card.inputs if role.name not in faulty}


def validator(schema: Mapping[str, Any], columns: Columns) -> Validator:
    """Of parameters, and of the columns that they name; an input that is not in `columns` is not looked at."""
    checking: type[Validator] = extend(Draft202012Validator, {COLUMN_OF: check_column(columns)})  # type: ignore[no-untyped-call]
    # An empty registry: a card that refers to a schema elsewhere never makes us fetch it.
    return checking(dict(schema), registry=Registry())


def check_column(columns: Columns) -> Check:
    def check(_: Any, role: Any, name: Any, schema: Any) -> Iterator[ValidationError]:
        if not isinstance(name, str) or role not in columns:
            return
        known, types = columns[role], schema.get(COLUMN_TYPES)
        if name not in known:
            names = ", ".join(list(known)[:50]) or "-"
            yield ValidationError(messages.NAMED_NOT_THERE(role=role, names=names))
        elif types and (found := known[name]) and not fits(types, found):
            yield ValidationError(messages.NAMED_OTHER_TYPE(types=", ".join(types), found=found))

    return check


def fits(types: Collection[str], found: ColumnType) -> bool:
    return allows([ColumnType(each) for each in types], found)


def columns_lost(schema: Mapping[str, Any], parameters: Mapping[str, Any], columns: Columns) -> list[str]:
    """The parameters that name a column which is not among these."""
    errors = validator(schema, columns).iter_errors(dict(parameters))
    return sorted({str(next(iter(error.absolute_path), "")) for error in errors if error.validator == COLUMN_OF})
