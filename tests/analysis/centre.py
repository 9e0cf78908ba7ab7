"""The analysis service, running, with the programs and people that use it over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
from sqlmodel import col, select

from services.analysis.models import RequestKey, Run, RunStatus
from shared.contracts import Envelope, Event, MethodCard, RequestApproved, RunFinished
from shared.db import Session
from shared.storage import Storage
from tests.analysis.examples import CSV, DIGEST, METERS_FILE, SITES_FILE, approved, card
from tests.waiting import PATIENCE

E = TypeVar("E", bound=Event)
Headers = Callable[..., dict[str, str]]
TABLE = b'{"name":"by_region","columns":[],"rows":[]}'
RANKING = b'{"pseudonym":"00","score":0.5,"reasons":[]}\n'


@dataclass
class Worker:
    """A worker process, as the service sees it."""

    client: httpx.AsyncClient
    headers: dict[str, str]
    id: UUID = field(default_factory=uuid4)

    async def claim(self, wait: float = 0, version: str = "1.0.0", digest: str = DIGEST) -> "Claim | None":
        body = {
            "worker": str(self.id),
            "methods": [{"name": "peers", "version": version, "digest": digest}],
            "wait": wait,
        }
        answer = await self.client.post("/analysis/claims", json=body, headers=self.headers, timeout=30)
        if answer.status_code == 204:
            return None
        assert answer.status_code == 200, answer.text
        return Claim(self.client, answer.json())


@dataclass
class Claim:
    """A claim in a worker's hands."""

    client: httpx.AsyncClient
    told: dict[str, Any]

    @property
    def fence(self) -> int:
        return int(self.told["fence"])

    async def call(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.told['token']}", **kwargs.pop("headers", {})}
        return await self.client.request(method, f"/analysis/runs/{self.told['run_id']}{path}", headers=headers, **kwargs)

    async def beat(self, progress: float = 0.5, message: str = "halfway") -> httpx.Response:
        return await self.call("POST", "/heartbeat", json={"progress": progress, "message": message})

    async def put(
        self, kind: str = "table", name: str = "by_region", data: bytes = TABLE, media: str = "application/json"
    ) -> httpx.Response:
        return await self.call("PUT", f"/artefacts/{kind}/{name}", content=data, headers={"Content-Type": media})

    async def finish(
        self,
        outcome: str = "succeeded",
        artefacts: Sequence[dict[str, Any]] = (),
        reason: dict[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        body = {"outcome": outcome, "reason": reason, "artefacts": list(artefacts), **more}
        return await self.call("POST", "/finish", json=body)

    async def succeed(self, **more: Any) -> httpx.Response:
        put = await self.put()
        assert put.status_code == 201, put.text
        return await self.finish(artefacts=[{"kind": "table", "name": "by_region", "sha256": put.json()["sha256"]}], **more)


@dataclass
class Centre:
    client: Any
    headers: Headers
    say: Callable[..., Awaitable[Envelope]]

    @property
    def storage(self) -> Storage:
        storage: Storage = self.client.app.state.storage
        return storage

    def worker(self, subject: str = "worker.centre") -> Worker:
        return Worker(self.client, self.headers("worker", "centre", subject=subject))

    async def announce(
        self, of: MethodCard | None = None, digest: str = DIGEST, subject: str = "worker.centre"
    ) -> httpx.Response:
        body = {"card": (of or card()).model_dump(mode="json"), "digest": digest}
        return await self.client.post("/analysis/methods", json=body, headers=self.headers("worker", "centre", subject=subject))

    async def review(self, ministry: str, verdict: str = "approve", version: str = "1.0.0", **who: Any) -> httpx.Response:
        headers = self.headers(who.pop("role", "method-reviewer"), ministry, **who)
        body = {"verdict": verdict, "reason": "Read it."}
        return await self.client.post(f"/analysis/methods/peers/{version}/reviews", json=body, headers=headers)

    async def make_live(self, of: MethodCard | None = None) -> None:
        version = (of or card()).version
        assert (await self.announce(of)).status_code == 201
        assert (await self.review("mois", version=version)).status_code == 201
        assert (await self.review("moel", version=version)).json()["state"] == "live"

    async def hear(self, event: Event) -> None:
        await self.say(event)
        await self.client.settle()

    async def approve(self, event: RequestApproved | None = None) -> UUID:
        """An approved request whose files are in the storage. Returns the id of its run."""
        event = event or approved()
        for data in (SITES_FILE, METERS_FILE):
            await self.storage.put_bytes(data, CSV)
        await self.hear(event)
        return await self.run_of(event.brief.request_id)

    async def run_of(self, request_id: UUID) -> UUID:
        async with self.client.app.state.db.reading() as session:
            return (await session.exec(select(Run.id).where(col(Run.request_id) == request_id))).one()

    async def row(self, run_id: UUID) -> Run:
        async with self.client.app.state.db.reading() as session:
            return (await session.exec(select(Run).where(col(Run.id) == run_id))).one()

    async def until(self, run_id: UUID, *statuses: RunStatus, seconds: float = PATIENCE) -> Run:
        async with asyncio.timeout(seconds):
            while (run := await self.row(run_id)).status not in statuses:
                await asyncio.sleep(0.02)
        return run

    async def until_cleared(self, run_id: UUID) -> None:
        async with asyncio.timeout(10):
            while (await self.row(run_id)).bundle_kept:
                await asyncio.sleep(0.02)

    async def prepared(self, event: RequestApproved | None = None) -> UUID:
        run_id = await self.approve(event)
        run = await self.until(run_id, RunStatus.PREPARED, RunStatus.FAILED, RunStatus.CANCELLED)
        assert run.status is RunStatus.PREPARED, run.reason
        return run_id

    async def key_destroyed(self, request_id: UUID) -> bool:
        async with self.client.app.state.db.reading() as session:
            key = await session.get(RequestKey, request_id)
        return key is not None and key.wrapped is None and key.destroyed_at is not None

    async def said(self, *types: type[E]) -> list[E]:
        """Everything of these types that this service said, in order."""
        async with self.client.app.state.db.reading() as session:
            return await said(session, *types)

    async def finished(self) -> list[RunFinished]:
        return [event for event in await self.said(RunFinished) if isinstance(event, RunFinished)]


async def said(session: Session, *types: type[E]) -> list[E]:
    table = session.info["db"].tables.outbox
    rows = (await session.execute(table.select().order_by(table.c.id))).mappings().all()
    events = [Envelope.parse(row["body"].encode()).event() for row in rows]
    return [event for event in events if isinstance(event, types)]
