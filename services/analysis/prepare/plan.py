"""What prepare will do with each input, checked against the card and the approval before any file is opened."""

from dataclasses import dataclass

from services.analysis.prepare.errors import PrepareError
from shared.contracts import ANY_DOMAIN, ApprovedInput, CardColumn, Column, ColumnRole, ColumnType, InputRole, MethodCard
from shared.times import KOREA


@dataclass(frozen=True)
class Pick:
    """One approved column: what the card calls it, and where it stands in the dataset."""

    card: CardColumn
    stored: Column

    @property
    def key_domain(self) -> str | None:
        if self.card.role is not ColumnRole.KEY:
            return None
        return self.stored.key_domain if self.card.key_domain == ANY_DOMAIN else self.card.key_domain

    @property
    def temporal(self) -> bool:
        """Whether its texts are times, which are read and written in one form."""
        return self.card.temporal and self.card.type is ColumnType.STRING


@dataclass(frozen=True)
class RolePlan:
    """One input: its linkage key, the columns that go into the bundle, and those of them that identify a row with the key."""

    role: str
    approved: ApprovedInput
    key: Pick
    columns: tuple[Pick, ...]
    keyed_by: tuple[Pick, ...] = ()

    def output_name(self, pick: Pick) -> str:
        """What a column is called in the bundle."""
        return f"{self.role}__{pick.card.name}"


@dataclass(frozen=True)
class Plan:
    """All inputs, the base first."""

    key_domain: str
    match_floor: float
    base: RolePlan
    others: tuple[RolePlan, ...]
    zone: str = KOREA
    """Of the wall clock that texts of times are written in, and of times without an offset of which no column says otherwise."""

    @property
    def roles(self) -> tuple[RolePlan, ...]:
        return (self.base, *self.others)

    @property
    def available_from(self) -> dict[str, str]:
        """Column of the bundle -> the first day (ISO 8601) for which its owner has it; what says nothing is left out."""
        picked = [(role.output_name(pick), pick.stored.available_from) for role in self.roles for pick in role.columns]
        return {name: day.isoformat() for name, day in picked if day is not None}


def plan_linkage(card: MethodCard, inputs: tuple[ApprovedInput, ...], zone: str = KOREA, least_floor: float = 0.0) -> Plan:
    """Match the approved inputs with the card's roles; whatever does not fit is refused here.

    `least_floor` holds where the card gives no reason for a lower one."""
    given = {each.role: each for each in inputs}
    known = {role.name for role in card.inputs}
    if len(given) != len(inputs) or not given.keys() <= known:
        raise PrepareError("input-unknown", "The approved inputs are not those that the method card names.")
    for role in card.inputs:
        if (role.required or role.name == card.linkage.base) and role.name not in given:
            raise PrepareError("input-missing", f"The input {role.name} is missing.")
    plans = {role.name: plan_role(role, given[role.name], card.linkage.key_domain) for role in card.inputs if role.name in given}
    base = plans.pop(card.linkage.base)
    floor = card.linkage.match_floor if card.linkage.floor_reason else max(card.linkage.match_floor, least_floor)
    return Plan(base.key.key_domain or card.linkage.key_domain, floor, base, tuple(plans.values()), zone)


def plan_role(role: InputRole, approved: ApprovedInput, key_domain: str) -> RolePlan:
    stored = {column.name: column for column in approved.table}
    wanted = {column.name: column for column in role.columns}
    if not set(approved.columns.values()) <= stored.keys():
        raise PrepareError("column-unknown", f"A column approved for the input {role.name} does not exist.")
    picks = [Pick(column, stored[approved.columns[name]]) for name, column in wanted.items() if name in approved.columns]
    picks += [
        further_pick(role, name, stored[approved.columns[name]]) for name in sorted(approved.columns.keys() - wanted.keys())
    ]
    for pick in picks:
        check_key(pick, role.name)
    keys = [pick for pick in picks if pick.key_domain and pick.card.key_domain == key_domain]
    if len(keys) != 1:
        raise PrepareError("key-missing", f"The input {role.name} has no approved key of the domain {key_domain}.")
    for column in role.columns:
        if column.required and column.name not in approved.columns:
            detail = f"The column {column.name} of the input {role.name} is needed, but was not approved."
            raise PrepareError("column-missing", detail)
    columns = tuple(pick for pick in picks if pick is not keys[0])
    by_name = {pick.card.name: pick for pick in columns}
    return RolePlan(role.name, approved, keys[0], columns, tuple(by_name[name] for name in role.keyed_by))


def further_pick(role: InputRole, name: str, stored: Column) -> Pick:
    """A column that the request added under a name of its own: of the dataset's own type, which the card has to allow."""
    number = stored.type is ColumnType.INTEGER and ColumnType.NUMBER in role.further
    if name.casefold() in {column.name.casefold() for column in role.columns} or not (stored.type in role.further or number):
        raise PrepareError("column-unknown", f"A column approved for the input {role.name} does not exist.")
    attribute = ColumnRole.ATTRIBUTE if stored.role is ColumnRole.KEY else stored.role
    return Pick(CardColumn(name=name, type=stored.type, role=attribute, unit=stored.unit), stored)


def check_key(pick: Pick, role: str) -> None:
    """A key may only be read as a key of its own domain: as anything else it would stand in the bundle as it is."""
    if pick.key_domain != pick.stored.key_domain:
        raise PrepareError("key-mismatch", f"The column {pick.card.name} of the input {role} is a key on one side only.")
