"""Whether an owner's decision can be taken as it is: its ground, its columns, and the dataset as it is now."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.requests import messages
from services.requests.fitting.columns import cut, fit_role, lost
from services.requests.fitting.named import columns_lost
from services.requests.models import RequestInput, Verdict
from services.requests.rules import Rules
from services.requests.schemas import DecisionIn, InputIn
from shared.contracts import DatasetPublished, InputRole, MethodCard
from shared.errors import FieldError


def decision_faults(
    data: DecisionIn, inputs: Sequence[RequestInput], parameters: Mapping[str, Any], card: MethodCard, rules: Rules
) -> list[FieldError]:
    """Every fault of a decision; `inputs` are the parts that its dataset plays."""
    if data.verdict is Verdict.REFUSE:
        return [*refusal_faults(data, rules)]
    return [*approval_faults(data, inputs, parameters, card)]


def refusal_faults(data: DecisionIn, rules: Rules) -> Iterator[FieldError]:
    codes = ", ".join(known.code for known in rules.refusal_codes)
    if data.code is None:
        yield FieldError("#/code", "missing-code", messages.GROUND_MISSING(codes=codes))
    elif rules.refusal(data.code) is None:
        yield FieldError("#/code", "unknown-code", messages.GROUND_UNKNOWN(codes=codes))
    if data.columns is not None:
        yield FieldError("#/columns", "not-with-refusal", messages.REFUSAL_COLUMNS)
    if data.conditions:
        yield FieldError("#/conditions", "not-with-refusal", messages.REFUSAL_CONDITIONS)


def approval_faults(
    data: DecisionIn, inputs: Sequence[RequestInput], parameters: Mapping[str, Any], card: MethodCard
) -> Iterator[FieldError]:
    if data.code is not None:
        yield FieldError("#/code", "not-with-approval", messages.APPROVAL_GROUND)
    if data.columns is None:
        return
    asked = {name for one in inputs for name in one.columns.values()}
    for at, name in enumerate(data.columns):
        if name not in asked:
            yield FieldError(f"#/columns/{at}", "not-asked", messages.COLUMN_NOT_ASKED)
    roles = {role.name: role for role in card.inputs}
    needed = {name for one in inputs for name in lost(roles[one.role], card.linkage.key_domain, one.columns, data.columns)}
    if needed:
        sentence = messages.COLUMNS_NEEDED(columns=", ".join(sorted(needed)))
        yield FieldError("#/columns", "required-columns", sentence)
    left = {one.role: dict.fromkeys(cut(one.columns, data.columns)) for one in inputs}
    if naming := columns_lost(card.parameters, parameters, left):
        yield FieldError("#/columns", "named-columns", messages.COLUMNS_NAMED(parameters=", ".join(naming)))


def changed_since(one: RequestInput, role: InputRole, dataset: DatasetPublished, domain: str) -> bool:
    """Whether the dataset's present version or owner is no longer what the request was checked against."""
    columns: dict[str, str | None] = {column.name: None for column in role.columns} | one.columns
    asked = InputIn(dataset_id=one.dataset_id, columns=columns, allowed_purpose=one.allowed_purpose)
    return dataset.ministry != one.ministry or bool(fit_role(role, asked, dataset, domain)[1])
