"""A running results service, and results in every state."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlmodel import select

from services.results.models import Result, Status
from services.results.vault import new_key
from shared.contracts import Artefact, Envelope, RunFinished
from shared.storage import Storage
from tests.results.build import brief, finished, outputs
from tests.waiting import PATIENCE

APPROVE = {"approve": True, "reason": "All counts are large enough."}
# Two checkers are of two bodies.
BODY_OF = {"kim": "mois", "lee": "moel"}
REJECT = {"approve": False, "reason": "The notes do not name the sample."}


@dataclass
class House:
    """The service under test, with what the other services would say to it."""

    client: Any
    headers: Callable[..., dict[str, str]]
    say: Callable[..., Awaitable[Envelope]]

    @property
    def storage(self) -> Storage:
        storage: Storage = self.client.app.state.storage
        return storage

    async def results(self, **where: Any) -> list[Result]:
        async with self.client.app.state.db.reading() as session:
            return list((await session.exec(select(Result).filter_by(**where))).all())

    async def result(self, **where: Any) -> Result:
        """The only such result."""
        (result,) = await self.results(**where)
        return result

    async def until(self, status: Status, **where: Any) -> Result:
        """The result once it stands so, however often one has to look."""
        async with asyncio.timeout(PATIENCE):
            while True:
                await self.client.settle()
                found = await self.results(**where)
                if found and found[0].status is status:
                    return found[0]
                await asyncio.sleep(0.02)

    async def finish(self, event: RunFinished) -> Envelope:
        return await self.say(event)

    async def held(self, artefacts: tuple[Artefact, ...] | None = None, **of_brief: Any) -> Result:
        event = finished(artefacts if artefacts is not None else await outputs(self.storage), brief=brief(**of_brief))
        await self.say(event)
        return await self.until(Status.HELD, run_id=event.run_id)

    async def vote(self, result_id: UUID, who: str, body: dict[str, Any] = APPROVE, **kwargs: Any) -> httpx.Response:
        body_of = kwargs.pop("ministry", BODY_OF.get(who, "mois"))
        headers = self.headers("output-checker", body_of, subject=who) | kwargs.pop("headers", {})
        response: httpx.Response = await self.client.post(f"/results/{result_id}/votes", json=body, headers=headers)
        return response

    async def released(self, artefacts: tuple[Artefact, ...] | None = None, **of_brief: Any) -> Result:
        result = await self.held(artefacts, **of_brief)
        assert (await self.vote(result.id, "kim")).status_code == 201
        assert (await self.vote(result.id, "lee", ministry="moel")).status_code == 201
        return await self.result(id=result.id)

    async def get(self, path: str, *caller: str, subject: str | None = None, **kwargs: Any) -> httpx.Response:
        headers = self.headers(*caller, subject=subject) if caller else {}
        response: httpx.Response = await self.client.get(path, headers=headers | kwargs.pop("headers", {}), **kwargs)
        return response

    async def audit(self, deed: str) -> list[dict[str, Any]]:
        table = self.client.app.state.db.tables.audit
        async with self.client.app.state.db.reading() as session:
            rows = (await session.execute(table.select().where(table.c.action == deed).order_by(table.c.id))).mappings().all()
        return [dict(row) for row in rows]

    async def said(self, event_type: str) -> list[Envelope]:
        """What this service told the others."""
        table = self.client.app.state.db.tables.outbox
        async with self.client.app.state.db.reading() as session:
            rows = (await session.execute(table.select().where(table.c.type == event_type).order_by(table.c.id))).mappings().all()
        return [Envelope.parse(row["body"].encode()) for row in rows]


@pytest.fixture
async def house(
    serve: Callable[..., Awaitable[Any]], headers: Callable[..., dict[str, str]], say: Callable[..., Awaitable[Envelope]]
) -> AsyncIterator[House]:
    client = await serve("results", secret_keys=[new_key()], webhook_private=True, idle_seconds=0.1)
    yield House(client, headers, say)
