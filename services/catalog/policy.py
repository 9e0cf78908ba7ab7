"""Who may do what in the catalog, and when: pure checks that raise."""

import base64
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from services.catalog import messages
from services.catalog.models import (
    FILE_TRANSITIONS,
    TRANSITIONS,
    Dataset,
    DatasetFile,
    DatasetState,
    FileState,
    Ministry,
    MinistryKey,
)
from shared.auth import Principal, Role, require
from shared.canonical import canonical_text
from shared.contracts import Column, ColumnRole, ColumnType, PublicKey
from shared.errors import Conflict, FieldError, Forbidden, Problem, Unprocessable
from shared.texts import unreadable

FIXED_TABLE = (DatasetState.CHECKING, DatasetState.PUBLISHED, DatasetState.WITHDRAWN)


def check_move(dataset: Dataset, to: DatasetState) -> None:
    """The only reader of TRANSITIONS: refuse a move that the life of a dataset does not have."""
    if to not in TRANSITIONS[dataset.state]:
        raise Conflict(messages.DATASET_MOVE(state=dataset.state, to=to), status_now=dataset.state)


def check_file_move(file: DatasetFile, to: FileState) -> None:
    """The only reader of FILE_TRANSITIONS."""
    if to not in FILE_TRANSITIONS[file.state]:
        raise Conflict(messages.FILE_MOVE(state=file.state, to=to), status_now=file.state)


def is_steward(caller: Principal, ministry: str) -> bool:
    return caller.has(Role.STEWARD) and caller.ministry == ministry


def sees(caller: Principal, dataset: Dataset) -> bool:
    """What was published is seen by every member, also when it was withdrawn; the rest by its owner's stewards."""
    return dataset.live_file is not None or is_steward(caller, dataset.ministry)


def check_steward(caller: Principal, ministry: str) -> None:
    if not is_steward(caller, ministry):
        raise Forbidden(messages.OWNERS_STEWARD, right=f"steward of {ministry}")


def check_may_let_leave(caller: Principal, ministry: Ministry) -> None:
    """Not one's own body: somebody has to be left who can let it join again."""
    require(caller, Role.COUNCIL_SECRETARY)
    if caller.ministry == ministry.code:
        raise Forbidden(messages.OWN_LEAVING, right="council-secretary of another ministry")


def check_present(ministry: Ministry) -> None:
    if ministry.left_at is not None:
        raise Conflict(messages.LEFT_BEFORE)


def ministry_actions_for(caller: Principal, ministry: Ministry) -> list[str]:
    """What the caller may do now."""
    try:
        check_may_let_leave(caller, ministry)
        check_present(ministry)
    except Problem:
        return []
    return ["leave"]


def check_table(table: Sequence[Column]) -> None:
    """Column names are compared without regard to case: not every reader of a file keeps `A` and `a` apart."""
    if errors := list(repeated_names(table)):
        raise Unprocessable(messages.COLUMNS_SAME_NAME, errors=errors)
    shown = [column.model_dump(mode="json") for column in table]
    if wrong := [FieldError(at, "unreadable-text", messages.TEXT_NOT_TAKEN(why=why)) for at, why in unreadable(shown, "#/table")]:
        raise Unprocessable(messages.TABLE_TEXT, errors=wrong[:100])


def repeated_names(table: Sequence[Column]) -> Iterator[FieldError]:
    """A header of a file names one column: neither names nor source names stand twice."""
    seen: dict[str, int] = {}
    for position, column in enumerate(table):
        for field, name in (("name", column.name), ("source_name", column.source_name)):
            folded = canonical_text(name or "").casefold()
            if folded and seen.setdefault(folded, position) != position:
                yield FieldError(f"#/table/{position}/{field}", "duplicate-column", messages.COLUMN_NAMED_BEFORE)


def unlinkable_keys(table: Sequence[Column]) -> list[int]:
    """Positions of key columns whose type methods that link tables do not take."""
    return [
        position
        for position, column in enumerate(table)
        if column.role is ColumnRole.KEY and column.type is not ColumnType.STRING
    ]


def check_table_open(dataset: Dataset) -> None:
    if dataset.state in FIXED_TABLE:
        error = FieldError("#/table", "table-fixed", messages.REGISTER_NEW)
        raise Conflict(messages.TABLE_FIXED, errors=[error], status_now=dataset.state)


def check_not_withdrawn(dataset: Dataset) -> None:
    if dataset.state is DatasetState.WITHDRAWN:
        raise Conflict(messages.DATASET_WITHDRAWN, status_now=dataset.state)


def may_update(caller: Principal, dataset: Dataset) -> None:
    check_steward(caller, dataset.ministry)
    check_not_withdrawn(dataset)


def may_attach(caller: Principal, dataset: Dataset) -> None:
    check_steward(caller, dataset.ministry)
    check_not_withdrawn(dataset)


def may_withdraw(caller: Principal, dataset: Dataset) -> None:
    check_steward(caller, dataset.ministry)
    check_move(dataset, DatasetState.WITHDRAWN)


ACTIONS: dict[str, Callable[[Principal, Dataset], None]] = {
    "update": may_update,
    "file": may_attach,
    "withdraw": may_withdraw,
}


def actions_for(caller: Principal, dataset: Dataset) -> list[str]:
    """What the caller may do now."""
    return [name for name, check in ACTIONS.items() if allowed(check, caller, dataset)]


def allowed(check: Callable[[Principal, Dataset], None], caller: Principal, dataset: Dataset) -> bool:
    try:
        check(caller, dataset)
    except Problem:
        return False
    return True


def check_key_holder(caller: Principal, ministry: str) -> None:
    if not is_steward(caller, ministry):
        raise Forbidden(messages.OWN_KEYS, right=f"steward of {ministry}")


def check_key(key: PublicKey, *, valid_from: datetime, valid_until: datetime, at: datetime) -> None:
    """A key to which something can be sealed, and that is or will be valid."""
    errors = []
    if not is_point(key.x):
        errors.append(FieldError("#/key/x", "key-unusable", messages.NOT_X25519))
    if valid_until <= max(valid_from, at):
        errors.append(FieldError("#/valid_until", "never-valid", messages.NEVER_VALID))
    if errors:
        raise Unprocessable(messages.KEY_CANNOT_BE_USED, errors=errors)


def is_point(x: str) -> bool:
    """Written in the one way that its name is made of, and not one of the few points that hide nothing."""
    raw = base64.urlsafe_b64decode(f"{x}=")
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != x or raw[31] & 0x80:
        return False
    try:
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(raw))
    except ValueError:
        return False
    return True


def may_retire(caller: Principal, key: MinistryKey) -> None:
    check_key_holder(caller, key.ministry)
    if key.retired_at is not None:
        raise Conflict(messages.KEY_RETIRED)


def key_actions_for(caller: Principal, key: MinistryKey) -> list[str]:
    return ["retire"] if is_steward(caller, key.ministry) and key.retired_at is None else []
