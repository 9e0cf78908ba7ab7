"""Whether the datasets asked for have the columns that the method's card wants: name, type, unit and key domain."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from services.requests import messages
from services.requests.models import KnownDataset
from services.requests.schemas import InputIn
from shared.contracts import ANY_DOMAIN, CardColumn, Column, ColumnRole, ColumnType, DatasetPublished, InputRole, MethodCard
from shared.contracts.wording import Sentence
from shared.errors import FieldError


@dataclass(frozen=True)
class Fitted:
    """A dataset in its part, with the columns that would leave it."""

    role: str
    dataset: DatasetPublished
    columns: dict[str, str]
    allowed_purpose: str | None

    @property
    def types(self) -> dict[str, ColumnType]:
        """The columns that the method will see, by the card's names; a key reaches no method."""
        seen = {column.name: column.type for column in self.dataset.table if column.role is not ColumnRole.KEY}
        return {card: seen[name] for card, name in self.columns.items() if name in seen}


def fit_inputs(
    card: MethodCard, inputs: Mapping[str, InputIn], known: Mapping[UUID, KnownDataset]
) -> tuple[list[Fitted], list[FieldError]]:
    """Fit every dataset into its part of the card; all misfits at once."""
    roles = {role.name: role for role in card.inputs}
    errors = [unknown_role(name, roles) for name in inputs if name not in roles]
    errors += [
        FieldError(f"#/inputs/{role.name}", "missing-input", messages.INPUT_MISSING(name=role.name))
        for role in card.inputs
        if (role.required or role.name == card.linkage.base) and role.name not in inputs
    ]
    fitted = []
    for name, asked in inputs.items():
        live, fault = find_dataset(name, asked, known)
        if fault:
            errors.append(fault)
        if live and name in roles:
            one, faults = fit_role(roles[name], asked, live, card.linkage.key_domain)
            fitted.append(one)
            errors += faults
    return fitted, errors


def unknown_role(name: str, roles: Collection[str]) -> FieldError:
    return FieldError(f"#/inputs/{name}", "unknown-input", messages.UNKNOWN_INPUT(known=", ".join(roles)))


def find_dataset(
    role: str, asked: InputIn, known: Mapping[UUID, KnownDataset]
) -> tuple[DatasetPublished | None, FieldError | None]:
    """The live dataset, or what is wrong with the id."""
    place = f"#/inputs/{role}/dataset_id"
    dataset = known.get(asked.dataset_id)
    if dataset is not None and dataset.withdrawn:
        return None, FieldError(place, "withdrawn-dataset", messages.OWNER_WITHDREW)
    live = dataset.live if dataset else None
    if live is None:
        return None, FieldError(place, "unknown-dataset", messages.NO_DATASET)
    return live, None


def fit_role(role: InputRole, asked: InputIn, dataset: DatasetPublished, domain: str) -> tuple[Fitted, list[FieldError]]:
    """Fit one dataset into one part."""
    place = f"#/inputs/{role.name}"
    table = {column.name: column for column in dataset.table}
    columns: dict[str, str] = {}
    errors: list[FieldError] = []
    for column in role.columns:
        found, fault = fit_column(column, asked.columns, table, f"{place}/columns/{column.name}")
        if found:
            columns[column.name] = found
        if fault:
            errors.append(fault)
    further, faults = fit_further(role, asked.columns, table, f"{place}/columns")
    columns |= further
    errors += faults
    fault = None if errors else linkage_fault(role, columns, domain, place)
    errors += [fault] if fault else []
    errors += purpose_faults(asked, dataset, place)
    return Fitted(role.name, dataset, columns, asked.allowed_purpose), errors


def fit_column(
    column: CardColumn, mapping: Mapping[str, str | None], table: Mapping[str, Column], place: str
) -> tuple[str | None, FieldError | None]:
    """The dataset's column for one of the card's columns, or what is wrong with it."""
    if column.name in mapping and mapping[column.name] is None:
        if column.required:
            return None, FieldError(place, "required-column", messages.COLUMN_REQUIRED)
        return None, None
    name = mapping.get(column.name) or own_name(column, table)
    if name is None or name not in table:
        if name is None and not column.required:
            return None, None
        detail = messages.COLUMN_NOT_THERE(name=name or column.name, known=", ".join(list(table)[:50]))
        return None, FieldError(place, "missing-column", detail)
    fault = misfit(column, table[name])
    return name, FieldError(place, *fault) if fault else None


def fit_further(
    role: InputRole, mapping: Mapping[str, str | None], table: Mapping[str, Column], place: str
) -> tuple[dict[str, str], list[FieldError]]:
    """The columns that a request adds under names of its own, ordered by name, and what is wrong with them."""
    wanted = {column.name for column in role.columns}
    taken = {name.casefold() for name in wanted}
    columns: dict[str, str] = {}
    errors = []
    for name in sorted(mapping.keys() - wanted):
        if fault := further_misfit(role, name, mapping[name], table, taken):
            errors.append(FieldError(f"{place}/{name}", *fault))
        columns[name] = mapping[name] or name
        taken.add(name.casefold())
    return columns, errors


def further_misfit(
    role: InputRole, name: str, source: str | None, table: Mapping[str, Column], taken: Collection[str]
) -> tuple[str, Sentence] | None:
    """A code and a sentence where a further column cannot be added."""
    if not role.further or source is None:
        return "unknown-card-column", messages.CARD_COLUMN_UNKNOWN(role=role.name)
    if name.casefold() in taken:
        return "name-twice", messages.COLUMN_NAME_TWICE
    if source not in table:
        return "missing-column", messages.COLUMN_NOT_THERE(name=source, known=", ".join(list(table)[:50]))
    found = table[source]
    if found.role is ColumnRole.KEY:
        return "raw-key", messages.RAW_KEY(name=found.name)
    if not allows(role.further, found.type):
        return "wrong-type", messages.FURTHER_TYPES(types=", ".join(role.further), name=found.name, type=found.type)
    return None


def allows(types: Collection[ColumnType], found: ColumnType) -> bool:
    return found in types or (found is ColumnType.INTEGER and ColumnType.NUMBER in types)


def own_name(column: CardColumn, table: Mapping[str, Column]) -> str | None:
    """Without a mapping: the same name, or for a key the only column of its domain."""
    if column.name in table:
        return column.name
    domain = domain_of(column)
    keys = [one.name for one in table.values() if domain and of_domain(one, domain)]
    return keys[0] if len(keys) == 1 else None


def misfit(wanted: CardColumn, found: Column) -> tuple[str, Sentence] | None:
    """A code and a sentence where the dataset's column is not what the card wants."""
    domain = domain_of(wanted)
    if found.role is ColumnRole.KEY and domain is None:
        return "raw-key", messages.RAW_KEY(name=found.name)
    if not of_domain(found, domain):
        return "wrong-key-domain", messages.OTHER_KEY_DOMAIN(domain=domain, name=found.name)
    if domain == ANY_DOMAIN:
        return None
    if wanted.type is not found.type and (wanted.type, found.type) != (ColumnType.NUMBER, ColumnType.INTEGER):
        return "wrong-type", messages.OTHER_TYPE(wanted=wanted.type, name=found.name, type=found.type)
    if wanted.unit is not None and wanted.unit != found.unit:
        return "wrong-unit", messages.OTHER_UNIT(wanted=wanted.unit, name=found.name, unit=found.unit or messages.NO_UNIT)
    return None


def linkage_fault(role: InputRole, columns: Mapping[str, str], domain: str, place: str) -> FieldError | None:
    """Every input is linked by exactly one of its mapped columns: a key of the card's domain."""
    linking = sorted(linking_columns(role, domain) & columns.keys())
    if not linking:
        return FieldError(f"{place}/dataset_id", "no-linkage-key", messages.NO_LINKAGE_KEY(domain=domain))
    if len(linking) > 1:
        names = ", ".join(linking)
        detail = messages.KEYS_AMBIGUOUS(names=names)
        return FieldError(f"{place}/columns", "ambiguous-key", detail)
    return None


def linking_columns(role: InputRole, domain: str) -> set[str]:
    return {column.name for column in role.columns if domain_of(column) == domain}


def domain_of(column: CardColumn) -> str | None:
    """Whose key the method wants here; None for what is no key."""
    return column.key_domain if column.role is ColumnRole.KEY else None


def of_domain(found: Column, domain: str | None) -> bool:
    """Whether the dataset's column is a key of this domain; none is none."""
    return found.key_domain is not None if domain == ANY_DOMAIN else found.key_domain == domain


def purpose_faults(asked: InputIn, dataset: DatasetPublished, place: str) -> list[FieldError]:
    if asked.allowed_purpose is None or asked.allowed_purpose in dataset.allowed_purposes:
        return []
    allowed = "; ".join(dataset.allowed_purposes) or messages.NONE
    sentence = messages.PURPOSES(allowed=allowed)
    return [FieldError(f"{place}/allowed_purpose", "purpose-not-allowed", sentence)]


def cut(columns: Mapping[str, str], kept: Collection[str] | None) -> dict[str, str]:
    """The mapping without the dataset's columns that the owner keeps back."""
    return {card: name for card, name in columns.items() if kept is None or name in kept}


def lost(role: InputRole, domain: str, columns: Mapping[str, str], kept: Collection[str]) -> list[str]:
    """The dataset's columns without which the method could not run, but which the owner would keep back."""
    needed = {column.name for column in role.columns if column.required} | linking_columns(role, domain) | {*role.keyed_by}
    return sorted({name for card, name in columns.items() if card in needed and name not in kept})
