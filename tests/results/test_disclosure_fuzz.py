"""Whatever a method writes, the checks answer with a verdict; they never fall over."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.results.disclosure import Rules, UnreadableError, check_figure, check_metrics, check_table, parse_json, read_line
from tests.exploring import examples
from tests.results.build import figure, listing, metrics, table

RULES = Rules.load()
SCALARS = st.none() | st.booleans() | st.integers(-(10**19), 10**19) | st.floats() | st.text(max_size=80)
# What JSON can say, and what only a value in memory can be: infinite, or no number.
JSON = st.recursive(
    SCALARS, lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=8), each, max_size=3), max_leaves=8
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in pairs:
        yield from places(child, (*path, key))


def planted(original: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(original)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


@settings(max_examples=examples(300))
@given(st.data(), st.sampled_from(["table", "figure", "metrics"]))
def test_a_verdict_for_every_artefact(data: st.DataObject, kind: str) -> None:
    original = {"table": table(), "figure": figure(), "metrics": metrics()}[kind]
    artefact = planted(original, data.draw(st.sampled_from(list(places(original)))), data.draw(JSON))
    match kind:
        case "table":
            verdict = check_table(artefact, RULES)
        case "figure":
            verdict = check_figure(artefact, "map", {"by_region"}, RULES)
        case _:
            verdict = check_metrics(artefact, RULES)
    assert verdict.passed == (verdict.content is not None)
    json.dumps(verdict.as_json())
    json.dumps(verdict.content, allow_nan=False)


@settings(deadline=None)
@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for read in (lambda: parse_json(raw, limit=1000), lambda: read_line(raw)):
        try:
            read()
        except UnreadableError as error:
            assert error.code


@settings(deadline=None)
@given(st.data(), JSON)
def test_a_planted_list_line_is_read_or_refused(data: st.DataObject, value: Any) -> None:
    original = json.loads(listing(1))
    line = planted(original, data.draw(st.sampled_from(list(places(original)))), value)
    try:
        read_line(json.dumps(line).encode())
    except UnreadableError as error:
        assert error.code
