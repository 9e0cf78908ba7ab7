"""The documentation page of a service: Swagger UI from our own address, so that it works without the internet."""

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

ASSETS = Path(fastapi_offline.__file__).parent / "static"


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
