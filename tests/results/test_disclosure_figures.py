"""A figure brings nothing of its own; metrics stand on counts; list lines are what they say."""

import json
from typing import Any

import pytest

from services.results.disclosure import Rules, UnreadableError, check_figure, check_metrics, read_line
from tests.results.build import figure, listing, metrics, words

RULES = Rules.load()


def codes(spec: Any, tables: tuple[str, ...] = ("by_region",)) -> set[str]:
    return {finding.code for finding in check_figure(spec, "map", set(tables), RULES).findings}


def test_a_figure_of_a_passed_table_passes_and_loses_what_it_hid() -> None:
    verdict = check_figure(figure(), "map", {"by_region"}, RULES)
    assert verdict.passed
    assert verdict.content["usermeta"] == {"title": words("Blind spots by region")}


def test_a_figure_of_a_withheld_table_is_withheld() -> None:
    assert codes(figure("by_age")) == {"table-did-not-pass"}


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"values": [{"a": 1}]}},
        {"data": {"name": "by_region", "values": [{"a": 1}]}},
        {"data": {"url": "https://elsewhere.example/x.csv"}},
        {"data": None},
        {"data": []},
        {"data": {"name": ["by_region"]}},
        {"datasets": {"by_region": [{"a": 1}]}},
        {"layer": [{"mark": "bar", "data": {"values": [1]}}]},
        {"transform": [{"lookup": "region", "from": {"data": {"values": [{"a": 1}]}, "key": "a"}}]},
        {"transform": [{"lookup": "region", "from": {"data": {"name": "other"}, "key": "a"}}]},
        {"hconcat": [{"layer": [{"mark": {"type": "image"}, "encoding": {"url": {"value": "https://x.example/a.png"}}}]}]},
        {"encoding": {"href": {"field": "region"}}},
        {"mark": {"type": "bar", "href": "javascript:alert(1)"}},
        {"mark": "geoshape"},
        {"data": {"sequence": {"start": 0, "stop": 1e9}}},
        {"transform": [{"impute": "rate", "key": "region", "keyvals": {"start": 0, "stop": 1e9}}]},
        {"transform": [{"calculate": "sequence(1e9)", "as": "x"}]},
        {"transform": [{"filter": "data('secret').length"}]},
        {"params": [{"name": "p", "bind": {"input": "range"}}]},
        {"encoding": {"x": {"field": "region", "scale": {"domain": list(range(51))}}}},
        {"description": "f" * 64},
        {"description": "x" * 501},
        {"width": 1e9},
        {
            "padding": ["x" * 400] * 50,
            "title": {"text": ["y" * 499] * 50},
            "description": "z" * 400,
            "autosize": ["w" * 499] * 50,
            "config": {f"k{n}": ["v" * 450] * 10 for n in range(20)},
        },
        {"$schema": "https://vega.github.io/schema/vega/v5.json"},
        {"$schema": "https://vega.github.io.evil.example/schema/vega-lite/v5.json"},
        {"$schema": None},
    ],
)
def test_a_figure_with_data_or_an_address_of_its_own_is_withheld(change: dict[str, Any]) -> None:
    assert codes(figure() | change)


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_a_figure_with_a_number_that_json_has_not_is_withheld(number: float) -> None:
    assert codes(figure() | {"title": number}) == codes(figure() | {"config": {"range": [number]}}) == {"not-finite"}


def test_a_figure_without_data_is_withheld() -> None:
    spec = figure()
    del spec["data"]
    assert codes(spec) == {"no-data-named"}


def test_common_specifications_pass() -> None:
    layered = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.8.0.json",
        "data": {"name": "by_region"},
        "width": 400,
        "transform": [{"calculate": "round(datum.rate * 100)", "as": "percent"}, {"filter": "datum.percent > 1"}],
        "layer": [
            {"mark": "line", "encoding": {"y": {"field": "percent", "type": "quantitative"}}},
            {"mark": "rule", "data": {"name": "other"}},
        ],
    }
    assert codes(layered, ("by_region", "other")) == set()


def test_a_finding_in_a_figure_carries_no_key_of_its_making() -> None:
    verdict = check_figure(figure() | {"secret_5321": {"url": "https://x.example"}}, "map", {"by_region"}, RULES)
    assert "5321" not in json.dumps(verdict.as_json())


def test_metrics_pass_only_if_each_stands_on_enough() -> None:
    assert check_metrics(metrics(), RULES).passed
    few = metrics(figures=[*metrics()["figures"], {"name": "recall", "title": words("Recall"), "value": 0.5, "count": 9}])
    verdict = check_metrics(few, RULES)
    assert [finding.as_json() for finding in verdict.findings] == [{"code": "count-below-minimum", "at": "figures/1"}]


@pytest.mark.parametrize(
    "change",
    [
        {"figures": []},
        {"figures": None},
        {"figures": [{"name": "a b"}]},
        {"figures": [{"name": "a", "title": words("a"), "value": None, "count": 50}]},
        {"figures": [{"name": "a", "title": words("a"), "value": 1.0, "count": 50.0}]},
        {"figures": [{"name": "a", "title": words("a"), "value": 1.0}]},
        {"figures": [{"name": "a", "value": 1.0, "count": 50}]},
        {"figures": [{"name": "a", "title": words("a"), "value": 3, "count": 50, "unit": "households"}]},
        {"figures": [{"name": "a", "title": words("a"), "value": 3, "count": 50, "unit": ["x"]}]},
        {"split": {"train": [{"deep": 1}]}},
        {"split": {"train": list(range(21))}},
        {"split": [1]},
        {"notes": {"ko": "한쪽만"}},
    ],
)
def test_metrics_that_do_not_hold_together_are_withheld(change: dict[str, Any]) -> None:
    assert not check_metrics(metrics(**change), RULES).passed


def test_a_list_line_is_a_pseudonym_a_score_and_reasons() -> None:
    line = read_line(listing(1))
    assert len(line.pseudonym) == 64
    assert line.reasons[0]["code"] == "low-income"


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"[]",
        b"x",
        b'{"pseudonym": "short", "score": 1}',
        b'{"pseudonym": "%s", "score": "1"}' % (b"a" * 64),
        b'{"pseudonym": "%s", "score": 1, "reasons": [1]}' % (b"a" * 64),
        b'{"pseudonym": "%s", "score": NaN}' % (b"a" * 64),
        b'{"pseudonym": "%s", "score": 1, "reasons": [{"code": "c", "ko": "900101-1234567", "en": "x"}]}' % (b"a" * 64),
    ],
)
def test_any_other_line_is_refused(line: bytes) -> None:
    with pytest.raises(UnreadableError):
        read_line(line)
