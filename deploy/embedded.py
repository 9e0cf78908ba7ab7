"""The embedded default: four services and the scoring door in one process, SQLite files, the in-process bus, its own key pair.

`python -m deploy.embedded --folder var/serve --port 8000` serves them under one address, as the gateway would.
"""

import argparse
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.front import front
from deploy.holding import SUITE_LOCK, TakenError, hold, listen
from deploy.installation import SERVICES, settings
from deploy.seed.members import seed
from services.analysis import app as analysis
from services.analysis.scoring import app as scoring
from services.analysis.scoring.calls import BASE
from services.analysis.scoring.settings import Settings as ScoringSettings
from services.analysis.settings import Settings as AnalysisSettings
from services.catalog import app as catalog
from services.catalog.settings import Settings as CatalogSettings
from services.requests import app as requests
from services.requests.settings import Settings as RequestsSettings
from services.results import app as results
from services.results.settings import Settings as ResultsSettings
from shared.bus import Bus, InProcessBus
from shared.errors import NotFound
from shared.headers import protective
from shared.memory import settled
from shared.messages import NO_ADDRESS
from shared.problems import PROBLEM, language_of, said_in
from shared.server import Protocol
from shared.telemetry import setup_logging

DEMO = Path(__file__).resolve().parent.parent / "var" / "demo"


def build(folder: Path, public_url: str, *, bus: Bus | None = None, **more: Mapping[str, Any]) -> dict[str, FastAPI]:
    """The four apps on one bus, and the door beside the third; `more` adds settings by service."""
    bus = bus or InProcessBus(SERVICES)
    values = {name: value | dict(more.get(name, {})) for name, value in settings(folder, public_url).items()}
    shared = (
        "database_url", "storage_url", "jwks", "issuer", "audience", "public_url", "ministry_claim", "roles_claim", "role_prefix",
        "audit_mac_key",
    )  # fmt: skip
    beside = {name: values["analysis"][name] for name in shared if name in values["analysis"]} | dict(more.get("scoring", {}))
    return {
        "catalog": catalog.build(CatalogSettings(**values["catalog"]), bus),
        "requests": requests.build(RequestsSettings(**values["requests"]), bus),
        "analysis": analysis.build(AnalysisSettings(**values["analysis"]), bus),
        "results": results.build(ResultsSettings(**values["results"]), bus),
        "scoring": scoring.build(ScoringSettings(**beside)),
    }


def embed(apps: dict[str, FastAPI], demo: Path = DEMO) -> Starlette:
    """One app that hands each path to the service it belongs to; services keep their own prefix everywhere.

    `demo`: where the last demonstration left its report."""
    start = front(demo)

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        name = "scoring" if f"{scope['path']}/".startswith(f"{BASE}/") else scope["path"].split("/")[1]
        other: ASGIApp = start if scope["path"] in ("/", "/demo/report") else nowhere(scope)
        await apps.get(name, other)(scope, receive, send)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for app in apps.values():  # a mounted app's lifespan does not run by itself
                await stack.enter_async_context(app.router.lifespan_context(app))
            await seed(apps["catalog"])
            yield

    whole = Starlette(lifespan=lifespan)
    whole.router.default = dispatch  # no route at all: the pattern of one does not match a path with a line break
    return whole


def nowhere(scope: Scope) -> JSONResponse:
    """The problem of an address that belongs to no service."""
    language = language_of(Headers(scope=scope))
    problem = NotFound(NO_ADDRESS).document("", scope["path"][:500], language) | {"type": "about:blank"}
    answer = JSONResponse(problem, 404, said_in(language), PROBLEM)
    answer.raw_headers.extend(protective(answer.raw_headers))
    return answer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("var/serve"))
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--listener", type=int, help="a file descriptor: a socket that listens on the port already")
    parser.add_argument("--allow-private-webhooks", action="store_true", help="let webhooks go to loopback (demo)")
    options = parser.parse_args()
    folder, url = options.folder.resolve(), f"http://127.0.0.1:{options.port}"
    try:
        # On SQLite there is one process for each service: two sealers would break the audit chain.
        with hold(folder / SUITE_LOCK, f"the suite at {url}"):
            listener = listen(options.port) if options.listener is None else socket.socket(fileno=options.listener)
            listener.set_inheritable(False)
            setup_logging("dure", "INFO")
            apps = build(folder, url, results={"webhook_private": options.allow_private_webhooks})
            uvicorn.Server(server_config(apps)).run(sockets=[listener])  # on uvloop, as a service alone
    except TakenError as taken:
        print(taken, file=sys.stderr)
        return 1
    return 0


def server_config(apps: dict[str, FastAPI]) -> uvicorn.Config:
    return uvicorn.Config(
        settled(embed(apps)),
        http=Protocol,
        lifespan="on",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    sys.exit(main())
