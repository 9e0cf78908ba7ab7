"""Whether a submission fits the card: every misfit, by pointer and code."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given as having
from hypothesis import settings, strategies

from services.requests.fitting import changed_since, cut, decision_faults, fit_inputs, fit_parameters, named_columns
from services.requests.fitting.columns import fit_role
from services.requests.models import KnownDataset, RequestInput
from services.requests.schemas import DecisionIn, InputIn
from shared.contracts import Column, ColumnRole, ColumnType, DatasetPublished, InputRole, MethodCard
from tests.exploring import examples
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


NAMING: dict[str, Any] = {
    "type": "object",
    "properties": {
        "rows": {"type": "string", "x-column-of": "income", "default": ""},
        "measure": {"type": ["string", "null"], "x-column-of": "income", "x-column-types": ["number"]},
        "block": {"type": "array", "items": {"type": "string", "x-column-of": "income"}},
        "signs": {"type": "object", "propertyNames": {"x-column-of": "income"}},
        "either": {"anyOf": [{"type": "null"}, {"type": "string", "x-column-of": "extra"}]},
    },
}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"rows": "area", "measure": None, "block": ["area", "wages"], "signs": {"interest": 1}}, {}),
        ({"rows": "income__area"}, {"#/parameters/rows": "unfit-column"}),
        ({}, {"#/parameters/rows": "unfit-column"}),
        ({"rows": "region"}, {"#/parameters/rows": "unfit-column"}),
        ({"rows": "person_no"}, {"#/parameters/rows": "unfit-column"}),
        ({"rows": "area", "measure": "area"}, {"#/parameters/measure": "unfit-column"}),
        ({"rows": "area", "measure": "wages"}, {}),
        ({"rows": "area", "block": ["area", "taxpayer_no"]}, {"#/parameters/block/1": "unfit-column"}),
        ({"rows": "area", "signs": {"a/b": 1}}, {"#/parameters/signs/a~1b": "unfit-column"}),
        ({"rows": 1}, {"#/parameters/rows": "parameter-type"}),
        ({"rows": "area", "either": "score"}, {"#/parameters/either": "parameter-anyof"}),
    ],
)
def test_parameters_that_name_columns(given: dict[str, Any], expected: dict[str, str]) -> None:
    """Columns by the card's names: `area` is what the request calls `region`; keys reach no method."""
    card = open_card()
    known = {one.dataset_id: KnownDataset(id=one.dataset_id, published=one.model_dump(mode="json")) for one in [wide_income()]}
    asked = {"income": InputIn(dataset_id=INCOME_ID, columns={"area": "region"})}
    fitted, misfits = fit_inputs(card, asked, known)
    assert [error.pointer for error in misfits] == ["#/inputs/household"]
    _, errors = fit_parameters(NAMING, given, named_columns(card, fitted, misfits))
    assert {error.pointer: error.code for error in errors} == expected


def test_an_input_that_does_not_fit_says_so_itself() -> None:
    asked = {"income": InputIn(dataset_id=INCOME_ID, columns={"wages": "nothing", "area": "nowhere"})}
    known = {INCOME_ID: KnownDataset(id=INCOME_ID, published=wide_income().model_dump(mode="json"))}
    fitted, misfits = fit_inputs(open_card(), asked, known)
    _, errors = fit_parameters(NAMING, {"rows": "area"}, named_columns(open_card(), fitted, misfits))
    assert errors == []


def test_a_column_that_a_parameter_names_is_not_kept_back() -> None:
    card = CARD.model_copy(update={"parameters": NAMING})
    data = DecisionIn(dataset_id=INCOME_ID, reason="r", verdict="approve", columns=["taxpayer_no", "wages"])
    for block, expected in ([], []), (["wages"], []), (["interest"], [("#/columns", "named-columns")]):
        errors = decision_faults(data, [asked_income()], {"rows": "wages", "block": block}, card, RULES)
        assert [(error.pointer, error.code) for error in errors] == expected


def asked_income(**columns: str) -> RequestInput:
    mapped = {"person_no": "taxpayer_no", "wages": "wages", "interest": "interest"} | columns
    return RequestInput(
        request_id=uuid4(), revision=1, role="income", dataset_id=INCOME_ID, dataset_title="t", ministry="nts", columns=mapped
    )


def faults(**decision: Any) -> dict[str, str]:
    data = DecisionIn(dataset_id=INCOME_ID, reason="r", **decision)
    return {error.pointer: error.code for error in decision_faults(data, [asked_income()], {}, CARD, RULES)}


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


def open_card() -> MethodCard:
    """The card, whose income input is keyed by the earners and takes further numbers and texts."""
    _, given, *_ = CARD.inputs
    columns = (*given.columns, wanted("earners"))
    income_role = InputRole(
        name="income", title=TITLE, columns=columns, keyed_by=("earners",), further=(ColumnType.NUMBER, ColumnType.STRING)
    )
    return CARD.model_copy(update={"inputs": (CARD.inputs[0], income_role, *CARD.inputs[2:])})


def wide_income(**more: Any) -> DatasetPublished:
    extra = (
        Column(name="region", type=ColumnType.STRING, role=ColumnRole.QUASI_IDENTIFIER),
        Column(name="born", type=ColumnType.DATE, role=ColumnRole.ATTRIBUTE),
        Column(name="employer_no", type=ColumnType.STRING, role=ColumnRole.KEY, key_domain="business"),
    )
    return income(table=(*income().table, *extra), **more)


def fit_open(columns: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    data = {"household": InputIn(dataset_id=HOUSEHOLD_ID), "income": InputIn(dataset_id=INCOME_ID, columns=columns)}
    datasets = (household(), wide_income())
    known = {one.dataset_id: KnownDataset(id=one.dataset_id, published=one.model_dump(mode="json")) for one in datasets}
    fitted, errors = fit_inputs(open_card(), data, known)
    return fitted[1].columns, {error.pointer: error.code for error in errors}


def test_further_columns_come_under_names_of_the_request() -> None:
    columns, errors = fit_open({"place": "region", "paid": "wages", "extra": "interest"})
    assert errors == {}
    assert list(columns.items())[-3:] == [("extra", "interest"), ("paid", "wages"), ("place", "region")]
    assert columns["person_no"] == "taxpayer_no"


@pytest.mark.parametrize(
    ("columns", "errors"),
    [
        ({"boss": "employer_no"}, {"boss": "raw-key"}),
        ({"me": "taxpayer_no"}, {"me": "raw-key"}),
        ({"birth": "born"}, {"birth": "wrong-type"}),
        ({"gone": "nothing"}, {"gone": "missing-column"}),
        ({"left": None}, {"left": "unknown-card-column"}),
        ({"Wages": "interest"}, {"Wages": "name-twice"}),
        ({"place": "region", "PLACE": "interest"}, {"place": "name-twice"}),
        ({"earners": None}, {"earners": "required-column"}),
    ],
)
def test_further_columns_that_cannot_be_added(columns: dict[str, Any], errors: dict[str, str]) -> None:
    assert fit_open(columns)[1] == {f"#/inputs/income/columns/{name}": code for name, code in errors.items()}


def test_an_owner_may_keep_back_a_further_column_but_not_what_identifies_a_row() -> None:
    card = open_card()
    asked = asked_income(earners="earners", place="region")

    def codes(*columns: str) -> list[str]:
        data = DecisionIn(dataset_id=INCOME_ID, reason="r", verdict="approve", columns=list(columns))
        return [error.code for error in decision_faults(data, [asked], {}, card, RULES)]

    assert codes("taxpayer_no", "wages", "earners") == []
    assert codes("taxpayer_no", "wages", "earners", "region") == []
    assert codes("taxpayer_no", "wages", "region") == ["required-columns"]


def test_a_further_column_that_is_gone_is_a_change() -> None:
    role = open_card().inputs[1]
    asked = asked_income(earners="earners", place="region")
    assert not changed_since(asked, role, wide_income(version=2), "person")
    assert changed_since(asked, role, income(version=2), "person")


@settings(max_examples=examples(100))
@having(columns=strategies.dictionaries(
    strategies.sampled_from(["person_no", "wages", "interest", "earners", "a", "A", "b"]),
    strategies.sampled_from([None, "taxpayer_no", "wages", "interest", "earners", "region", "born", "employer_no", "nothing"]),
))  # fmt: skip
def test_whatever_is_asked_no_key_leaves_and_no_name_stands_twice(columns: dict[str, Any]) -> None:
    fitted, errors = fit_open(columns)
    if not errors:
        assert {name for name, source in fitted.items() if source in ("taxpayer_no", "employer_no")} == {"person_no"}
        assert len({name.casefold() for name in fitted}) == len(fitted)
        assert {"person_no", "wages", "earners"} <= fitted.keys()
        assert all(name in fitted for name, source in columns.items() if source is not None)


ANY = MethodCard.model_validate(
    CARD.model_dump(mode="json")
    | {
        "inputs": [
            {
                "name": "table",
                "title": {"ko": "표", "en": "Table"},
                "columns": [{"name": "subject", "type": "string", "role": "key", "key_domain": "any"}],
                "further": ["number"],
            }
        ],
        "linkage": {"key_domain": "any", "base": "table"},
    }
)


def test_a_method_of_any_keys_takes_the_only_key_that_a_table_has() -> None:
    known = {one.dataset_id: KnownDataset(id=one.dataset_id, published=one.model_dump(mode="json")) for one in (income(),)}
    asked = {"table": InputIn(dataset_id=INCOME_ID, columns={"pay": "wages"})}
    (found,), errors = fit_inputs(ANY, asked, known)
    assert errors == []
    (key,) = [column.name for column in income().table if column.role is ColumnRole.KEY]
    assert found.columns == {"subject": key, "pay": "wages"}
    asked = {"table": InputIn(dataset_id=INCOME_ID, columns={"subject": "wages"})}
    assert [error.code for error in fit_inputs(ANY, asked, known)[1]] == ["wrong-key-domain"]
