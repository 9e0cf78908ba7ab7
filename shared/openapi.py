"""The documentation of a service: its OpenAPI document, and Swagger UI from our own address, without the internet."""

from pathlib import Path
from typing import Any, Final

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from starlette.staticfiles import StaticFiles

from shared.http import PROBLEM

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
        "reason": TEXT | {"description": "With 401: what is wrong with the token, as a code."},
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
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {
        "description": "A problem (RFC 9457): `type`, `title`, `detail` and, for fields, `errors`.",
        "content": CONTENT,
    },
    "503": {
        "description": "Busy or not reachable: nothing was changed, try again after Retry-After.",
        "content": CONTENT,
    },
}


# Beside the token that FastAPI notes: without one is answered too, with what everybody may see.
ANYBODY: Final[dict[str, Any]] = {"security": [{}]}
UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "You have it: If-None-Match held its ETag."}}


def operation_id(route: APIRoute) -> str:
    """The function's name: short, and it stays when an address changes."""
    return route.name


class DocumentedApp(FastAPI):
    """An app whose OpenAPI document also describes problems."""

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        document["components"]["schemas"].setdefault("Problem", PROBLEM_SCHEMA)
        return document


def install(app: FastAPI, name: str) -> None:
    """Serve /{name}/docs, with an Authorize button that keeps its token."""
    app.mount(f"/{name}/docs/assets", StaticFiles(directory=ASSETS), name="docs-assets")

    @app.get(f"/{name}/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=f"/{name}/openapi.json",
            title=f"Dure {name}",
            swagger_js_url=f"/{name}/docs/assets/swagger-ui-bundle.js",
            swagger_css_url=f"/{name}/docs/assets/swagger-ui.css",
            swagger_favicon_url=f"/{name}/docs/assets/favicon.png",
            swagger_ui_parameters={"persistAuthorization": True, "displayRequestDuration": True},
        )
