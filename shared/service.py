"""How every service is put together: its doors, its loops, its health, one database."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fastapi import APIRouter, FastAPI, Response
from pydantic import BaseModel
from sqlalchemy import MetaData, func, select

from shared import audit, http, inbox, migrate, openapi, ops, outbox
from shared.asyncapi import asyncapi_document
from shared.auth import Jwks, TokenVerifier
from shared.bus import Bus
from shared.contracts import Event
from shared.db import Database, Plumbing
from shared.errors import Unavailable
from shared.janitor import Janitor
from shared.keys import SigningKey
from shared.settings import ServiceSettings
from shared.storage import Storage
from shared.telemetry import Metrics, TraceMiddleware, bind_service

log = logging.getLogger(__name__)
E = TypeVar("E", bound=Event)


class Consumers(dict[str, inbox.Handler]):
    """A service's bus door: one handler for each event type it listens to."""

    def on(self, event: type[E]) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Awaitable[None]]]:
        def register(handler: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
            self[event.type] = handler
            return handler

        return register


class Wake:
    """Tells every loop and every long poll of a service that something was committed."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def ticket(self) -> asyncio.Event:
        """Take it before looking, so that a commit between looking and waiting is not missed."""
        return self.event

    def set(self) -> None:
        self.event.set()
        self.event = asyncio.Event()

    async def wait(self, ticket: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await ticket.wait()
        except TimeoutError:
            pass


@dataclass
class Context:
    """What a background step may use."""

    db: Database
    settings: Any
    storage: Storage
    wake: Wake
    state: dict[str, Any] = field(default_factory=dict)


Step = Callable[[Context], Awaitable[bool]]
Turn = Callable[[], Awaitable[bool]]


async def forever(name: str, turn: Turn, wake: Wake, idle: float) -> None:
    """Take turns until there is nothing to do, then wait for a commit. A failing turn is logged and comes again, ever later."""
    failures = 0
    while True:
        ticket = wake.ticket()
        try:
            busy = await turn()
            failures = 0
        except Exception as error:
            failures += 1
            busy = False
            log.warning("step failed", extra={"step": name, "failures": failures}, exc_info=error)
        if failures:
            await asyncio.sleep(min(0.2 * 2**failures, 10))
        elif not busy:
            await wake.wait(ticket, idle)


class Part(BaseModel):
    name: str
    state: str
    detail: str | None = None


class Readiness(BaseModel):
    """`ready`, `degraded` (works, but look at the parts) or `unavailable` (status 503)."""

    status: str
    parts: list[Part]


@dataclass
class Service:
    """A running service: what its app's lifespan starts and ends."""

    name: str
    context: Context
    bus: Bus
    consumers: Consumers
    steps: Sequence[Step]
    migrations: Path
    signing_key: SigningKey | None
    checks: Sequence[Callable[[Context], Awaitable[Part]]]
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    bus_was_down: bool = False

    def turns(self) -> dict[str, Turn]:
        db = self.context.db
        turns: dict[str, Turn] = {
            "relay": self.relay,
            "dispatch": partial(inbox.dispatch_batch, db, self.consumers),
        }
        turns["tidy"] = Janitor(db, self.context.storage).tidy
        if self.signing_key:
            turns["seal"] = partial(audit.seal_batch, db, self.signing_key)
        return turns | {step.__name__: partial(step, self.context) for step in self.steps}

    async def relay(self) -> bool:
        """While the bus is down events wait in the outbox; when it is back none waits for a back-off."""
        if self.bus.down:
            self.bus_was_down = True
            return False
        if self.bus_was_down:
            await outbox.retry_now(self.context.db)
            self.bus_was_down = False
        return await outbox.relay_batch(self.context.db, self.bus)

    async def start(self) -> None:
        settings = self.context.settings
        if settings.migrate_at_start:
            await asyncio.to_thread(migrate.upgrade, self.migrations, settings.database_url)
        self.context.db.on_commit = self.context.wake.set
        self.bus.subscribe(self.name, frozenset(self.consumers), partial(inbox.receive, self.context.db))
        await self.bus.start()
        for name, turn in self.turns().items():
            loop = forever(name, turn, self.context.wake, settings.idle_seconds)
            self.tasks[name] = asyncio.create_task(loop, name=f"{self.name}.{name}")

    async def stop(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        await self.bus.close()
        await self.context.db.close()

    async def readiness(self) -> Readiness:
        parts = [await self.database_part(), await self.storage_part(), self.bus_part(), self.audit_part()]
        parts += [
            Part(name=name, state="unavailable", detail="the loop has ended") for name, task in self.tasks.items() if task.done()
        ]
        parts += [await check(self.context) for check in self.checks]
        states = {part.state for part in parts}
        status = "unavailable" if "unavailable" in states else "degraded" if "degraded" in states else "ready"
        return Readiness(status=status, parts=parts)

    async def database_part(self) -> Part:
        tables = self.context.db.tables
        try:
            async with self.context.db.reading() as session:
                await session.execute(select(tables.inbox.c.id).limit(1))
                dead = (await session.execute(select(func.count()).where(tables.inbox.c.state == "dead"))).scalar_one()
        except Exception as error:
            return Part(name="database", state="unavailable", detail=f"not reachable or not migrated ({type(error).__name__})")
        if dead:
            return Part(name="inbox", state="degraded", detail=f"{dead} events were given up: see /{self.name}/ops/inbox")
        return Part(name="database", state="ready")

    async def storage_part(self) -> Part:
        try:
            await self.context.storage.check()
        except Exception as error:
            return Part(name="storage", state="unavailable", detail=f"the object storage cannot be used ({type(error).__name__})")
        return Part(name="storage", state="ready")

    def bus_part(self) -> Part:
        down = self.bus.down
        return Part(name="bus", state="degraded" if down else "ready", detail=down)

    def audit_part(self) -> Part:
        if self.signing_key is None:
            return Part(name="audit", state="degraded", detail="no signing key is set: audit rows are written but not sealed")
        return Part(name="audit", state="ready")

    async def measure(self, metrics: Metrics) -> None:
        tables = self.context.db.tables
        async with self.context.db.reading() as session:
            created = tables.outbox.c.created_at
            unsent = select(func.count().label("n"), func.min(created).label("oldest")).where(tables.outbox.c.due_at.is_not(None))
            waiting = (await session.execute(unsent)).mappings().one()
            states = await ops.count_states(session, tables.inbox)
        metrics.outbox_unsent.set(waiting["n"])
        metrics.outbox_oldest_seconds.set(time.time() - waiting["oldest"].timestamp() if waiting["oldest"] else 0)
        metrics.inbox_new.set(states.get("new", 0))
        metrics.inbox_dead.set(states.get("dead", 0))


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
    checks: Sequence[Callable[[Context], Awaitable[Part]]] = (),
    state: dict[str, Any] | None = None,
    description: str = "",
) -> FastAPI:
    """One service as a FastAPI app, everything under /{name}."""
    db = Database(settings.database_url, metadata, tables, name)
    storage = Storage(settings.storage_url, settings.storage_options)
    key = SigningKey.load(settings.audit_key) if settings.audit_key else None
    service = Service(name, Context(db, settings, storage, Wake(), state or {}), bus, consumers, steps, migrations, key, checks)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with bind_service(name):  # the loops start here and keep the name
            await service.start()
        try:
            yield
        finally:
            await service.stop()

    app = FastAPI(
        title=f"Dure {name}",
        version="0.1.0",
        description=description,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"/{name}/openapi.json",
    )
    app.state.service, app.state.context = service, service.context
    app.state.db, app.state.settings, app.state.storage, app.state.wake = db, settings, storage, service.context.wake
    app.state.verifier = TokenVerifier(Jwks(settings.jwks), settings.issuer, settings.audience)
    # The fixed addresses come first: /requests/readyz is no request's id.
    app.include_router(health(service), prefix=f"/{name}", tags=["health"])
    app.include_router(ops.router, prefix=f"/{name}", responses=PROBLEMS)
    for router in routers:
        app.include_router(router, prefix=f"/{name}", responses=PROBLEMS)
    http.install(app)
    openapi.install(app, name)
    metrics = service.context.state.setdefault("metrics", Metrics(name))
    app.add_middleware(TraceMiddleware, service=name, metrics=metrics, crash=http.on_crash)
    return app


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "A problem (RFC 9457): `type`, `title`, `detail` and, for fields, `errors`.",
        "content": {http.PROBLEM: {}},
    },
    "503": {
        "description": "Busy or not reachable: nothing was changed, try again after Retry-After.",
        "content": {http.PROBLEM: {}},
    },
}


def health(service: Service) -> APIRouter:
    """Liveness, readiness, metrics and the document of the events."""
    router = APIRouter()

    @router.get("/healthz")
    async def healthz(response: Response) -> dict[str, str]:
        """Alive: the process answers and no background loop has ended."""
        ended = [name for name, task in service.tasks.items() if task.done()]
        response.status_code = 503 if ended else 200
        return {"status": f"ended: {', '.join(ended)}" if ended else "ok"}

    @router.get("/readyz", response_model=Readiness)
    async def readyz(response: Response) -> Readiness:
        """Ready to take requests; says which part is missing or degraded."""
        readiness = await service.readiness()
        response.status_code = 503 if readiness.status == "unavailable" else 200
        return readiness

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Prometheus metrics."""
        kept: Metrics = service.context.state["metrics"]
        try:
            await service.measure(kept)
        except Unavailable:
            log.warning("the database could not be measured")
        return Response(kept.render(), media_type="text/plain; version=0.0.4")

    @router.get("/asyncapi.json")
    async def asyncapi() -> dict[str, Any]:
        """The events this service sends and receives, as AsyncAPI 3."""
        return asyncapi_document(service.name, frozenset(service.consumers), service.context.settings.public_url)

    return router
