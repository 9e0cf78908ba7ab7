"""The embedded suite as `python -m deploy.embedded` runs it, which also tells how often each service has committed."""

import argparse
from collections import Counter
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Connection, event
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy import embedded
from shared.telemetry import setup_logging

COUNTS_PATH = "/commits"


def count_commits(apps: dict[str, FastAPI]) -> Counter[str]:
    """Counts from now on; a reading ends in a commit too, but writes nothing and does not count."""
    counts: Counter[str] = Counter()

    def listen(name: str, app: FastAPI) -> None:
        def on_commit(connection: Connection) -> None:
            if not connection.get_execution_options().get("dure_reading"):
                counts[name] += 1

        event.listen(app.state.db.engine.sync_engine, "commit", on_commit)

    for name, app in apps.items():
        listen(name, app)
    return counts


def telling(app: ASGIApp, counts: Counter[str]) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        tells = scope["type"] == "http" and scope["path"] == COUNTS_PATH
        await (JSONResponse(dict(counts)) if tells else app)(scope, receive, send)

    return answer


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    setup_logging("dure", "WARNING")
    # Many ask for exactly the same here, in the name of one.
    unbounded = {"open_each": 1_000_000, "open_identical": 1_000_000}
    apps = embedded.build(options.folder, f"http://127.0.0.1:{options.port}", requests=unbounded)
    app = telling(embedded.embed(apps), count_commits(apps))
    config = uvicorn.Config(app, "127.0.0.1", options.port, lifespan="on", log_config=None, access_log=False)
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
