"""Every cell and every complement counts: one that fails withholds the table."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.results.disclosure import Rules, UnreadableError, check_table, parse_json
from tests.results.build import column, table, words

RULES = Rules.load()


def codes(artefact: Any) -> set[str]:
    return {finding.code for finding in check_table(artefact, RULES).findings}


def test_the_shipped_profile_says_what_it_is() -> None:
    assert RULES.label == "kr-gov-default/2026-01"
    assert RULES.min_count == 10
    assert RULES.legal_basis.startswith("House rule")
    assert RULES.verified and RULES.checked


def test_a_verified_profile_names_the_day() -> None:
    with pytest.raises(ValidationError, match="names the day"):
        Rules.model_validate(RULES.model_dump() | {"checked": None})


def test_a_good_table_passes_and_only_what_was_checked_is_kept() -> None:
    verdict = check_table(table(secret_rows=[[1, 2]]) | {"extra": "x"}, RULES)
    assert verdict.passed
    assert set(verdict.content) == {"name", "title", "columns", "rows", "notes"}
    assert verdict.content["rows"][0] == ["서울", 400, 40, 0.1, 0.71]


@pytest.mark.parametrize("count", [0, 1, 9])
def test_a_small_or_zero_count_withholds_the_table_and_is_named_without_its_value(count: int) -> None:
    verdict = check_table(table(rows=[["서울", 400, 40, 0.1, 0.7], ["세종", 200, count, 0.1, 0.7]]), RULES)
    assert not verdict.passed
    assert verdict.content is None
    assert verdict.as_json()["findings"][0] == {"code": "count-below-minimum", "row": 1, "column": "blind"}
    assert "세종" not in json.dumps(verdict.as_json(), ensure_ascii=False)


def test_ten_is_enough() -> None:
    assert codes(table(rows=[["서울", 20, 10, 0.5, 0.7]])) == set()


@pytest.mark.parametrize("rest", [0, 1, 9])
def test_a_small_complement_withholds_the_table_also_at_one_hundred_percent(rest: int) -> None:
    assert codes(table(rows=[["서울", 100, 100 - rest, 0.9, 0.7]])) == {"complement-below-minimum"}


def test_the_complement_of_a_rate_is_checked_where_the_counts_alone_say_nothing() -> None:
    bare = table()
    bare["columns"][2] = column("blind", "count")
    bare["rows"] = [["서울", 100, 95, 0.95, 0.7]]
    found = check_table(bare, RULES).findings
    assert [(each.code, each.column) for each in found] == [("complement-below-minimum", "rate")]


def test_a_part_larger_than_its_whole_is_refused() -> None:
    assert "part-exceeds-whole" in codes(table(rows=[["서울", 100, 120, 0.9, 0.7]]))


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (None, "count-missing"),
        (40.0, "count-not-integer"),
        ("40", "count-not-integer"),
        (True, "count-not-integer"),
        (-5, "count-below-minimum"),
    ],
)
def test_counts_are_whole_numbers(cell: Any, code: str) -> None:
    assert code in codes(table(rows=[["서울", 400, cell, 0.1, 0.7]]))


@pytest.mark.parametrize(
    "value",
    ["x" * 201, "a" * 64, "누구 " + "0f" * 32, "900101-1234567", "tab\0nul", ["list"], {"a": 1}],
)
def test_a_dimension_is_a_short_label_and_no_identifier(value: Any) -> None:
    assert codes(table(rows=[[value, 400, 40, 0.1, 0.7]]))


def test_a_rate_or_measure_names_the_counts_that_it_stands_on() -> None:
    broken = table()
    broken["columns"][3] = column("rate", "rate", of="households")
    broken["columns"][4] = column("score", "measure", of="region")
    found = check_table(broken, RULES).findings
    assert [(each.code, each.column) for each in found] == [
        ("numerator-column-not-named", "rate"),
        ("count-column-not-named", "score"),
    ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"columns": [column("region", "dimension")], "rows": [["a"]]}, "no-count-column"),
        ({"columns": [column("n", "weight")], "rows": [[40]]}, "column-kind-unknown"),
        ({"columns": [{"name": "n", "title": words("n")}], "rows": [[40]]}, "column-kind-unknown"),
        ({"columns": [column("n", "count"), column("n", "count")], "rows": [[40, 40]]}, "column-repeated"),
        ({"columns": [column("no name", "count")], "rows": [[40]]}, "column-name-invalid"),
        ({"columns": [{"name": "n", "kind": "count"}], "rows": [[40]]}, "words-missing"),
        ({"columns": []}, "columns-missing"),
        ({"rows": []}, "rows-missing"),
        ({"rows": "many"}, "rows-missing"),
        ({"rows": [["a", 40]]}, "row-ragged"),
        ({"rows": [["a", 400, 40, "high", 0.7]]}, "value-not-number"),
        ({"rows": [["a", 40, 20, 0.5, 0.7]] * 5001}, "too-many-rows"),
        ({"title": "only one language"}, "words-missing"),
        ({"notes": words("f" * 64)}, "looks-like-identifier"),
        ({"name": "../etc"}, "not-a-table"),
    ],
)
def test_what_does_not_hold_together_is_withheld(change: dict[str, Any], code: str) -> None:
    assert code in codes(table(**change))


@pytest.mark.parametrize("artefact", [None, [], "table", 7, {}])
def test_what_is_no_table_is_withheld(artefact: Any) -> None:
    assert codes(artefact) == {"not-a-table"}


def test_a_total_that_gives_a_small_part_away_is_withheld() -> None:
    rows = [["전체", 700, 80, 0.1, 0.7], ["서울", 400, 40, 0.1, 0.71], ["부산", 200, 33, 0.15, 0.68]]
    found = check_table(table(rows=rows), RULES).findings
    assert [(each.code, each.row, each.column) for each in found] == [("margin-complement-below-minimum", 0, "blind")]
    rows[0] = ["전체", 600, 73, 0.1, 0.7]
    assert check_table(table(rows=rows), RULES).passed


def test_a_total_over_several_cuts_of_one_population_is_compared_with_each_cut() -> None:
    columns = [column("cut", "dimension"), column("value", "dimension"), column("n", "count")]
    rows: list[list[Any]] = [["all", "all", 100], ["sex", "f", 50], ["sex", "m", 50], ["age", "old", 60], ["age", "young", 37]]
    found = check_table(table(columns=columns, rows=rows), RULES).findings
    assert [(each.code, each.row) for each in found] == [("margin-complement-below-minimum", 0)]


@given(st.integers(min_value=0, max_value=60), st.integers(min_value=0, max_value=60))
def test_what_passes_always_stands_on_ten_on_both_sides(whole: int, part: int) -> None:
    passed = check_table(table(rows=[["a", whole, part, 0.1, 0.1]]), RULES).passed
    assert passed == (part >= 10 and whole - part >= 10)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "not-json"),
        (b"\xff\xfe", "not-json"),
        (b'{"a": NaN}', "not-finite"),
        (b'{"a": 1e999}', "not-finite"),
        (b'{"a": 1, "a": 2}', "repeated-key"),
        (b"[" * 50 + b"]" * 50, "too-deep"),
        (b"[" * 100_000, "too-deep"),
        (b'["\\ud800"]', "half-a-character"),
        (b'{"a": ' + b"9" * 5000 + b"}", "number-too-long"),
        (b" " * 2000, "too-large"),
    ],
)
def test_artefacts_are_read_within_bounds(raw: bytes, code: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        parse_json(raw, limit=max(len(raw), 1000) if code != "too-large" else 1000)
    assert caught.value.code == code
