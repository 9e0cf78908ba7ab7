"""The embedded suite with people in it, a shared dataset and a live method that does nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import httpx

from deploy.demo import people
from deploy.demo.papers import REVIEW
from deploy.demo.people import Person
from deploy.running import ROOT, Embedded
from deploy.tokens import mint
from tests.bench import nothing
from tests.bench.figures import Bench
from tests.bench.scene import REASON, bare_sqlite
from tests.bench.suite import COUNTS_PATH

PAUSE = 0.03  # who asks more often takes the suite's time from what is waited for
PATIENCE = 300
TITLE = {"ko": "소득", "en": "Income"}
COLUMNS: list[dict[str, Any]] = [
    {"name": "person_no", "type": "string", "role": "key", "key_domain": "person", "nullable": False},
    {"name": "wages", "type": "integer", "role": "measure", "unit": "KRW"},
]
PERSONS = 1000


@dataclass
class House:
    """The suite and who calls it, each in its own name."""

    suite: Embedded
    http: httpx.AsyncClient
    dataset: str = ""
    tokens: dict[Person, str] = field(default_factory=dict)

    def headers(self, who: Person) -> dict[str, str]:
        if who not in self.tokens:
            self.tokens[who] = mint(self.suite.folder, who.roles, who.ministry, who.subject)
        return {"Authorization": f"Bearer {self.tokens[who]}"}

    async def call(self, who: Person, verb: str, path: str, **more: Any) -> Any:
        """The JSON of an answer; anything but success is an error."""
        headers = self.headers(who) | more.pop("headers", {})
        if verb == "POST":
            headers["Idempotency-Key"] = str(uuid4())
        answer = await self.http.request(verb, path, headers=headers, **more)
        if not answer.is_success:
            raise RuntimeError(f"{verb} {path} as {who.subject}: {answer.status_code} {answer.text[:500]}")
        return answer.json()

    async def wait(self, look: Callable[[], Awaitable[Any]], *, pause: float = PAUSE) -> Any:
        async with asyncio.timeout(PATIENCE):
            while not (found := await look()):
                await asyncio.sleep(pause)
        return found

    async def commits(self) -> int:
        """How many transactions all services together have written so far."""
        return int(sum((await self.http.get(COUNTS_PATH)).json().values()))

    async def register(self, columns: list[dict[str, Any]]) -> str:
        described = {
            "title": "소득",
            "description": "For the bench.",
            "legal_basis": "None: generated numbers.",
            "table": columns,
        }
        described |= {"sensitivity": "pseudonymised", "allowed_purposes": ["bench"]}
        return str((await self.call(people.LEE, "POST", "/catalog/datasets", json=described))["id"])

    async def published(self, dataset: str) -> bool:
        state = (await self.call(people.LEE, "GET", f"/catalog/datasets/{dataset}"))["state"]
        if state == "rejected":
            raise RuntimeError("the file was refused")
        return bool(state == "published")

    async def furnish(self) -> None:
        """Until a request can be submitted: a dataset is published, the method is live, and both are known."""
        self.dataset = await self.register(COLUMNS)
        rows = "\n".join(f"{number:06d},{number * 1000}" for number in range(PERSONS))
        await self.call(
            people.LEE, "PUT", f"/catalog/datasets/{self.dataset}/file", content=f"person_no,wages\n{rows}\n".encode(),
            headers={"Content-Type": "text/csv"},
        )  # fmt: skip
        await self.wait(lambda: self.published(self.dataset))
        path = f"/analysis/methods/{nothing.NAME}/1.0.0"
        await self.wait(self.announced)
        for reviewer in (people.YOON, people.LIM):
            await self.call(reviewer, "POST", f"{path}/reviews", json=REVIEW)
        await self.wait(self.ready)

    async def announced(self) -> bool:
        methods = (await self.call(people.YOON, "GET", "/analysis/methods"))["items"]
        return any(method["name"] == nothing.NAME for method in methods)

    def asked(self) -> dict[str, Any]:
        return {
            "title": "Bench", "purpose": "Measure what the platform itself takes.", "legal_basis": "Generated numbers",
            "method": {"name": nothing.NAME, "version": "1.0.0"}, "parameters": {},
            "inputs": {"income": {"dataset_id": self.dataset}}, "audience": {"kind": "members"},
        }  # fmt: skip

    async def ready(self) -> bool:
        answer = await self.http.post("/requests", json=self.asked(), headers=self.headers(people.KIM))
        return answer.status_code == 201


@asynccontextmanager
async def inhabited(bench: Bench) -> AsyncIterator[House]:
    folder = bench.folder / uuid4().hex
    suite = Embedded(folder)
    suite.suite.arguments = ["-m", "tests.bench.suite", "--folder", str(folder), "--port", str(suite.port)]
    suite.worker.arguments += ["--sandbox", "prefer"]
    suite.worker.environment = {"PYTHONPATH": f"{ROOT}:{nothing.install(folder / 'method')}"}
    bench.console.doing("the embedded suite is starting")
    try:
        await asyncio.to_thread(suite.start, lambda _: None)
        async with httpx.AsyncClient(base_url=suite.url, timeout=PATIENCE, trust_env=False) as http:
            house = House(suite, http)
            await house.furnish()
            yield house
    finally:
        await asyncio.to_thread(suite.stop)


async def bare_commits(path: Path, count: int) -> list[float]:
    """How long each of some commits takes that write one row by the driver alone, on the same disk."""
    took = []
    async with bare_sqlite(path) as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS bare (id INTEGER PRIMARY KEY, body TEXT NOT NULL)")
        for _ in range(count):
            began = time.perf_counter()
            await connection.execute("BEGIN IMMEDIATE")
            await connection.execute("INSERT INTO bare (body) VALUES (?)", (REASON,))
            await connection.execute("COMMIT")
            took.append(time.perf_counter() - began)
    return took


async def typical_commit(path: Path, count: int = 50) -> float:
    return median(await bare_commits(path, count))
