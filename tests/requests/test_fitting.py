"""Whether a submission fits the card: every misfit, by pointer and code."""

from typing import Any
from uuid import uuid4

import pytest

from services.requests.fitting import changed_since, cut, decision_faults, fit_inputs, fit_parameters
from services.requests.fitting.columns import fit_role
from services.requests.models import KnownDataset, RequestInput
from services.requests.schemas import DecisionIn, InputIn
from shared.contracts import Column, ColumnRole, ColumnType, DatasetPublished, InputRole
from tests.requests.examples import (
    CARD,
    HOUSEHOLD_ID,
    INCOME_ID,
    KEY,
    PARAMETERS,
    PERSON,
    RULES,
    TITLE,
    attribute,
    household,
    income,
    published,
    wanted,
)


def fit(inputs: dict[str, Any], *datasets: DatasetPublished) -> dict[str, str]:
    known = {one.dataset_id: KnownDataset(id=one.dataset_id, published=one.model_dump(mode="json")) for one in datasets}
    _, errors = fit_inputs(CARD, {role: InputIn(**one) for role, one in inputs.items()}, known)
    return {error.pointer: error.code for error in errors}


BOTH: dict[str, Any] = {"household": {"dataset_id": HOUSEHOLD_ID}, "income": {"dataset_id": INCOME_ID}}
SPOILT = [
    ({"household": BOTH["household"]}, {"#/inputs/income": "missing-input"}),
    (BOTH | {"other": {"dataset_id": INCOME_ID}}, {"#/inputs/other": "unknown-input"}),
    (BOTH | {"income": {"dataset_id": uuid4()}}, {"#/inputs/income/dataset_id": "unknown-dataset"}),
    (BOTH | {"extra": {"dataset_id": INCOME_ID}}, {"#/inputs/extra/columns/score": "missing-column"}),
    (
        BOTH | {"income": {"dataset_id": INCOME_ID, "columns": {"wages": "nothing", "pay": "wages"}}},
        {"#/inputs/income/columns/wages": "missing-column", "#/inputs/income/columns/pay": "unknown-card-column"},
    ),
    (
        BOTH | {"income": {"dataset_id": INCOME_ID, "columns": {"wages": None}}},
        {"#/inputs/income/columns/wages": "required-column"},
    ),
    (
        BOTH | {"income": {"dataset_id": INCOME_ID, "columns": {"wages": "earners"}}},
        {"#/inputs/income/columns/wages": "wrong-unit"},
    ),
    (
        BOTH | {"income": {"dataset_id": INCOME_ID, "columns": {"wages": "taxpayer_no"}}},
        {"#/inputs/income/columns/wages": "raw-key"},
    ),
    (
        BOTH | {"income": {"dataset_id": INCOME_ID, "columns": {"person_no": "wages"}}},
        {"#/inputs/income/columns/person_no": "wrong-key-domain"},
    ),
    (
        BOTH | {"household": {"dataset_id": HOUSEHOLD_ID, "columns": {"household_size": "region"}}},
        {"#/inputs/household/columns/household_size": "wrong-type"},
    ),
    (
        BOTH | {"income": {"dataset_id": INCOME_ID, "allowed_purpose": "Marketing"}},
        {"#/inputs/income/allowed_purpose": "purpose-not-allowed"},
    ),
]


@pytest.mark.parametrize(("inputs", "expected"), SPOILT)
def test_every_misfit_is_named(inputs: dict[str, Any], expected: dict[str, str]) -> None:
    assert fit(inputs, household(), income()) == expected


def test_misfits_of_all_inputs_are_reported_together() -> None:
    inputs = {
        "household": {"dataset_id": uuid4()},
        "income": {"dataset_id": INCOME_ID, "columns": {"wages": "earners"}},
        "x": BOTH["income"],
    }
    assert fit(inputs, income()) == {
        "#/inputs/x": "unknown-input",
        "#/inputs/household/dataset_id": "unknown-dataset",
        "#/inputs/income/columns/wages": "wrong-unit",
    }


def test_what_fits_is_mapped_and_nothing_more() -> None:
    known = {
        one.dataset_id: KnownDataset(id=one.dataset_id, published=one.model_dump(mode="json")) for one in (household(), income())
    }
    asked = {
        "household": InputIn(dataset_id=HOUSEHOLD_ID, columns={"region": None}, allowed_purpose="Welfare research"),
        "income": InputIn(dataset_id=INCOME_ID),
    }
    fitted, errors = fit_inputs(CARD, asked, known)
    assert errors == []
    assert {one.role: one.columns for one in fitted} == {
        "household": {"person_no": "person_no", "household_size": "household_size"},
        "income": {"person_no": "taxpayer_no", "wages": "wages", "interest": "interest"},
    }


def test_an_integer_is_a_number_but_not_the_other_way_round() -> None:
    taxed = published(INCOME_ID, "nts", PERSON, attribute("wages", ColumnType.INTEGER, "USD"))
    assert fit(BOTH, household(), taxed) == {}
    sized = published(HOUSEHOLD_ID, "molit", PERSON, attribute("household_size", ColumnType.NUMBER))
    assert fit(BOTH, sized, income()) == {"#/inputs/household/columns/household_size": "wrong-type"}


def test_a_dataset_without_the_linkage_key_or_with_several() -> None:
    business = Column(name="biz_no", type=ColumnType.STRING, role=ColumnRole.KEY, key_domain="business")
    keyless = published(INCOME_ID, "nts", business, attribute("wages", unit="USD"))
    assert fit(BOTH, household(), keyless) == {"#/inputs/income/columns/person_no": "missing-column"}
    payer, payee = (
        Column(name=name, type=ColumnType.STRING, role=ColumnRole.KEY, key_domain="person") for name in ("payer", "payee")
    )
    double = published(INCOME_ID, "nts", payer, payee, attribute("wages", unit="USD"))
    assert fit(BOTH, household(), double) == {"#/inputs/income/columns/person_no": "missing-column"}
    chosen = BOTH | {"income": {"dataset_id": INCOME_ID, "columns": {"person_no": "payee"}}}
    assert fit(chosen, household(), double) == {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"#/parameters/test_year": "missing-parameter"}),
        ({"test_year": "2014"}, {"#/parameters/test_year": "parameter-type"}),
        ({"test_year": True}, {"#/parameters/test_year": "parameter-type"}),
        (
            {"test_year": 1800, "capacity": 0},
            {"#/parameters/test_year": "parameter-minimum", "#/parameters/capacity": "parameter-exclusiveminimum"},
        ),
        ({"test_year": 2014, "cap~a/city": 1}, {"#/parameters/cap~0a~1city": "unknown-parameter"}),
        ({"test_year": 2014, "split": {"seed": "x"}}, {"#/parameters/split/seed": "parameter-type"}),
        ({"test_year": 2014, "split": "x" * 70_000}, {"#/parameters": "too-large"}),
    ],
)
def test_wrong_parameters(given: dict[str, Any], expected: dict[str, str]) -> None:
    _, errors = fit_parameters(PARAMETERS, given)
    assert {error.pointer: error.code for error in errors} == expected


def test_the_given_value_is_never_repeated() -> None:
    _, errors = fit_parameters(PARAMETERS, {"test_year": "s3cret", "split": {"seed": "s3cret"}})
    assert len(errors) == 2 and "s3cret" not in repr(errors)


def test_defaults_are_filled_also_inside_and_the_schema_is_left_alone() -> None:
    filled, errors = fit_parameters(PARAMETERS, {"test_year": 2014})
    assert (filled, errors) == ({"test_year": 2014, "capacity": 0.05, "split": {"seed": 7}}, [])
    assert PARAMETERS["properties"]["split"]["default"] == {}


def test_a_card_that_refers_elsewhere_is_never_followed() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}}
    _, errors = fit_parameters(schema, {"a": 1})
    assert [error.code for error in errors] == ["unusable-card"]


def asked_income(**columns: str) -> RequestInput:
    mapped = {"person_no": "taxpayer_no", "wages": "wages", "interest": "interest"} | columns
    return RequestInput(
        request_id=uuid4(), revision=1, role="income", dataset_id=INCOME_ID, dataset_title="t", ministry="nts", columns=mapped
    )


def faults(**decision: Any) -> dict[str, str]:
    data = DecisionIn(dataset_id=INCOME_ID, reason="r", **decision)
    return {error.pointer: error.code for error in decision_faults(data, [asked_income()], CARD, RULES)}


def test_an_owner_may_keep_back_what_the_method_can_do_without() -> None:
    assert faults(verdict="approve") == {}
    assert faults(verdict="approve", columns=["taxpayer_no", "wages"]) == {}
    assert cut(asked_income().columns, ["taxpayer_no", "wages"]) == {"person_no": "taxpayer_no", "wages": "wages"}
    assert faults(verdict="approve", columns=["taxpayer_no", "interest"]) == {"#/columns": "required-columns"}
    assert faults(verdict="approve", columns=["wages"]) == {"#/columns": "required-columns"}
    assert faults(verdict="approve", columns=["taxpayer_no", "wages", "earners"]) == {"#/columns/2": "not-asked"}
    assert faults(verdict="approve", code="not-held") == {"#/code": "not-with-approval"}


def test_a_refusal_names_a_known_ground() -> None:
    assert faults(verdict="refuse", code="not-held") == {}
    assert faults(verdict="refuse") == {"#/code": "missing-code"}
    assert faults(verdict="refuse", code="no-mood", columns=["wages"], conditions=["c"]) == {
        "#/code": "unknown-code",
        "#/columns": "not-with-refusal",
        "#/conditions": "not-with-refusal",
    }


def test_a_dataset_that_changed_since_is_noticed() -> None:
    role = CARD.inputs[1]
    assert not changed_since(asked_income(), role, income(version=2), "person")
    assert changed_since(asked_income(), role, income(version=2).model_copy(update={"ministry": "moel"}), "person")
    shrunk = income(version=2, table=tuple(column for column in income().table if column.name != "wages"))
    assert changed_since(asked_income(), role, shrunk, "person")


def test_the_key_columns_of_the_card_decide_what_links() -> None:
    keys = tuple(
        wanted(name, ColumnType.STRING, role=ColumnRole.KEY, key_domain="person", required=False) for name in ("payer", "payee")
    )
    role = InputRole(name="income", title=TITLE, columns=(*keys, wanted("wages", ColumnType.NUMBER)))
    table = tuple(
        Column(name=name, type=ColumnType.STRING, role=ColumnRole.KEY, key_domain="person") for name in ("payer", "payee")
    )
    dataset = published(INCOME_ID, "nts", *table, attribute("wages"))

    def codes(**columns: str | None) -> list[str]:
        return [error.code for error in fit_role(role, InputIn(dataset_id=INCOME_ID, columns=columns), dataset, "person")[1]]

    assert codes() == ["ambiguous-key"]
    assert codes(payer=None, payee=None) == ["no-linkage-key"]
    assert codes(payer=None) == []


def test_a_key_domain_on_what_is_no_key_opens_no_door() -> None:
    role = InputRole(name="income", title=TITLE, columns=(KEY, wanted("raw", ColumnType.STRING, key_domain="person")))
    dataset = published(INCOME_ID, "nts", PERSON)
    data = InputIn(dataset_id=INCOME_ID, columns={"raw": "person_no"})
    assert [error.code for error in fit_role(role, data, dataset, "person")[1]] == ["raw-key"]


def test_the_base_input_is_never_optional() -> None:
    optional = tuple(role.model_copy(update={"required": False}) for role in CARD.inputs)
    _, errors = fit_inputs(CARD.model_copy(update={"inputs": optional}), {}, {})
    assert [error.pointer for error in errors] == ["#/inputs/household"]
