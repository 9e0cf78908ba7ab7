"""The scoring door, put together: an app of its own on the database and the storage of the analysis service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.analysis.models import PLUMBING, Base
from services.analysis.scoring import problems
from services.analysis.scoring.access import Doorkeeper
from services.analysis.scoring.api import protocol, router
from services.analysis.scoring.calls import BASE, ScoringApp, call_routes
from services.analysis.scoring.door import Door
from services.analysis.scoring.ledger import Ledger
from services.analysis.scoring.sessions import Shelf, Terms
from services.analysis.scoring.settings import Settings
from shared import openapi
from shared.admission import AdmissionMiddleware
from shared.auth import Jwks, TokenVerifier
from shared.db import Database
from shared.keys import MacKey
from shared.loops import Wake, until_stopped
from shared.memory import settled
from shared.refusals import Refusals
from shared.storage import Storage
from shared.telemetry import Metrics, TraceMiddleware, setup_logging

DESCRIPTION = """Released models, asked by the systems of a ministry under a grant for one purpose.

The Open Inference Protocol v2 over HTTP: a client for Triton or KServe is given this address as its base, and a token. Grants
are asked for and decided at the analysis service, `/analysis/grants`. What is asked is counted by grant, and the counts are
audited at most a second apart; a process that is killed loses those of at most a second."""


TAGS = (
    openapi.Tag("inference", "Score rows with released models (Open Inference Protocol v2).", "공개된 모형으로 점수 산출."),
    openapi.Tag("health", "The metrics of the process.", "프로세스의 지표."),
)


def build(settings: Settings) -> FastAPI:
    """The app, everything under /analysis/scoring."""
    mac_key = MacKey.load(settings.audit_mac_key) if settings.audit_mac_key else None
    db = Database(settings.database_url, Base.metadata, PLUMBING, "analysis", mac_key, connections=settings.connections)
    admission, refusals = settings.admission, Refusals(db)
    ledger, metrics = Ledger(db), Metrics("analysis-scoring")
    verifier = TokenVerifier(Jwks(settings.jwks), settings.issuer, settings.audience, settings.claims)
    keeper = Doorkeeper(db, verifier, ledger.door, settings.access_seconds)
    terms = Terms(
        settings.models_kept, settings.model_limit, settings.big_rows, settings.big_threads, settings.non_finite_answers
    )
    door = Door(
        settings, keeper, Shelf(Storage(settings.storage_url, settings.storage_options), terms), ledger, metrics, admission
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        wake = Wake()
        flushing = asyncio.create_task(ledger.keep_flushing(settings.flush_seconds, wake.stop), name="scoring.flush")
        late = until_stopped("refusals", refusals.turn, wake, settings.idle_seconds)
        writing = asyncio.create_task(late, name="scoring.refusals")
        try:
            yield
        finally:
            wake.stop.set()
            wake.set()
            await asyncio.gather(flushing, writing)
            await refusals.close()
            door.threads.shutdown()
            await db.close()

    app = ScoringApp(
        title="Dure scoring", version="0.1.0", description=DESCRIPTION, lifespan=lifespan, docs_url=None, redoc_url=None,
        openapi_url=f"{BASE}/openapi.json", generate_unique_id_function=openapi.operation_id, redirect_slashes=False,
        openapi_tags=[tag.as_json() for tag in TAGS],
    )  # fmt: skip
    app.state.db, app.state.settings, app.state.verifier = db, settings, verifier
    app.state.door, app.state.metrics, app.state.ledger = door, metrics, ledger
    app.state.calls, app.state.refusals = call_routes(), refusals
    app.router.routes.extend(app.state.calls)
    openapi.install(app, BASE.strip("/"))
    for each in (router, protocol):
        app.include_router(each, prefix=BASE, responses=openapi.PROBLEMS)
    problems.install(app)
    app.add_middleware(AdmissionMiddleware, admission=admission, refuse=problems.on_problem)
    app.add_middleware(TraceMiddleware, service="analysis-scoring", metrics=metrics, crash=problems.on_crash)
    return app


def main() -> FastAPI:
    """The door alone: uvicorn --factory services.analysis.scoring.app:main"""
    settings = Settings()
    setup_logging("analysis-scoring", settings.log_level)
    return settled(build(settings))
