"""Random calls made from an OpenAPI document: right in most places, wrong in some, and now and then nonsense."""

import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from deploy.openapi import operations, resolved

JsonObject = dict[str, Any]
ODD = [
    "", " ", "0", "-1", "1e999", "null", "true", "[]", "{}", "%", "../../etc/passwd", "' OR 1=1 --", "<script>", "\x00",
    "\r\nX: 1", "가" * 300, "٣", "\U0001f600", "a" * 3000, "9" * 40, "2026-13-45T99:99:99Z", "9999-12-31T23:59:59Z", "\ud800",
]  # fmt: skip
TEXTS = st.one_of(st.sampled_from(ODD), st.text(max_size=40))
NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.sampled_from([2**31, 2**63, -1, 0, 10**30, 1e308, -0.0, 5e-324]))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)), max_leaves=12
)
HEADERS = st.one_of(
    st.sampled_from(['"1"', 'W/"2"', "*", '"99999999999999999999"', "once"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60),
)


HEADERS_TOLD = ("etag", "location", "link", "retry-after", "content-language")


@dataclass(frozen=True)
class Call:
    """One request as it is sent."""

    name: str
    verb: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""


@st.composite
def calls(draw: st.DrawFn, document: JsonObject, known: dict[str, list[str]], bodies: dict[str, JsonObject]) -> Call:
    """A call of any operation. `known`: values of parameters, by name, that lead to something that is there; `bodies`: by
    operationId, what could be accepted."""
    name, operation = draw(st.sampled_from(list(operations(document))))
    verb, path = name.split(" ")
    query: list[str] = []
    headers: dict[str, str] = {}
    for parameter in operation.get("parameters", []):
        where, label = parameter["in"], parameter["name"]
        if where == "path":
            path = path.replace(f"{{{label}}}", in_address(draw(values(known.get(label, []))) or "x"))
        elif label != "wait" and (parameter.get("required") or draw(st.integers(0, 3)) == 0):
            value = draw(values(known.get(label, []))) if where == "query" else draw(HEADERS)
            query += [f"{label}={in_address(value)}"] if where == "query" else []
            headers |= {label: value} if where == "header" and label.lower() != "content-type" else {}
    if taken := operation.get("requestBody", {}).get("content"):
        kind = draw(st.sampled_from(list(taken)))
        headers["Content-Type"] = kind
        good = bodies.get(operation["operationId"])
        return Call(name, verb, with_query(path, query), headers, draw(content(document, kind, taken[kind], good)))
    return Call(name, verb, with_query(path, query), headers)


def values(known: list[str]) -> st.SearchStrategy[str]:
    return st.one_of(*[st.sampled_from(known)] * 5, TEXTS) if known else TEXTS


def in_address(value: str) -> str:
    return quote(value.encode("utf-8", "surrogatepass"), safe="")


def with_query(path: str, query: list[str]) -> str:
    return path + ("?" + "&".join(query) if query else "")


@st.composite
def content(draw: st.DrawFn, document: JsonObject, kind: str, body: JsonObject, good: JsonObject | None) -> bytes:
    if "json" not in kind:
        return draw(st.one_of(st.binary(max_size=200), st.just(str(body.get("example", "")).encode())))
    schema = resolved(document, body.get("schema", {}))
    examples = [good] if good else schema.get("examples") or [body.get("example", {})]
    value = deepcopy(draw(st.sampled_from(examples)))
    for _ in range(draw(st.integers(0, 2))):
        value = draw(changed(value))
    if draw(st.integers(0, 9)) == 0:
        value = draw(VALUES)
    if isinstance(value, dict) and "wait" in value:
        value["wait"] = 0
    return json.dumps(value).encode()


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """The value with one place of it replaced, removed or added to."""
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 5)) == 0:
        return draw(VALUES)
    if isinstance(value, list):
        at = draw(st.integers(0, len(value) - 1))
        return [draw(changed(each)) if number == at else each for number, each in enumerate(value)]
    name = draw(st.sampled_from(sorted(value)))
    match draw(st.integers(0, 9)):
        case 0:
            return {key: each for key, each in value.items() if key != name}
        case 1:
            return value | {draw(TEXTS): draw(VALUES)}
        case _:
            return value | {name: draw(changed(value[name]))}


def undocumented(document: JsonObject, call: Call, answer: httpx.Response) -> list[str]:
    """What of the answer the document does not say: its status, its headers, its media type, its body."""
    verb, path = call.name.split(" ")
    responses, status = document["paths"][path][verb.lower()]["responses"], answer.status_code
    told = responses.get(str(status)) or responses.get(f"{status // 100}XX")
    if told is None:
        return [f"status {status}"]
    known = {name.lower() for name in told.get("headers", {})}
    if silent := [name for name in HEADERS_TOLD if name in answer.headers and name not in known]:
        return [f"header {name} with {status}" for name in silent]
    contents, kind = told.get("content", {}), answer.headers.get("content-type", "").split(";")[0]
    if kind not in (contents or {"": None}):
        return [f"media type {kind} with {status}"]
    schema = contents.get(kind, {}).get("schema")
    if not schema or "json" not in kind or kind == "application/x-ndjson":
        return []
    whole = {"components": document["components"], **schema}
    return [f"{each.json_path} {each.message[:200]}" for each in Draft202012Validator(whole).iter_errors(answer.json())]
