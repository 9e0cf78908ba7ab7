"""The analysis service as a program of its own over a private broker, with real workers: whatever is killed comes back."""

import asyncio
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import func
from sqlmodel import col, select

from deploy.installation import settings
from deploy.running import ROOT, Program, as_text, free_port, wait_ready
from deploy.tokens import mint
from services.analysis.models import ENDED, PLUMBING, Base, Run, RunArtefact, RunStatus
from shared.audit_verify import Report, verify
from shared.bus import Incoming
from shared.clock import now
from shared.contracts import (
    ApprovedInput,
    Audience,
    AudienceKind,
    Column,
    Envelope,
    MethodRef,
    RequestApproved,
    RequestBrief,
    RunFinished,
    RunQueued,
    StoredObject,
)
from shared.db import Database
from shared.ids import new_id
from shared.keys import MacKey, SigningKey
from shared.rabbit import RabbitBus
from shared.storage import Storage
from shared.topology import LISTENERS
from tests.conftest import MEMBERS, let_join
from tests.faults.broker import Broker

MINISTRIES = ("mohw", "moel", "nts", "motie", "kostat")
PATIENCE = 600
PEOPLE = "person_no,wages\n" + "".join(f"P{number:04d},{number * 1000}\n" for number in range(40))
TABLE = (
    Column(name="person_no", type="string", role="key", key_domain="person"),
    Column(name="wages", type="integer", role="measure"),
)
METHOD = '''
"""Does nothing, or sleeps for as long as it is told."""

import os, time
from services.analysis.worker.sdk import Outputs
from shared.contracts import MethodCard

def text(words): return {"ko": words, "en": words}

CARD = MethodCard.model_validate({
    "name": "idle", "version": "1.0.0", "title": text("idle"), "purpose": "Takes no time.", "owner": "kostat",
    "inputs": [{"name": "income", "title": text("income"), "columns": [
        {"name": "person_no", "type": "string", "role": "key", "key_domain": "person"}, {"name": "wages", "type": "integer"},
    ]}],
    "linkage": {"key_domain": "person", "base": "income"}, "parameters": {"type": "object"},
    "outputs": [{"name": "counts", "kind": "table", "title": text("counts")}],
})
COLUMNS = [{"name": "year", "title": text("year"), "kind": "dimension"}, {"name": "n", "title": text("n"), "kind": "count"}]

def run(bundle, report):
    if "sleep" in bundle.parameters:
        report(0.1, "pid " + " ".join(str(os.getpid())))  # five digits together could be somebody's data
        time.sleep(bundle.parameters["sleep"])
    rows = [[2014, len(bundle.columns()["pseudonym"])]]
    return Outputs({"counts": {"name": "counts", "title": text("counts"), "columns": COLUMNS, "rows": rows, "notes": None}})
'''


def install(folder: Path) -> Path:
    about = folder / "idle-1.0.0.dist-info"
    about.mkdir(parents=True)
    (folder / "idle.py").write_text(METHOD)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: idle\nVersion: 1.0.0\n")
    (about / "entry_points.txt").write_text("[dure.methods]\nidle = idle\n")
    return folder


@dataclass
class Centre:
    """Programs on a database of the test's own. What the service says is heard by real listeners, here."""

    folder: Path
    database_url: str
    broker: Broker
    more: dict[str, Any] = field(default_factory=dict)
    count: int = 4
    cards: Path | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        port, values = free_port(), settings(self.folder, "http://127.0.0.1")["analysis"]
        values |= {"database_url": self.database_url, "amqp_url": self.broker.url, "log_level": "warning", **self.more}
        environment = {f"ANALYSIS_{name.upper()}": as_text(value) for name, value in values.items()}
        arguments = ["-m", "uvicorn", "--factory", "services.analysis.app:main", "--port", str(port), "--no-access-log"]
        self.url = f"http://127.0.0.1:{port}"
        self.service = Program("analysis", arguments, self.folder / "analysis.log", environment)
        token = self.folder / "token"
        token.write_text(mint(self.folder, "worker", "mois", "stock-worker"))
        paths = os.pathsep.join([str(ROOT), str(install(self.folder / "methods"))])
        arguments = ["-m", "services.analysis.worker", "--url", self.url, "--token-file", str(token), "--sandbox", "prefer"]
        arguments += ["--methods", "idle", "--cache", str(self.cards or self.folder / "cards")]
        self.workers = [
            Program(
                f"worker {n}", [*arguments, "--scratch", str(self.folder / "scratch")], self.folder / f"worker{n}.log",
                {"PYTHONPATH": paths},
            )
            for n in range(self.count)
        ]  # fmt: skip
        self.storage = Storage((self.folder / "objects").as_uri())
        self.db = Database(self.database_url, Base.metadata, PLUMBING, "analysis")
        self.heard: dict[UUID, set[UUID]] = defaultdict(set)
        self.buses = [self.listener(service) for service in ("requests", "results")]
        self.method: MethodRef | None = None

    def listener(self, service: str) -> RabbitBus:
        bus = RabbitBus(self.broker.url, service)

        async def receive(batch: Sequence[Incoming]) -> None:
            for incoming in batch:
                event = (envelope := Envelope.parse(incoming.body)).event()
                if isinstance(event, RunFinished) and service == "results":
                    self.heard[event.run_id].add(envelope.id)

        bus.subscribe(service, LISTENERS[service], receive)
        return bus

    # Programs

    async def start(self) -> None:
        await asyncio.to_thread(self.broker.start)
        self.service.start()
        await self.ready()
        await let_join(self.db, MEMBERS)
        for bus in self.buses:
            await bus.start()
        for worker in self.workers:
            worker.start()
        await self.go_live()

    async def ready(self) -> None:
        await asyncio.to_thread(wait_ready, self.service, f"{self.url}/analysis/readyz", tell=lambda _: None)

    async def stop(self) -> None:
        for bus in self.buses:
            await bus.close()
        for program in (*self.workers, self.service):
            await asyncio.to_thread(program.stop)
        await self.db.close()
        await asyncio.to_thread(self.broker.stop)

    async def strike(self, name: str) -> None:
        """kill -9, and start again: `service`, `broker`, or a worker by its number."""
        if name == "broker":
            await asyncio.to_thread(self.broker.kill)
            await asyncio.to_thread(self.broker.start)
            return
        program = self.service if name == "service" else self.workers[int(name)]
        await asyncio.to_thread(program.kill)
        program.start()

    # People

    def headers(self, role: str, ministry: str = "mois") -> dict[str, str]:
        return {"Authorization": f"Bearer {mint(self.folder, role, ministry)}"}

    async def call(self, verb: str, path: str, role: str, ministry: str = "mois", **more: Any) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=60) as client:
            return await client.request(verb, path, headers=self.headers(role, ministry), **more)

    async def go_live(self) -> None:
        path, card = "/analysis/methods/idle/1.0.0", None
        async with asyncio.timeout(PATIENCE):
            while card is None:
                answer = await self.call("GET", path, "method-reviewer")
                card = answer.json() if answer.status_code == 200 else None
                for program in (self.service, *self.workers):
                    assert program.ended is None, program.tail()
                await asyncio.sleep(0.1)
        for ministry in ("msit", "moel"):
            body = {"verdict": "approve", "reason": "It does nothing."}
            answer = await self.call("POST", f"{path}/reviews", "method-reviewer", ministry, json=body)
            assert answer.status_code == 201, answer.text
        self.method = MethodRef(name="idle", version="1.0.0", digest=card["digest"])

    # Requests

    async def approvals(self, count: int, **parameters: Any) -> list[RequestApproved]:
        stored = await self.storage.put_bytes(PEOPLE.encode(), "text/csv")
        assert stored.sha256 == hashlib.sha256(PEOPLE.encode()).hexdigest()
        return [self.approval(stored, MINISTRIES[number % len(MINISTRIES)], parameters) for number in range(count)]

    def approval(self, stored: StoredObject, ministry: str, parameters: dict[str, Any]) -> RequestApproved:
        assert self.method is not None
        given = ApprovedInput(
            role="income", dataset_id=uuid4(), dataset_version=1, ministry="nts", object=stored, table=TABLE,
            columns={column.name: column.name for column in TABLE},
        )  # fmt: skip
        brief = RequestBrief(
            request_id=uuid4(), title="Idle", purpose="None.", ministry=ministry, requester="kim",
            audience=Audience(kind=AudienceKind.MEMBERS), dataset_ids=(given.dataset_id,), owners=("nts",),
        )  # fmt: skip
        return RequestApproved(brief=brief, method=self.method, parameters=parameters, inputs=(given,), rules_version="1")

    async def approve(self, events: Sequence[RequestApproved], *, together: int = 25) -> None:
        """Said until the broker has confirmed it, as an outbox would; what was not confirmed may be said twice."""
        bus = self.buses[0]
        waiting = [envelope(event) for event in events]
        while waiting:
            batch, waiting = waiting[:together], waiting[together:]
            outcomes = await bus.publish(batch)
            waiting += [said for said, outcome in zip(batch, outcomes, strict=True) if outcome is not None]
            if any(outcomes):
                await asyncio.sleep(0.5)

    # What is true

    async def ended(self) -> int:
        async with self.db.reading() as session:
            return (await session.exec(select(func.count()).select_from(Run).where(col(Run.status).in_(ENDED)))).one()

    async def until_ended(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while await self.ended() < count:
                await asyncio.sleep(0.2)

    async def until_heard(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.heard) < count:
                await asyncio.sleep(0.2)

    async def runs(self) -> list[Run]:
        async with self.db.reading() as session:
            return list((await session.exec(select(Run).order_by(col(Run.id)))).all())

    async def audited(self, deed: str) -> Counter[str]:
        """How often this was done to each."""
        audit = PLUMBING.audit
        async with self.db.reading() as session:
            query = select(audit.c.subject).where(audit.c.action == deed, audit.c.outcome == "done")
            return Counter((await session.execute(query)).scalars())

    async def said(self, kind: type[RunFinished] | type[RunQueued]) -> Counter[str]:
        outbox = PLUMBING.outbox
        async with self.db.reading() as session:
            query = select(outbox.c.subject).where(outbox.c.type == kind.type)
            return Counter((await session.execute(query)).scalars())

    async def accepted(self) -> Counter[UUID]:
        """How many outputs of its accepted attempt each run has."""
        mine = (col(RunArtefact.run_id) == col(Run.id)) & (col(RunArtefact.fence) == col(Run.worker_fence))
        async with self.db.reading() as session:
            query = select(Run.id).join(RunArtefact, mine).where(Run.status == RunStatus.SUCCEEDED)
            return Counter((await session.exec(query)).all())

    async def chain(self) -> Report:
        """How many rows of the audit are sealed, and what is wrong with them."""
        mac_key = MacKey.load(self.folder / "audit.mac")
        return await verify(self.db, SigningKey.load(self.folder / "audit.pem").verify_key, mac_key=mac_key)


def process_of(run: Run) -> int:
    """The process in which the method of a run sleeps, as it told."""
    return int(run.message.removeprefix("pid ").replace(" ", ""))


def envelope(event: RequestApproved) -> Envelope:
    return Envelope(
        id=new_id(), source="/requests", type=event.type, subject=event.subject, time=now(),
        dataschema=Envelope.schema_url(event.type), sequence=1, data=event.model_dump(mode="json"),
    )  # fmt: skip
