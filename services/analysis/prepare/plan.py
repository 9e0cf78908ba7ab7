"""What prepare will do with each input, checked against the card and the approval before any file is opened."""

from dataclasses import dataclass

from services.analysis.prepare.errors import PrepareError
from shared.contracts import ApprovedInput, CardColumn, Column, ColumnRole, InputRole, MethodCard


@dataclass(frozen=True)
class Pick:
    """One approved column: what the card calls it, and where it stands in the dataset."""

    card: CardColumn
    stored: Column

    @property
    def key_domain(self) -> str | None:
        return self.card.key_domain if self.card.role is ColumnRole.KEY else None


@dataclass(frozen=True)
class RolePlan:
    """One input: its linkage key, and the columns that go into the bundle."""

    role: str
    approved: ApprovedInput
    key: Pick
    columns: tuple[Pick, ...]


@dataclass(frozen=True)
class Plan:
    """All inputs, the base first."""

    key_domain: str
    match_floor: float
    base: RolePlan
    others: tuple[RolePlan, ...]

    @property
    def roles(self) -> tuple[RolePlan, ...]:
        return (self.base, *self.others)


def plan_linkage(card: MethodCard, inputs: tuple[ApprovedInput, ...]) -> Plan:
    """Match the approved inputs with the card's roles; whatever does not fit is refused here."""
    given = {each.role: each for each in inputs}
    known = {role.name for role in card.inputs}
    if len(given) != len(inputs) or not given.keys() <= known:
        raise PrepareError("input-unknown", "The approved inputs are not those that the method card names.")
    for role in card.inputs:
        if (role.required or role.name == card.linkage.base) and role.name not in given:
            raise PrepareError("input-missing", f"The input {role.name} is missing.")
    plans = {role.name: plan_role(role, given[role.name], card.linkage.key_domain) for role in card.inputs if role.name in given}
    base = plans.pop(card.linkage.base)
    return Plan(card.linkage.key_domain, card.linkage.match_floor, base, tuple(plans.values()))


def plan_role(role: InputRole, approved: ApprovedInput, key_domain: str) -> RolePlan:
    stored = {column.name: column for column in approved.table}
    wanted = {column.name: column for column in role.columns}
    if not approved.columns.keys() <= wanted.keys() or not set(approved.columns.values()) <= stored.keys():
        raise PrepareError("column-unknown", f"A column approved for the input {role.name} does not exist.")
    picks = [Pick(column, stored[approved.columns[name]]) for name, column in wanted.items() if name in approved.columns]
    for pick in picks:
        check_key(pick, role.name)
    keys = [pick for pick in picks if pick.key_domain == key_domain]
    if len(keys) != 1:
        raise PrepareError("key-missing", f"The input {role.name} has no approved key of the domain {key_domain}.")
    for column in role.columns:
        if column.required and column.name not in approved.columns:
            detail = f"The column {column.name} of the input {role.name} is needed, but was not approved."
            raise PrepareError("column-missing", detail)
    return RolePlan(role.name, approved, keys[0], tuple(pick for pick in picks if pick is not keys[0]))


def check_key(pick: Pick, role: str) -> None:
    """A key may only be read as a key of its own domain: as anything else it would stand in the bundle as it is."""
    if pick.key_domain != pick.stored.key_domain:
        raise PrepareError("key-mismatch", f"The column {pick.card.name} of the input {role} is a key on one side only.")
