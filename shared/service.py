"""How every service is put together: its doors, its loops, its health, one database."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy import MetaData

from shared import inbox, migrate, openapi, ops, outbox, problems
from shared.admission import AdmissionMiddleware
from shared.asyncapi import asyncapi_document
from shared.audit_seal import Sealer
from shared.auth import Jwks, TokenVerifier
from shared.bus import Bus
from shared.checkpoints import CheckpointSender, checkpoint_sender
from shared.contracts import Event
from shared.db import Database, Plumbing
from shared.due import release_claims
from shared.errors import Unavailable
from shared.health import (
    EVENTS_DOCUMENT,
    METRICS_TEXT,
    Health,
    Part,
    Readiness,
    audit_part,
    bus_part,
    database_parts,
    measure,
    storage_part,
)
from shared.http import Route
from shared.janitor import Janitor
from shared.keys import MacKey, SigningKey
from shared.loops import GRACE, Context, Glance, Step, Turn, Wake, until_stopped
from shared.refusals import Refusals
from shared.settings import ServiceSettings
from shared.storage import Storage
from shared.telemetry import Metrics, TraceMiddleware, bind_service

__all__ = ["Consumers", "Context", "Part", "Readiness", "Service", "Step", "Wake", "build_service"]
log = logging.getLogger(__name__)
E = TypeVar("E", bound=Event)
LOOK_AGAIN = "5"  # seconds
WAIT = openapi.headers("Retry-After")
PAUSE = 0.25  # seconds between two turns of a loop that nobody waits for


class Consumers(dict[str, inbox.Handler]):
    """A service's bus door: one handler for each event type it listens to."""

    def on(self, event: type[E]) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Awaitable[None]]]:
        def register(handler: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
            self[event.type] = handler
            return handler

        return register


@dataclass
class Service:
    """A running service: what its app's lifespan starts and ends."""

    name: str
    context: Context
    bus: Bus
    consumers: Consumers
    steps: Sequence[Step]
    chores: Sequence[Step]
    migrations: Path
    sealer: Sealer | None
    sender: CheckpointSender | None
    refusals: Refusals
    checks: Sequence[Callable[[Context], Awaitable[Part]]]
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    bus_was_down: bool = False
    took_over: bool = False

    def turns(self) -> dict[str, Turn]:
        db, idle = self.context.db, self.context.settings.idle_seconds
        turns: dict[str, Turn] = {
            "relay": Glance(lambda: db.emitted, self.relay, idle),
            "dispatch": Glance(lambda: db.received, partial(inbox.dispatch_batch, db, self.consumers), idle),
        }
        turns["tidy"] = Janitor(db, self.context.storage, self.context.settings.scratch).tidy
        turns["refusals"] = self.refusals.turn
        if self.sealer:
            turns["seal"] = self.sealer.turn
        if self.sender:
            turns["checkpoints"] = self.sender.turn
        return turns | {step.__name__: partial(step, self.context) for step in (*self.steps, *self.chores)}

    @property
    def unhurried(self) -> set[str]:
        """The loops that nobody waits for: with a pause they do at once what many commits left."""
        return {"seal", "refusals", "checkpoints", *(chore.__name__ for chore in self.chores)}

    async def relay(self) -> bool:
        """While the bus is down events wait in the outbox; when it is back none waits for a back-off."""
        if not self.took_over:
            await self.take_over()
            self.took_over = True
        if self.bus.down:
            self.bus_was_down = True
            return False
        if self.bus_was_down:
            await outbox.retry_now(self.context.db)
            self.bus_was_down = False
        return await outbox.relay_batch(self.context.db, self.bus)

    async def take_over(self) -> None:
        """What a killed predecessor had claimed would wait for its lease: events are claimed anew at once."""
        async with self.context.db.transaction() as session:
            for table in (self.context.db.tables.outbox, self.context.db.tables.inbox):
                await release_claims(session, table)

    async def start(self) -> None:
        settings = self.context.settings
        if settings.migrate_at_start:
            await asyncio.to_thread(migrate.upgrade, self.migrations, settings.database_url)
        self.context.db.on_commit = self.context.wake.set
        self.bus.subscribe(self.name, frozenset(self.consumers), partial(inbox.receive, self.context.db))
        await self.bus.start()
        for name, turn in self.turns().items():
            pause = PAUSE if name in self.unhurried else 0.0
            loop = until_stopped(name, turn, self.context.wake, settings.idle_seconds, pause)
            self.tasks[name] = asyncio.create_task(loop, name=f"{self.name}.{name}")

    async def stop(self) -> None:
        # A turn that is cancelled in a transaction keeps others waiting for its lock: let turns end by themselves first.
        self.context.wake.stop.set()
        self.context.wake.set()
        if self.tasks:
            _, late = await asyncio.wait(self.tasks.values(), timeout=GRACE)
            for task in late:
                task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        await self.refusals.close()
        for end in self.context.endings:
            await end()
        await self.bus.close()
        await self.context.db.close()

    async def readiness(self) -> Readiness:
        parts = [
            *await database_parts(self.context.db),
            await storage_part(self.context.storage),
            bus_part(self.bus),
            audit_part(self.sealer, self.sender, self.context.db),
        ]
        parts += [
            Part(name=name, state="unavailable", detail="the loop has ended") for name, task in self.tasks.items() if task.done()
        ]
        parts += [await check(self.context) for check in self.checks]
        states = {part.state for part in parts}
        status = "unavailable" if "unavailable" in states else "degraded" if "degraded" in states else "ready"
        return Readiness(status=status, parts=parts)


def build_service(
    name: str,
    *,
    settings: ServiceSettings,
    bus: Bus,
    metadata: MetaData,
    tables: Plumbing,
    migrations: Path,
    routers: Sequence[APIRouter],
    consumers: Consumers,
    steps: Sequence[Step] = (),
    chores: Sequence[Step] = (),
    checks: Sequence[Callable[[Context], Awaitable[Part]]] = (),
    state: dict[str, Any] | None = None,
    description: str = "",
    tags: Sequence[openapi.Tag] = (),
) -> FastAPI:
    """One service as a FastAPI app, everything under /{name}.

    `steps` are its background work; `chores` is such work that nobody waits for."""
    mac_key = MacKey.load(settings.audit_mac_key) if settings.audit_mac_key else None
    db = Database(settings.database_url, metadata, tables, name, mac_key, connections=settings.connections)
    storage = Storage(settings.storage_url, settings.storage_options)
    sealer = Sealer(db, SigningKey.load(settings.audit_key)) if settings.audit_key else None
    context, refusals, sender = Context(db, settings, storage, Wake(), state or {}), Refusals(db), checkpoint_sender(db, settings)
    service = Service(name, context, bus, consumers, steps, chores, migrations, sealer, sender, refusals, checks)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with bind_service(name):  # the loops start here and keep the name
            await service.start()
        try:
            yield
        finally:
            await service.stop()

    app = openapi.DocumentedApp(
        title=f"Dure {name}",
        version="0.1.0",
        description=f"{description}\n\n{openapi.CONVENTIONS}",
        openapi_tags=[tag.as_json() for tag in (*tags, *openapi.COMMON_TAGS)],
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"/{name}/openapi.json",
        generate_unique_id_function=openapi.operation_id,
        redirect_slashes=False,  # a redirect would name the host that the request names
    )
    app.state.service, app.state.context = service, service.context
    app.state.db, app.state.settings, app.state.storage, app.state.wake = db, settings, storage, service.context.wake
    app.state.refusals = refusals
    app.state.verifier = TokenVerifier(Jwks(settings.jwks), settings.issuer, settings.audience, settings.claims)
    # The fixed addresses come first: neither /requests/readyz nor /requests/docs is a request's id.
    openapi.install(app, name)
    app.include_router(health(service), prefix=f"/{name}", tags=["health"])
    app.include_router(ops.router, prefix=f"/{name}", responses=openapi.PROBLEMS)
    for router in routers:
        app.include_router(router, prefix=f"/{name}", responses=openapi.PROBLEMS)
    problems.install(app)
    metrics = service.context.state.setdefault("metrics", Metrics(name))
    app.add_middleware(AdmissionMiddleware, admission=settings.admission, refuse=problems.on_problem)
    app.add_middleware(TraceMiddleware, service=name, metrics=metrics, crash=problems.on_crash)
    return app


def health(service: Service) -> APIRouter:
    """Liveness, readiness, metrics and the document of the events."""
    router = APIRouter(route_class=Route)

    @router.get("/healthz", responses={503: {"model": Health, "description": "A background loop has ended.", "headers": WAIT}})
    async def healthz(response: Response) -> Health:
        """Check that the service is alive: the process answers and no background loop has ended."""
        ended = [name for name, task in service.tasks.items() if task.done()]
        if ended:
            response.status_code, response.headers["Retry-After"] = 503, LOOK_AGAIN
        return Health(status=f"ended: {', '.join(ended)}" if ended else "ok")

    @router.get(
        "/readyz", responses={503: {"model": Readiness, "description": "A part is missing; it says which.", "headers": WAIT}}
    )
    async def readyz(response: Response) -> Readiness:
        """Check that the service is ready; says which part is missing or degraded."""
        readiness = await service.readiness()
        if readiness.status == "unavailable":
            response.status_code, response.headers["Retry-After"] = 503, LOOK_AGAIN
        return readiness

    @router.get("/metrics", response_class=PlainTextResponse, responses=METRICS_TEXT)
    async def metrics() -> Response:
        """Read Prometheus metrics."""
        kept: Metrics = service.context.state["metrics"]
        try:
            await measure(service.context.db, kept)
        except Unavailable:
            log.warning("the database could not be measured")
        return Response(kept.render(), media_type="text/plain; version=0.0.4")

    @router.get("/asyncapi.json", responses=EVENTS_DOCUMENT)
    async def asyncapi() -> dict[str, Any]:
        """Read the events that this service sends and receives, as AsyncAPI 3."""
        return asyncapi_document(service.name, frozenset(service.consumers), service.context.settings.public_url)

    return router
