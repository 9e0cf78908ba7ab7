"""A service under pressure, over real connections: who has left, who asks too much, who sends too slowly."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, text

from shared import problems, server
from shared.admission import Admission, AdmissionMiddleware, Bound, Call, current_call
from shared.audit import record_audit
from shared.auth import Jwks, TokenVerifier
from shared.db import Database
from shared.errors import Forbidden
from shared.http import Caller, OptionalCaller, Reading, Route, Transaction
from shared.keys import KeyPair
from shared.metrics import Metrics
from shared.presence import Pace
from shared.refusals import Refusals
from shared.telemetry import TraceMiddleware
from tests.conftest import MEMBERS, let_join
from tests.waiting import PATIENCE, eventually


class NoteIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    marks: list[str] = []


@dataclass
class Desk:
    """The service on its port, and what its slow operations have done so far."""

    db: Database
    admission: Admission
    port: int = 0
    reached: list[str] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    calls: list[Call] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def step(self, name: str) -> None:
        """Say how far it has come, and wait until the test lets it go on."""
        call = current_call()
        assert call is not None
        self.calls.append(call)
        self.reached.append(name)
        await self.go_on.wait()

    def router(self) -> APIRouter:
        router = APIRouter(route_class=Route)

        @router.get("/read")
        async def read(session: Reading, caller: Caller) -> int:
            await session.execute(text("SELECT 1"))
            await self.step("first statement")
            await session.execute(text("SELECT 2"))
            self.reached.append("second statement")
            return 2

        @router.post("/write", status_code=201)
        async def write(session: Transaction, caller: Caller) -> int:
            await record_audit(session, "notes.begin", "note")
            await self.step("begun")
            await record_audit(session, "notes.end", "note")
            return (await session.execute(text("SELECT 2"))).scalar_one()

        @router.post("/refuse")
        async def refuse(caller: Caller) -> None:
            await self.step("about to refuse")
            raise Forbidden(right="steward")

        @router.post("/notes", status_code=201)
        async def add(data: NoteIn, caller: Caller) -> str:
            self.reached.append("added")
            return data.name

        @router.get("/open")
        async def open_to_all(caller: OptionalCaller) -> str:
            await self.step("open")
            return "seen"

        return router

    def app(self, jwks: Path) -> FastAPI:
        class Settings:
            public_url = "https://dure.test"
            body_limit, body_values, body_members, body_depth = 2 * 1024 * 1024, 40_000, 10_000, 50

        app = FastAPI()
        app.state.db, app.state.settings, app.state.refusals = self.db, Settings, Refusals(self.db)
        app.state.verifier = TokenVerifier(Jwks(str(jwks)), "https://idp.test", "dure")
        app.include_router(self.router())
        problems.install(app)
        app.add_middleware(AdmissionMiddleware, admission=self.admission, refuse=problems.on_problem)
        app.add_middleware(TraceMiddleware, service="catalog", metrics=Metrics("catalog"))
        return app

    async def until(self, name: str, times: int = 1) -> None:
        async def look() -> bool:
            return self.reached.count(name) >= times

        await eventually(look)

    async def hang_up(self, writer: asyncio.StreamWriter) -> None:
        """Close the connection of the call that was the last to reach a step, and wait until the server knows."""
        writer.transport.abort()

        async def known() -> bool:
            return self.calls[-1].presence.left

        await eventually(known)

    async def emptied(self) -> None:
        async def look() -> bool:
            return self.admission.calls.total == 0

        await eventually(look)

    async def waiting(self, count: int) -> None:
        """Until so many wait for a connection."""

        async def look() -> bool:
            return sum(len(queue) for queue in self.db.turns.waiting.values()) == count

        await eventually(look)

    async def deeds(self, outcome: str) -> list[str]:
        audit = self.db.tables.audit
        async with self.db.reading() as session:
            asked = select(audit.c.action).where(audit.c.outcome == outcome).order_by(audit.c.id)
            return list((await session.execute(asked)).scalars())

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that stays open until the test ends it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        return reader, writer

    async def raw(self, head: str, token: str = "") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection on which the head of a request has been sent."""
        reader, writer = await self.connect()
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""
        writer.write(f"{head}\r\nHost: x\r\n{bearer}\r\n".encode())
        await writer.drain()
        return reader, writer


Tokens = Callable[..., str]


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[int]:
    config = uvicorn.Config(app, port=0, http=server.Protocol, lifespan="off", log_level="error", timeout_graceful_shutdown=1)
    program = uvicorn.Server(config)
    serving = asyncio.create_task(program.serve())
    while not program.started:
        await asyncio.sleep(0.01)
    try:
        yield program.servers[0].sockets[0].getsockname()[1]
    finally:
        program.should_exit = True
        await serving


@pytest.fixture
def start(db: Database, identity: KeyPair) -> Any:
    @asynccontextmanager
    async def start(calls: int = 100, each: int = 50, pace: Pace = Pace()) -> AsyncIterator[tuple[Desk, httpx.AsyncClient]]:
        await let_join(db, MEMBERS)
        admission = Admission(Bound(calls, each), Bound(10, 10), 10, pace)
        desk = Desk(db, admission)
        async with served(desk.app(identity.jwks_path)) as desk.port:
            url = f"http://127.0.0.1:{desk.port}"
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE) as client:
                try:
                    yield desk, client
                finally:
                    desk.go_on.set()
                    for writer in desk.writers:
                        writer.close()
        assert (admission.calls.total, admission.calls.by_subject) == (0, {}), "nobody is counted who has gone"

    return start


# Who has left


async def test_a_read_ends_between_statements_when_its_caller_has_left(start: Any, tokens: Tokens) -> None:
    async with start() as (desk, _):
        _, writer = await desk.raw("GET /read HTTP/1.1", tokens("steward", "nts"))
        await desk.until("first statement")
        await desk.hang_up(writer)
        desk.go_on.set()
        await desk.emptied()
    assert desk.reached == ["first statement"]


async def test_a_write_that_has_begun_ends_and_is_audited(start: Any, tokens: Tokens) -> None:
    async with start() as (desk, _):
        _, writer = await desk.raw("POST /write HTTP/1.1", tokens("steward", "nts"))
        await desk.until("begun")
        await desk.hang_up(writer)
        desk.go_on.set()
        await desk.emptied()
        assert await desk.deeds("done") == ["notes.begin", "notes.end"]


async def test_a_refused_attempt_is_a_row_though_its_caller_has_left(start: Any, tokens: Tokens) -> None:
    async with start() as (desk, _):
        _, writer = await desk.raw("POST /refuse HTTP/1.1", tokens("steward", "nts"))
        await desk.until("about to refuse")
        await desk.hang_up(writer)
        desk.go_on.set()
        await desk.emptied()
        assert await desk.deeds("refused") == ["catalog.refuse"]


async def test_who_hangs_up_while_waiting_for_a_connection_is_not_worked_for(start: Any, tokens: Tokens) -> None:
    """Every connection that callers may have is in use: those who wait are gone as soon as they hang up."""
    async with start() as (desk, client):
        busy = desk.db.turns.each
        token = tokens("steward", "nts", subject="many")
        for _ in range(busy):
            await desk.raw("GET /read HTTP/1.1", token)
        await desk.until("first statement", busy)
        writers = [(await desk.raw("GET /read HTTP/1.1", token))[1] for _ in range(10)]
        await desk.waiting(10)
        for writer in writers:
            writer.transport.abort()
        await desk.waiting(0)
        assert desk.admission.calls.by_subject == {"many": busy}
        other = asyncio.create_task(client.get("/read", headers=bearer(tokens("steward", "mohw"))))
        await desk.until("first statement", busy + 1)
        desk.go_on.set()
        assert (await other).status_code == 200
    assert desk.reached.count("first statement") == busy + 1


# Who asks too much


async def test_calls_of_one_subject_are_bounded_and_others_are_answered(start: Any, tokens: Tokens) -> None:
    async with start(each=2) as (desk, client):
        many = bearer(tokens("steward", "nts", subject="many"))
        open_ones = [asyncio.create_task(client.get("/open", headers=many)) for _ in range(2)]
        await desk.until("open", 2)
        refused = await client.get("/open", headers=many)
        assert (refused.status_code, refused.headers["content-type"]) == (429, problems.PROBLEM)
        assert int(refused.headers["retry-after"]) > 0
        other = asyncio.create_task(client.get("/open", headers=bearer(tokens("steward", "mohw"))))
        await desk.until("open", 3)
        desk.go_on.set()
        assert [(await each).status_code for each in (*open_ones, other)] == [200, 200, 200]
        assert (await client.get("/open", headers=many)).status_code == 200


async def test_strangers_of_one_address_are_one_caller(start: Any, tokens: Tokens) -> None:
    async with start(each=1) as (desk, client):
        first = asyncio.create_task(client.get("/open"))
        await desk.until("open")
        assert (await client.get("/open")).status_code == 429
        known = asyncio.create_task(client.get("/open", headers=bearer(tokens("steward", "mohw"))))
        await desk.until("open", 2)
        desk.go_on.set()
        assert [(await each).status_code for each in (first, known)] == [200, 200]


async def test_all_calls_together_are_bounded_and_probes_are_not(start: Any, tokens: Tokens) -> None:
    async with start(calls=1) as (desk, client):
        first = asyncio.create_task(client.get("/open"))
        await desk.until("open")
        refused = await client.get("/open", headers=bearer(tokens("steward", "nts")))
        assert (refused.status_code, refused.headers["content-type"]) == (503, problems.PROBLEM)
        assert int(refused.headers["retry-after"]) > 0
        for probe in ("/catalog/healthz", "/catalog/readyz"):
            assert (await client.get(probe)).status_code == 404, "this service has none, but it is asked"
        desk.go_on.set()
        assert (await first).status_code == 200


# What is read before the token


@pytest.mark.parametrize(("token", "status"), [("", 401), ("not-a-token", 401)])
async def test_who_may_not_call_is_refused_before_the_body_is_sent(start: Any, tokens: Tokens, token: str, status: int) -> None:
    async with start() as (desk, _):
        head = "POST /notes HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2000000"
        reader, writer = await desk.raw(head, token)
        async with asyncio.timeout(PATIENCE):
            line = await reader.readline()
        assert int(line.split()[1]) == status, "nothing of the body was sent"
        writer.close()


@pytest.mark.parametrize(
    ("body", "status", "code", "place"),
    [
        ({f"k{n}": n for n in range(120_000)}, 422, "too-many-values", "#"),
        ({"name": "a", "marks": [1] * 300_000}, 422, "too-many-members", "#/marks"),
        ({"name": "a", "marks": [{"a": 1, "b": 2, "c": 3, "d": 4}] * 9000, "x": 1}, 422, "too-many-values", "#/marks"),
        ({f"k{n}": n for n in range(10_001)}, 422, "too-many-members", "#"),
        ({"name": "a", "marks": ["b"] * 10_001}, 422, "too-many-members", "#/marks"),
        ({"name": json.loads("[" * 60 + "]" * 60)}, 400, "too-deep", "#"),
    ],
)
async def test_a_body_that_holds_too_much_is_refused_before_it_is_validated(
    start: Any, tokens: Tokens, body: Any, status: int, code: str, place: str
) -> None:
    async with start() as (desk, client):
        answer = await client.post("/notes", json=body, headers=bearer(tokens("steward", "nts")))
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["code"], error["pointer"]) == (status, code, place)
        assert desk.reached == []


async def test_commas_and_brackets_in_texts_do_not_count(start: Any, tokens: Tokens) -> None:
    async with start() as (_, client):
        text = ',[{"\\' * 100_000
        answer = await client.post("/notes", json={"name": text}, headers=bearer(tokens("steward", "nts")))
        assert (answer.status_code, answer.json()) == (201, text)


@pytest.mark.parametrize("faults", [99, 9000])
async def test_an_answer_lists_a_hundred_faults_at_most(
    start: Any, tokens: Tokens, faults: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    described: list[int] = []
    on_invalid = problems.on_invalid

    async def noting(request: Any, error: Any) -> Any:
        described.append(len(error.errors()))
        return await on_invalid(request, error)

    monkeypatch.setattr(problems, "on_invalid", noting)
    async with start() as (_, client):
        body = {"name": "a", "marks": [1] * faults}
        answer = await client.post("/notes", json=body, headers=bearer(tokens("steward", "nts")))
        assert (answer.status_code, len(answer.json()["errors"])) == (422, min(faults, 100))
        assert answer.json()["errors"][98]["pointer"] == "#/marks/98"
    assert described == [min(faults, 100)], "the others were not even made"


# Who sends too slowly


async def test_a_body_that_pauses_ends_the_call(start: Any, tokens: Tokens) -> None:
    async with start(pace=Pace(pause=0.05)) as (desk, _):
        head = "POST /notes HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100"
        reader, _ = await desk.raw(head, tokens("steward", "nts"))
        async with asyncio.timeout(PATIENCE):
            answer = await reader.read()  # to the end: the connection is closed
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"too-slow" in answer


async def test_a_body_that_drips_ends_the_call(start: Any, tokens: Tokens) -> None:
    """Never a pause, but as much as this takes too long on the whole."""
    async with start(pace=Pace(pause=0.2, rate=1e6)) as (desk, _):
        head = "POST /notes HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1000000"
        _, writer = await desk.raw(head, tokens("steward", "nts"))
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(PATIENCE):
                while True:
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.01)
        await desk.emptied()


@pytest.mark.parametrize("sent", ["", "GET /open HTTP/1.1\r\nHost: x\r\nX-a: ", "\r\n"])
async def test_a_connection_without_a_whole_request_ends(start: Any, sent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEADERS_WITHIN", 0.05)
    async with start() as (desk, client):
        desk.go_on.set()
        assert (await client.get("/open")).status_code == 200
        reader, writer = await desk.connect()
        writer.write(sent.encode())
        async with asyncio.timeout(PATIENCE):
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")


async def test_after_an_answer_the_next_request_has_to_come_whole_too(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEADERS_WITHIN", 0.1)
    async with start() as (desk, _):
        desk.go_on.set()
        reader, writer = await desk.raw("GET /open HTTP/1.1")
        async with asyncio.timeout(PATIENCE):
            await reader.readuntil(b'"seen"')
            writer.write(b"GET /op")
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")


async def test_who_goes_on_sending_what_nobody_reads_is_cut_off(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REST_WITHIN", 0.1)
    async with start() as (desk, _):
        reader, writer = await desk.raw("POST /notes HTTP/1.1\r\nContent-Length: 1000000")
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(ConnectionError):
                assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
                while True:
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.01)


async def test_one_connection_more_than_there_may_be_is_turned_away(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "most_connections", lambda: 1)
    async with start() as (desk, client):
        desk.go_on.set()
        assert (await client.get("/open")).status_code == 200
        reader, _ = await desk.connect()
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(ConnectionError):
                assert await reader.read() == b"", "closed at once"
                raise ConnectionError
        assert (await client.get("/open")).status_code == 200


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
