"""The committed demo tables: they fit their schemas and the method's card, link well enough, and give no label away."""

import csv
import importlib.util
import json
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from services.analysis.methods.welfare_blind_spots import CARD
from services.analysis.methods.welfare_blind_spots.columns import BENEFITS
from shared.contracts import Column, ColumnRole, ColumnType, Sensitivity

DEMO = Path(__file__).parents[2] / "deploy" / "demo"
SCHEMAS: dict[str, Any] = json.loads((DEMO / "schemas.json").read_text("utf-8"))
ROLES = {role.name: role for role in CARD.inputs}
SOURCE_LABELS = ("mcaid", "ssi_ben", "tanf", "wic", "snap", "other_ben")


def rows(role: str) -> list[dict[str, str]]:
    with (DEMO / SCHEMAS[role]["file"]).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_sample", DEMO / "make_sample.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_table_for_each_input_of_the_method_by_three_owners() -> None:
    assert set(SCHEMAS) == set(ROLES)
    assert len({schema["ministry"] for schema in SCHEMAS.values()}) == 3
    assert all(Sensitivity(schema["sensitivity"]) and schema["allowed_purposes"] for schema in SCHEMAS.values())


@pytest.mark.parametrize("role", SCHEMAS)
def test_header_is_the_schema_and_the_schema_fits_the_card(role: str) -> None:
    columns = {column["name"]: Column.model_validate(column) for column in SCHEMAS[role]["columns"]}
    assert list(rows(role)[0]) == list(columns)
    for wanted in ROLES[role].columns:
        found = columns[wanted.name]
        as_wanted = found.type is wanted.type or (wanted.type, found.type) == (ColumnType.NUMBER, ColumnType.INTEGER)
        assert as_wanted, wanted.name
        assert (found.unit, found.key_domain) == (wanted.unit, wanted.key_domain), wanted.name


@pytest.mark.parametrize("role", SCHEMAS)
def test_values_are_of_their_type(role: str) -> None:
    of_type = {
        ColumnType.INTEGER: lambda text: text.removeprefix("-").isdecimal(),
        ColumnType.BOOLEAN: lambda text: text in ("true", "false"),
        ColumnType.STRING: lambda text: 0 < len(text) <= 40,
    }
    columns = [Column.model_validate(column) for column in SCHEMAS[role]["columns"]]
    for row in rows(role):
        assert all(of_type[column.type](row[column.name]) for column in columns)


@pytest.mark.parametrize("role", SCHEMAS)
def test_no_key_stands_twice(role: str) -> None:
    keys = Counter(row["person_no"] for row in rows(role))
    assert max(keys.values()) == 1


@pytest.mark.parametrize("role", ["income", "benefits"])
def test_most_but_not_all_households_are_found(role: str) -> None:
    base, other = ({row["person_no"] for row in rows(name)} for name in ("household", role))
    rate = len(base & other) / len(base)
    assert CARD.linkage.match_floor < rate < 0.99
    assert other - base, "a register also knows people that the base does not"


def test_years_do_not_share_a_household_and_the_test_year_is_the_largest() -> None:
    years = Counter(row["survey_year"] for row in rows("household"))
    assert set(years) == {"2012", "2013", "2014"}
    assert max(years, key=years.__getitem__) == "2014"
    assert all(count > 3500 for count in years.values())


def test_the_label_stands_only_with_the_benefits_and_not_under_its_source_name() -> None:
    for role, schema in SCHEMAS.items():
        names = {column["name"] for column in schema["columns"]}
        assert (names & set(BENEFITS) == set(BENEFITS)) is (role == "benefits")
        assert not any(source in name for name in names for source in SOURCE_LABELS)
    share = sum(any(row[flag] == "true" for flag in BENEFITS) for row in rows("benefits")) / len(rows("benefits"))
    assert 0.25 < share < 0.35


def test_only_the_key_is_a_key_and_it_is_not_the_number_of_the_source() -> None:
    for role, schema in SCHEMAS.items():
        assert [column["name"] for column in schema["columns"] if column["role"] == ColumnRole.KEY] == ["person_no"]
        assert all(len(row["person_no"]) == 14 for row in rows(role))
        order = [row["person_no"] for row in rows(role)]
        assert order == sorted(order), "the order of the rows tells nothing of the source"


def test_small_enough_to_commit() -> None:
    sizes = [(DEMO / schema["file"]).stat().st_size for schema in SCHEMAS.values()]
    assert 1_000_000 < sum(sizes) < 4_000_000


def test_the_readme_counts_the_rows_and_says_what_must_be_said() -> None:
    readme = (DEMO / "README.md").read_text("utf-8")
    for role in SCHEMAS:
        assert f"{len(rows(role)):,}" in readme
    for needed in ("CC0", "imputed", "nothing about Korea", "make_sample.py"):
        assert needed in readme


def test_households_are_added_up_from_their_units(maker: ModuleType) -> None:
    blank = dict.fromkeys(
        [
            part
            for sums in (maker.INCOME_SUMS, maker.BENEFIT_SUMS, maker.HOUSEHOLD_SUMS)
            for parts in sums.values()
            for part in parts
        ],
        0,
    ) | dict.fromkeys([*maker.MEANS_TESTED.values(), "e00200p", "e00200s", "e00900p", "e00900s", "n1820", "n21"], 0)
    first = blank | {"a_lineno": 1, "fips": 36, "age_head": 41, "n21": 1, "nu18": 2, "nu06": 1, "e00200": 900, "e00200p": 900}
    second = blank | {"a_lineno": 4, "fips": 36, "age_head": 19, "n1820": 1, "e00200": 50, "e00200p": 50, "snap_ben": 7}
    assert maker.income_row([second, first])["wages"] == 950
    assert maker.income_row([second, first])["earners"] == 2
    assert maker.benefit_row([second, first])["food_aid"] == "true"
    assert maker.benefit_row([second, first])["medical_aid"] == "false"
    household = maker.household_row([second, first])
    assert (household["area"], household["region"], household["age_of_head"]) == ("US-NY", "northeast", 41)
    assert (household["household_size"], household["families"], household["single_parent"]) == (4, 2, "false")
    assert maker.household_row([first])["single_parent"] == "true"


def test_the_draw_is_the_same_every_time(maker: ModuleType) -> None:
    households = [(2012, number) for number in range(5000)]
    assert maker.choose(households) == maker.choose(households[::-1])
    assert len(maker.choose(households)) == maker.HOUSEHOLDS[2012]
    assert maker.person_no(2012, 7) != maker.person_no(2013, 7)
