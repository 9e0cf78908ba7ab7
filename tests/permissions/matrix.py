"""Calls every cell of a permission table: each with an id, a state and a body for which who is allowed gets 2xx."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import Table, func, insert, select

from deploy.permissions import BODIES, Row
from shared.auth import Role
from shared.clock import now
from shared.contracts import Envelope, LocalText, MinistryJoined
from shared.db import Database
from shared.ids import new_id
from shared.members import MISSING

MINISTRY = {"asker": "mohw", "owner": "nts", "other": "moel", "never": "zzz"}
REASON = {"reason": "검토한 결과에 따른 조치입니다."}
Headers = Callable[..., dict[str, str]]


@dataclass(frozen=True)
class Who:
    """A caller of one cell: a person of their own in each role of each body; without a role, one who has them all."""

    role: Role | None
    body: str

    @property
    def ministry(self) -> str:
        return MINISTRY[self.body]

    @property
    def subject(self) -> str:
        return f"{self.role or 'all'}.{self.body}"

    def __str__(self) -> str:
        return f"{self.role or 'whoever'}@{self.body}"


@dataclass(frozen=True)
class Call:
    """A request that is complete but for the token."""

    method: str
    path: str
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str | None = None


# Makes what is acted upon, for this caller: called once for all that are refused, and anew for each that is allowed.
Case = Callable[[Any, Who | None], Awaitable[Call]]


class Cases(dict[str, Case]):
    """The cases of one service by the names of its rows."""

    def on(self, *names: str) -> Callable[[Case], Case]:
        def register(case: Case) -> Case:
            for name in names:
                assert name not in self, name
                self[name] = case
            return case

        return register

    def get_(self, **paths: str) -> None:
        """Reads of what stands there already: the path may name attributes of the world."""
        for name, path in paths.items():
            self.on(name)(reading(path))


def reading(path: str) -> Case:
    async def case(world: Any, who: Who | None) -> Call:
        return Call("GET", path.format(w=world))

    return case


def common(service: str) -> Cases:
    """The operations that every service has."""
    cases = Cases()
    for name, path in (
        ("healthz", "healthz"), ("readyz", "readyz"), ("metrics", "metrics"), ("asyncapi", "asyncapi.json"),
        ("list_audit", "audit"), ("latest_checkpoint", "audit/checkpoint"),
        ("list_outbox", "ops/outbox"), ("list_inbox", "ops/inbox"),
    ):  # fmt: skip
        cases.on(name)(reading(f"/{service}/{path}"))

    @cases.on("replay_event")
    async def replay_event(world: Any, who: Who | None) -> Call:
        event = MinistryJoined(code="molg", name=LocalText(ko="법제처", en="Legislation"))
        envelope = Envelope(
            id=new_id(), source="/catalog", type=event.type, subject=event.subject, time=now(), sequence=1,
            dataschema=Envelope.schema_url(event.type), data=event.model_dump(mode="json"),
        )  # fmt: skip
        row = {
            "id": envelope.id, "source": envelope.source, "type": envelope.type, "subject": envelope.subject, "state": "dead",
            "body": envelope.model_dump_json(exclude_none=True), "received_at": now(), "last_error": "KeyError",
        }  # fmt: skip
        async with world.db.transaction() as session:
            await session.execute(insert(world.db.tables.inbox).values(**row))
        return Call("POST", f"/{service}/ops/inbox/{envelope.id}/replay")

    @cases.on("republish")
    async def republish(world: Any, who: Who | None) -> Call:
        return Call("POST", f"/{service}/ops/outbox/republish", {"since": "2998-01-01T00:00:00Z"})

    return cases


@dataclass
class World:
    """A service and what stands in it; `run_token` mints the token of a worker's attempt for a body."""

    client: Any
    headers: Headers

    @property
    def db(self) -> Database:
        db: Database = self.client.app.state.db
        return db

    async def run_token(self, call: Call, ministry: str) -> str:
        raise NotImplementedError

    def sees(self, who: Who) -> dict[str, str]:
        roles = str(who.role) if who.role else ",".join(Role)
        return self.headers(roles, who.ministry, subject=who.subject)

    async def send(self, call: Call, **token: str) -> httpx.Response:
        answer: httpx.Response = await self.client.request(
            call.method, call.path, json=call.json, content=call.content, headers={**call.headers, **token}
        )
        return answer

    async def quiet(self) -> None:
        """Wait until the service has nothing to do by itself."""
        await self.client.settle()

    async def contents(self) -> dict[str, Any]:
        """Everything in the database but what is noted of every refusal."""
        found: dict[str, Any] = {}
        async with self.db.reading() as session:
            for table in self.db.metadata.sorted_tables:
                if table.name in ("outbox", "inbox"):
                    found[table.name] = (await session.execute(select(func.count()).select_from(table))).scalar_one()
                elif not table.name.startswith(("audit", "idempotency", "worker_sighting")):
                    found[table.name] = (await session.execute(ordered(table))).all()
        return found


def ordered(table: Table) -> Any:
    return select(table).order_by(*table.primary_key.columns)


NEVER = Who(None, "never")


def callers(row: Row) -> Iterator[Who]:
    """Each role of each body, and one of a body that never joined who has every role, so that no role lets in."""
    if row.word != "open":
        for body in BODIES:
            yield from (Who(role, body) for role in Role)
    yield NEVER


async def mismatches(world: World, table: list[Row], cases: Cases, not_now: Mapping[str, str] | None = None) -> list[str]:
    """What was not answered as the table says, a sentence each.

    `not_now`: row -> who is refused by the state alone, since another state is theirs (409 is right then).
    """
    assert {row.name for row in table} == set(cases), "a case for each row"
    # Thousands of refusals are noted: the loops look when their time has come, not after each of them.
    world.db.on_commit = lambda: None
    found = []
    for row in table:
        found += [
            f"{row.name}: {what}"
            async for what in row_mismatches(world, row, cases[row.name])
            if not what.startswith(f"{(not_now or {}).get(row.name)} is refused by the table, but it is 409")
        ]
    return found


async def row_mismatches(world: World, row: Row, case: Case) -> Any:
    call = await case(world, None)
    allowed = [who for who in callers(row) if lets_in(row, who)]
    await world.quiet()
    before = await world.contents()
    for who in callers(row):
        if who not in allowed and (wrong := refusal(row, who, await world.send(call, **world.sees(who)))):
            yield f"{who} is refused by the table, but {wrong}"
    if row.word in (None, "run-token"):
        answer = await world.send(call)
        if answer.status_code not in (401, 404):  # 404: in another case it is for the public
            yield f"without a token it is {answer.status_code}"
    after = await world.contents()
    if changed := [name for name in after if after[name] != before[name]]:
        yield f"a call that was refused has changed something: {', '.join(changed)}"
    if row.word in ("public", "open") and (answer := await world.send(call)).status_code // 100 != 2:
        yield f"without a token it is {answer.status_code}: {answer.text[:200]}"
    if row.word == "run-token":
        stranger = await world.send(call, Authorization=f"Bearer {await world.run_token(call, MINISTRY['never'])}")
        if stranger.status_code != 403:
            yield f"a run token of a body that is no member is answered with {stranger.status_code}"
        answer = await world.send(call, Authorization=f"Bearer {await world.run_token(call, MINISTRY['owner'])}")
        if answer.status_code // 100 != 2:
            yield f"the run token is answered with {answer.status_code}: {answer.text[:300]}"
    for who in allowed:
        made = call if call.method == "GET" else await case(world, who)
        answer = await world.send(made, **world.sees(who))
        if answer.status_code // 100 != 2:
            yield f"{who} is let in by the table, but it is {answer.status_code}: {answer.text[:300]}"


def lets_in(row: Row, who: Who) -> bool:
    """A body that never joined is let in only where no token is looked at."""
    return row.word == "open" or (who.role is not None and row.allows(who.role, who.body))


def refusal(row: Row, who: Who, answer: httpx.Response) -> str | None:
    """What is wrong with a refusal, if something is: it names what is missing, or shows nothing; 401 for run tokens alone."""
    if row.word == "run-token":
        return None if answer.status_code == 401 else f"it is {answer.status_code}: {answer.text[:200]}"
    if answer.status_code not in (403, 404):
        return f"it is {answer.status_code}: {answer.text[:200]}"
    right = answer.json().get("right")
    if who.body == "never" and (answer.status_code, right) != (403, MISSING):
        return f"nothing is said of the missing membership: {answer.text[:200]}"
    return None if answer.status_code == 404 or right else "the missing right is not named"


async def sealed(world: World, service: str) -> None:
    """Wait until the audit has a checkpoint to show."""
    async with asyncio.timeout(60):
        while (
            await world.send(Call("GET", f"/{service}/audit/checkpoint"), **world.headers("auditor", "mois"))
        ).status_code != 200:
            await asyncio.sleep(0.05)


def fresh(prefix: str = "x") -> str:
    return f"{prefix}_{uuid4().hex[:12]}"
