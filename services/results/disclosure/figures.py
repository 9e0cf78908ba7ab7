"""A figure draws tables that passed, and carries nothing of its own: no inline values, no address, no heavy generator."""

import json
import math
import re
from collections.abc import Collection, Iterator
from typing import Any

from services.results.disclosure.findings import Notebook, Verdict, check_words, is_number, text_fault
from services.results.disclosure.rules import Rules

SCHEMA = re.compile(r"https://vega\.github\.io/schema/vega-lite/v[56](\.\d{1,3}){0,2}\.json")
CALL = re.compile(r"([A-Za-z_$][\w$]*)\s*\(")
# Ways to bring data, to fetch, to link, to generate without bound, or to touch the page around the figure.
BARRED = frozenset(
    {
        "values",
        "url",
        "datasets",
        "sequence",
        "graticule",
        "sphere",
        "href",
        "src",
        "keyvals",
        "bind",
        "loader",
        "signals",
        "projection",
    }
)
MARKS_BARRED = frozenset({"image", "geoshape"})
EXPRESSIONS = frozenset({"calculate", "filter", "test", "expr", "labelExpr", "and", "or", "not", "signal", "update"})
FUNCTIONS = frozenset(
    {
        "abs",
        "ceil",
        "clamp",
        "date",
        "day",
        "exp",
        "floor",
        "format",
        "if",
        "indexof",
        "inrange",
        "isFinite",
        "isNaN",
        "isNumber",
        "isString",
        "isValid",
        "length",
        "log",
        "lower",
        "max",
        "min",
        "month",
        "pow",
        "quarter",
        "replace",
        "round",
        "slice",
        "split",
        "sqrt",
        "substring",
        "timeFormat",
        "toNumber",
        "toString",
        "truncate",
        "upper",
        "year",
    }
)
# Only words of the grammar stand in an address; other keys could carry what they should not.
GRAMMAR = frozenset(
    {
        "layer",
        "concat",
        "hconcat",
        "vconcat",
        "spec",
        "facet",
        "repeat",
        "encoding",
        "transform",
        "data",
        "mark",
        "from",
        "params",
        "x",
        "y",
        "color",
        "size",
        "shape",
        "text",
        "tooltip",
        "row",
        "column",
        "axis",
        "scale",
        "legend",
        "title",
        "config",
        "resolve",
    }
)
MAX_SIDE = 4000
MAX_WORDS = 500

Place = tuple[str, Any, str]


def check_figure(spec: Any, name: str, tables: Collection[str], rules: Rules) -> Verdict:
    """The verdict on one parsed figure. `tables` are the names of the tables that passed."""
    notebook = Notebook()
    if not isinstance(spec, dict) or not SCHEMA.fullmatch(str(spec.get("$schema"))):
        notebook.note("not-vega-lite", at="$schema")
        return notebook.verdict("figure", name, dict)
    spec = with_meta_cut(spec, notebook, rules)
    if len(json.dumps(spec, ensure_ascii=False).encode()) > rules.max_spec_bytes:
        notebook.note("too-large", at="")
        return notebook.verdict("figure", name, dict)
    drawn = 0
    for key, value, at in walk(spec):
        drawn += key == "data"
        for fault in faults(key, value, tables, rules):
            notebook.note(fault, at=at)
    if not drawn:
        notebook.note("no-data-named", at="data")
    return notebook.verdict("figure", name, lambda: spec)


def with_meta_cut(spec: dict[str, Any], notebook: Notebook, rules: Rules) -> dict[str, Any]:
    """The spec with nothing in `usermeta` but a title: nobody looks there, so nothing may hide there."""
    meta = spec.get("usermeta")
    spec = {key: value for key, value in spec.items() if key != "usermeta"}
    title = meta.get("title") if isinstance(meta, dict) else None
    words = check_words(title, notebook, "usermeta/title", limit=rules.max_text, required=False)
    return spec | {"usermeta": {"title": words}} if words else spec


def walk(value: Any, key: str = "", at: str = "") -> Iterator[Place]:
    """Every member at any depth, with the key it stands under (a list's entries stand under the list's key)."""
    yield key, value, at
    if isinstance(value, dict):
        for name, child in value.items():
            yield from walk(child, name, f"{at}/{name if name in GRAMMAR else '*'}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from walk(child, key if not isinstance(child, dict) else "", f"{at}/{index}")


def faults(key: str, value: Any, tables: Collection[str], rules: Rules) -> Iterator[str]:
    if key in BARRED:
        yield "member-not-allowed"
    if key == "data" and not (isinstance(value, dict) and set(value) == {"name"} and isinstance(value["name"], str)):
        yield "data-not-a-table-name"
    elif key == "data" and value["name"] not in tables:
        yield "table-did-not-pass"
    if key in ("mark", "type") and isinstance(value, str) and value in MARKS_BARRED:
        yield "mark-not-allowed"
    if key in ("width", "height") and is_number(value) and not 0 < value <= MAX_SIDE:
        yield "side-too-long"
    if isinstance(value, list) and len(value) > rules.max_spec_list:
        yield "list-too-long"
    if isinstance(value, float) and not math.isfinite(value):
        yield "not-finite"
    if isinstance(value, str):
        yield from filter(None, (text_fault(value, MAX_WORDS),))
        if key in EXPRESSIONS and not set(CALL.findall(value)) <= FUNCTIONS:
            yield "function-not-allowed"
