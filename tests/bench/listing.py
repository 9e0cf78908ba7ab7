"""A list of fifty requests over HTTP: its CPU, beside one bare SELECT of the columns that it shows and one pydantic dump."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from pydantic import TypeAdapter
from sqlalchemy import select
from sqlmodel import col

from deploy import embedded
from deploy.demo import people
from deploy.tokens import mint
from services.requests.models import AnalysisRequest, Status
from services.requests.schemas import RequestSummary
from shared.db import Database
from shared.members import keep_member
from tests.bench.figures import Bench, Figure, at_most, milliseconds
from tests.requests.examples import INCOME_ID, make_request

ROWS = 50
CALLS = 20
GOAL = 0.010  # seconds of CPU
PATH = f"/requests?limit={ROWS}"
SHOWN = (
    "id", "version", "status", "title", "ministry", "method_name", "method_version", "method_digest", "revision", "created_at",
    "since", "decide_by",
)  # fmt: skip


@dataclass(frozen=True)
class Caller:
    """Calls an app as a server does, without the cost of a client."""

    app: FastAPI
    token: str

    async def get(self, path: str) -> bytes:
        """The body of the answer; anything but 200 is an error."""
        path, _, query = path.partition("?")
        headers = [(b"authorization", f"Bearer {self.token}".encode())]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
            "raw_path": path.encode(), "root_path": "", "query_string": query.encode(), "headers": headers,
            "server": ("bench", 80), "client": ("127.0.0.1", 1),
        }  # fmt: skip
        answer, gone = Answer(), asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not answer.asked:
                answer.asked = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            answer.status = message.get("status", answer.status)
            answer.body += message.get("body", b"")

        await self.app(scope, receive, send)
        if answer.status != 200:
            raise RuntimeError(f"{path} was answered with {answer.status}: {bytes(answer.body[:300])!r}")
        return bytes(answer.body)


@dataclass
class Answer:
    asked: bool = False
    status: int = 0
    body: bytearray = field(default_factory=bytearray)


@asynccontextmanager
async def requests_service(folder: Path) -> AsyncIterator[tuple[Caller, Database]]:
    """The service alone in this process, with some requests in every stage: decided, voted on, and neither."""
    app = embedded.build(folder, "http://bench")["requests"]
    async with app.router.lifespan_context(app):
        db: Database = app.state.db
        async with db.transaction() as session:
            for code in ("mohw", "nts", "molit", "moel", "moe", "msit"):
                await keep_member(session, code, 1)
            for number in range(2 * ROWS):
                session.add(one_of_many(number))
        yield Caller(app, mint(folder, people.KIM.roles, people.KIM.ministry, people.KIM.subject)), db


def one_of_many(number: int) -> AnalysisRequest:
    match number % 3:
        case 0:
            return make_request()
        case 1:
            return make_request(decided=(INCOME_ID,))
        case _:
            return make_request(Status.COUNCIL_REVIEW, voted={"moel": "approve", "moe": "approve"})


async def cpu(work: Callable[[], Awaitable[object]]) -> float:
    """Seconds of this process's CPU that one call takes, the driver's thread included."""
    began = time.process_time()
    for _ in range(CALLS):
        await work()
    return (time.process_time() - began) / CALLS


async def measure_list(bench: Bench) -> list[Figure]:
    folder = bench.folder / uuid4().hex
    folder.mkdir(mode=0o700)
    async with requests_service(folder) as (caller, db):
        answer = TypeAdapter(list[RequestSummary])
        columns = select(*(getattr(AnalysisRequest, name) for name in SHOWN))
        bare = columns.order_by(col(AnalysisRequest.id).desc()).limit(ROWS)

        shown = answer.validate_python(json.loads(await caller.get(PATH))["items"])
        if len(shown) != ROWS:
            raise RuntimeError(f"a list has {len(shown)} requests")

        async def reference() -> None:
            async with db.reading() as session:
                (await session.execute(bare)).all()
            answer.dump_json(shown)

        mine, theirs = [], []
        for number in range(bench.size.short_rounds + 1):
            bench.console.doing(f"a list of {ROWS} requests, round {number} of {bench.size.short_rounds}")
            mine.append(await cpu(lambda: caller.get(PATH)))
            theirs.append(await cpu(reference))
    mine, theirs = mine[1:], theirs[1:]
    measured = f"{milliseconds(median(mine))} of CPU, HTTP and the token included"
    ratios = tuple(one / other for one, other in zip(mine, theirs, strict=True))
    return [
        Figure(
            f"a list of {ROWS} requests, to {GOAL * 1000:.0f} ms of CPU", measured, tuple(one / GOAL for one in mine), at_most(1)
        ),
        Figure(
            f"a list of {ROWS} requests, to one SELECT of its columns and one pydantic dump",
            f"{measured}; reference {milliseconds(median(theirs))}",
            ratios,
            at_most(7),
        ),
    ]
