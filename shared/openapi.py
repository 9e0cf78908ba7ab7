"""The documentation of a service: its OpenAPI document, and Swagger UI from our own address, without the internet."""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from starlette.staticfiles import StaticFiles

from shared.problems import PROBLEM

ASSETS = Path(fastapi_offline.__file__).parent / "static"
TEXT: Final = {"type": "string"}
FIELD_ERROR: Final = {
    "type": "object",
    "required": ["pointer", "code", "detail"],
    "properties": {
        "pointer": TEXT | {"description": "JSON pointer into the body, or `query/name`, `path/name`, `header/name`."},
        "code": TEXT | {"description": "Stable: a program may rely on it."},
        "detail": TEXT | {"description": "A sentence that never holds the value."},
    },
}
PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "An error that a caller can act on (RFC 9457); `type` is the address of a page that explains it.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": TEXT | {"format": "uri"}, "title": TEXT, "status": {"type": "integer"}, "detail": TEXT, "instance": TEXT,
        "errors": {"type": "array", "items": FIELD_ERROR},
        "right": TEXT | {"description": "With 403: the right that is missing."},
        "reason": TEXT | {"description": "What is wrong, as a code: with 401 of the token, with 409 of an announcement."},
    },
    "additionalProperties": True,
    "examples": [
        {
            "type": "https://dure.example/requests/problems/forbidden", "title": "You may not do this", "status": 403,
            "detail": "Only a steward of the ministry that owns the dataset decides on it.",
            "instance": "/requests/0199a1c0-0000-7000-8000-00000000000a/decisions", "right": "steward of nts",
        }
    ],
}  # fmt: skip
CONTENT: Final[dict[str, Any]] = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
JsonObject = dict[str, Any]


def header(description: str, example: str | int, schema: JsonObject = TEXT) -> JsonObject:
    return {"description": description, "schema": schema, "example": example}


# In each document as components; a response names them.
HEADERS: Final[JsonObject] = {
    "ETag": header("The version of what is shown: send it back as If-Match or If-None-Match.", '"3"'),
    "Location": header("Where it is from now on.", "/requests/0199a1c0-0000-7000-8000-00000000000a"),
    "Link": header("The next page (RFC 8288); none on the last one.", '<https://dure.example/requests?cursor=AZmh>; rel="next"'),
    "Retry-After": header("Seconds after which to try again.", 2, {"type": "integer", "minimum": 0}),
    "Content-Language": header("`ko` or `en`, as Accept-Language prefers.", "ko"),
}


def headers(*names: str) -> JsonObject:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


ETAG: Final = headers("ETag")
# Of what was made anew.
NEW: Final = headers("ETag", "Location")
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {
        "description": "A problem (RFC 9457): `type`, `title`, `detail` and, for fields, `errors`.",
        "content": CONTENT,
        "headers": headers("Content-Language"),
    },
    "429": {
        "description": "Too many at once: nothing was changed, try again after Retry-After.",
        "content": CONTENT,
        "headers": headers("Retry-After", "Content-Language"),
    },
    "503": {
        "description": "Busy or not reachable: nothing was changed, try again after Retry-After.",
        "content": CONTENT,
        "headers": headers("Retry-After", "Content-Language"),
    },
}
# What was made anew, with where it is and its version; for a route that answers 201.
CREATED: Final[dict[int | str, dict[str, Any]]] = {201: {"headers": NEW}}


# Beside the token that FastAPI notes: without one is answered too, with what everybody may see.
ANYBODY: Final[dict[str, Any]] = {"security": [{}]}
UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "You have it: If-None-Match held its ETag.", "headers": ETAG}
}
IF_NONE_MATCH: Final[JsonObject] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": TEXT,
    "description": "ETag that you have: the answer is 304 without a body if it is still the same.",
}


@dataclass(frozen=True)
class Tag:
    """A group of operations, with what it is about in Korean and English."""

    name: str
    en: str
    ko: str

    def as_json(self) -> JsonObject:
        return {"name": self.name, "description": f"{self.en} {self.ko}"}


# Said in each document, below what the service is for.
CONVENTIONS: Final = """A token of the identity provider is sent as `Authorization: Bearer <token>`. Errors are problem
documents (RFC 9457), in Korean or English as `Accept-Language` prefers. Lists are read page by page: `next` and the header `Link`
lead on. A query parameter that an address does not know is refused. A write with an `Idempotency-Key` can be sent again, and
`If-Match` keeps it from undoing what somebody else changed meanwhile."""
# Behind the tags of the trade, in each service.
COMMON_TAGS: Final = (
    Tag("audit", "Who did what, as a chain that can be verified.", "누가 무엇을 하였는지에 관한, 검증할 수 있는 감사 기록."),
    Tag("ops", "Events that wait or were given up, for operators.", "대기 중이거나 처리에 실패한 이벤트(운영자용)."),
    Tag("health", "Whether the service is alive and ready, its metrics and its events.", "서비스의 상태, 지표, 이벤트 문서."),
)


def operation_id(route: APIRoute) -> str:
    """The function's name: short, and it stays when an address changes."""
    return route.name


class DocumentedApp(FastAPI):
    """An app whose OpenAPI document also describes problems, headers and tags, in the order of the trade."""

    def openapi(self) -> JsonObject:
        if self.openapi_schema is None:
            document = super().openapi()
            document["components"]["schemas"].setdefault("Problem", PROBLEM_SCHEMA)
            document["components"]["headers"] = HEADERS
            for schema in document["components"]["schemas"].values():
                make_plain(schema)
            for operation in operations(document):
                describe_headers(document, operation)
            order = [tag["name"] for tag in document.get("tags", [])]
            document["paths"] = dict(sorted(document["paths"].items(), key=lambda item: place(item[1], order)))
        return self.openapi_schema or {}


def operations(document: JsonObject) -> Iterator[JsonObject]:
    for item in document["paths"].values():
        yield from item.values()


def place(item: JsonObject, order: Sequence[str]) -> int:
    """Of a path, by the tag of its first operation; sorting keeps the order within a tag."""
    tag = next(iter(item.values()))["tags"][0]
    return order.index(tag) if tag in order else len(order)


def make_plain(schema: Any) -> None:
    """Say the same in the words that generators of clients read: maps with typed values, and constants as enumerations."""
    if isinstance(schema, list):
        for inner in schema:
            make_plain(inner)
    if not isinstance(schema, dict):
        return
    patterns = schema.get("patternProperties")
    if isinstance(patterns, dict) and len(patterns) == 1 and "properties" not in schema:
        ((pattern, values),) = schema.pop("patternProperties").items()
        schema |= {"propertyNames": {"pattern": pattern}, "additionalProperties": values}
    if type(schema.get("const")) is int:
        schema["enum"] = [schema.pop("const")]
    for name, inner in schema.items():
        if name not in ("examples", "example", "default"):
            make_plain(inner)


def describe_headers(document: JsonObject, operation: JsonObject) -> None:
    """ETag where it can be sent back, and the header of the next page."""
    parameters = operation.get("parameters", [])
    responses = operation["responses"]
    if "304" in responses:
        operation["parameters"] = [*parameters, IF_NONE_MATCH]
    tagged = "304" in responses or any(parameter["name"] == "If-Match" for parameter in parameters)
    for status, response in responses.items():
        if not status.startswith("2"):
            continue
        found = dict(response.get("headers", {}))
        found |= ETAG if tagged else {}
        found |= headers("Link") if is_page(document, response) else {}
        if found:
            response["headers"] = found


def is_page(document: JsonObject, response: JsonObject) -> bool:
    reference = response.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    schema = document["components"]["schemas"].get(reference.rpartition("/")[2], {})
    return {"items", "next"} <= set(schema.get("properties", {}))


def install(app: FastAPI, name: str) -> None:
    """Serve /{name}/docs, with an Authorize button that keeps its token."""
    app.mount(f"/{name}/docs/assets", StaticFiles(directory=ASSETS), name="docs-assets")

    @app.get(f"/{name}/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url=f"/{name}/openapi.json",
            title=f"Dure {name}",
            swagger_js_url=f"/{name}/docs/assets/swagger-ui-bundle.js",
            swagger_css_url=f"/{name}/docs/assets/swagger-ui.css",
            swagger_favicon_url=f"/{name}/docs/assets/favicon.png",
            swagger_ui_parameters={"persistAuthorization": True, "displayRequestDuration": True},
        )
        page.headers["Content-Security-Policy"] = docs_policy(bytes(page.body))
        return page


def docs_policy(page: bytes) -> str:
    """Only what Swagger UI needs: files and calls of our own address, and the page's own script, by its digest.

    Swagger UI writes style attributes, and has its icons as data.
    """
    scripts = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    digests = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(each).digest()).decode()}'" for each in scripts)
    return (
        f"default-src 'none'; script-src 'self' {digests}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
