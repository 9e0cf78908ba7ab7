"""Each service alone: it starts, answers on its own addresses, says what it misses, and works on while the broker is away."""

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import select

from deploy.installation import SERVICES, settings
from deploy.running import Program, as_text, free_port, wait_ready
from services.requests.rules import HOUSE_RULES as REQUEST_RULES
from services.results.disclosure.rules import DEFAULT as DISCLOSURE_RULES
from shared import inbox
from shared.bus import Incoming
from shared.clock import now
from shared.contracts import Envelope, Event, OutputKind
from shared.ids import new_id
from shared.rabbit import RabbitBus
from tests.analysis.examples import DIGEST, card
from tests.requests.examples import asked, world
from tests.results.build import artefact, finished, table
from tests.waiting import PATIENCE

Headers = Callable[..., dict[str, str]]
Serve = Callable[..., Awaitable[Any]]
AWAY = "amqp://nobody:nothing@127.0.0.1:{port}/"
LINK = re.compile(r"""(?:src|href)\s*=\s*["']([^"']+)""")


@pytest.fixture
async def alone(serve: Serve) -> Callable[..., Awaitable[Any]]:
    """`await alone("catalog")`: the service on RabbitMQ, of which nothing listens."""

    async def start(name: str, **more: Any) -> Any:
        bus = RabbitBus(AWAY.format(port=free_port()), name, prefix="duretest_alone", timeout=0.5)
        return await serve(name, on=bus, **more)

    return start


async def parts(client: Any, name: str) -> tuple[int, dict[str, tuple[str, str]]]:
    answer = await client.get(f"/{name}/readyz")
    return answer.status_code, {part["name"]: (part["state"], part["detail"] or "") for part in answer.json()["parts"]}


# Its addresses


@pytest.mark.parametrize("name", SERVICES)
async def test_it_answers_on_its_own_addresses(name: str, serve: Serve) -> None:
    client = await serve(name)
    assert (await client.get(f"/{name}/healthz")).json() == {"status": "ok"}
    ready = await client.get(f"/{name}/readyz")
    assert ready.status_code == 200
    waiting = {part["name"] for part in ready.json()["parts"] if part["state"] != "ready"}
    assert waiting <= {"rules"}, f"only a text to be read again may be due: {ready.text}"
    assert {part["name"] for part in ready.json()["parts"]} >= {"database", "storage", "bus", "audit"}
    metrics = await client.get(f"/{name}/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "outbox_unsent" in metrics.text
    document = (await client.get(f"/{name}/openapi.json")).json()
    assert document["info"]["title"] == f"Dure {name}"
    events = (await client.get(f"/{name}/asyncapi.json")).json()
    assert events["asyncapi"] == "3.0.0"
    assert any(operation["action"] == "send" for operation in events["operations"].values())


@pytest.mark.parametrize("name", SERVICES)
async def test_only_its_own_addresses(name: str, serve: Serve) -> None:
    client = await serve(name)
    for path in (
        "/",
        "/docs",
        "/redoc",
        "/openapi.json",
        "/healthz",
        *(f"/{other}/healthz" for other in SERVICES if other != name),
    ):
        answer = await client.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == f"http://test/{name}/problems/not-found"


@pytest.mark.parametrize("name", SERVICES)
async def test_the_documentation_needs_no_internet(name: str, serve: Serve) -> None:
    client = await serve(name)
    page = await client.get(f"/{name}/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "//" not in re.sub(r"<!--.*?-->", "", page.text, flags=re.DOTALL).replace("http://test", ""), "no address elsewhere"
    links = [link for link in LINK.findall(page.text) if not link.startswith("data:")]
    assert len(links) >= 3
    for link in links:
        assert link.startswith(f"/{name}/docs/assets/")
        asset = await client.get(link)
        assert asset.status_code == 200, link
        assert len(asset.content) > 500
    assert f"'/{name}/openapi.json'" in page.text
    assert '"persistAuthorization": true' in page.text


@pytest.mark.parametrize("name", SERVICES)
async def test_every_kind_of_problem_has_a_page(name: str, serve: Serve) -> None:
    client = await serve(name)
    refused = (await client.get(f"/{name}/audit")).json()
    page = await client.get(httpx.URL(refused["type"]).path)
    assert page.status_code == 200
    assert "A valid token is needed" in page.text
    assert (await client.get(f"/{name}/problems/<script>")).status_code == 404


@pytest.mark.parametrize("name", SERVICES)
async def test_the_answers_are_as_the_document_says(name: str, serve: Serve, headers: Headers) -> None:
    """Lists and shared doors, against the schemas that the document gives for them."""
    client = await serve(name)
    document = (await client.get(f"/{name}/openapi.json")).json()
    everybody = headers("auditor,ops,requester,steward,council-secretary,method-reviewer", "nts")
    looked = 0
    for path, item in document["paths"].items():
        if "get" not in item or "{" in path:
            continue
        answer = await client.get(path, headers=everybody)
        if path.endswith("/audit/checkpoint") and answer.status_code == 404:
            continue
        assert answer.status_code == 200, (path, answer.text)
        content = item["get"]["responses"]["200"]["content"].get("application/json")
        if content and "schema" in content:
            schema = {"components": document["components"], **content["schema"]}
            assert list(Draft202012Validator(schema).iter_errors(answer.json())) == [], path
            looked += 1
    assert looked >= 5


# Without the broker


@pytest.mark.parametrize("name", SERVICES)
async def test_without_the_broker_it_is_degraded_not_away(name: str, alone: Callable[..., Awaitable[Any]]) -> None:
    client = await alone(name)
    status, states = await parts(client, name)
    assert status == 200
    assert (await client.get(f"/{name}/readyz")).json()["status"] == "degraded"
    state, detail = states.pop("bus")
    assert state == "degraded"
    assert "broker" in detail
    assert "nothing" not in detail, "no password"
    states.pop("rules", None)  # whether a text is due to be read again goes by the day
    assert {state for state, _ in states.values()} == {"ready"}
    assert (await client.get(f"/{name}/healthz")).status_code == 200
    assert (await client.get(f"/{name}/metrics")).status_code == 200


async def arrived(client: Any, events: list[Event]) -> None:
    """As if the broker had brought them before it went away."""
    bodies = [
        Envelope(
            id=new_id(),
            source=f"/{event.producer()}",
            type=event.type,
            subject=event.subject,
            time=now(),
            dataschema=Envelope.schema_url(event.type),
            sequence=1,
            data=event.model_dump(mode="json"),
        )
        for event in events
    ]
    await inbox.receive(client.app.state.db, [Incoming(each.model_dump_json(exclude_none=True).encode()) for each in bodies])


async def unsent(client: Any) -> list[str]:
    outbox = client.app.state.db.tables.outbox
    async with client.app.state.db.reading() as session:
        waiting = select(outbox.c.type).where(outbox.c.due_at.is_not(None)).order_by(outbox.c.id)
        return list((await session.execute(waiting)).scalars())


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(PATIENCE):
        while not (found := await look()):
            await asyncio.sleep(0.05)
    return found


async def join(client: Any, headers: Headers) -> None:
    for code in ("molg", "kcs"):
        body = {"code": code, "name": {"ko": "기관", "en": "A body"}}
        answer = await client.post("/catalog/ministries", json=body, headers=headers("council-secretary", "mois"))
        assert answer.status_code == 201, answer.text


async def submit(client: Any, headers: Headers) -> None:
    await arrived(client, list(world()))

    async def accepted() -> bool:
        answer = await client.post("/requests", json=asked(), headers=headers("requester", "mohw"))
        return bool(answer.status_code == 201)

    await until(accepted)


async def make_live(client: Any, headers: Headers) -> None:
    body = {"card": card().model_dump(mode="json"), "digest": DIGEST}
    assert (await client.post("/analysis/methods", json=body, headers=headers("worker", "mois"))).status_code == 201
    for ministry in ("kostat", "moel"):
        review = {"verdict": "approve", "reason": "Read."}
        at = "/analysis/methods/peers/1.0.0/reviews"
        assert (await client.post(at, json=review, headers=headers("method-reviewer", ministry))).status_code == 201


async def release(client: Any, headers: Headers) -> None:
    made = await artefact(client.app.state.storage, OutputKind.TABLE, "by_region", table())
    await arrived(client, [finished((made,))])

    async def held() -> list[dict[str, Any]]:
        answer = await client.get("/results?status=held", headers=headers("output-checker", "kostat"))
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    (result,) = await until(held)
    for ministry in ("kostat", "moel"):
        vote = {"approve": True, "reason": "All counts are large enough."}
        at = f"/results/{result['id']}/votes"
        assert (await client.post(at, json=vote, headers=headers("output-checker", ministry))).status_code == 201


DEEDS = {
    "catalog": (join, ["catalog.ministry-joined.v1", "catalog.ministry-joined.v1"]),
    "requests": (submit, ["requests.request-submitted.v1"]),
    "analysis": (make_live, ["analysis.method-live.v1"]),
    "results": (release, ["results.result-held.v1", "results.result-released.v1"]),
}


@pytest.mark.parametrize("name", SERVICES)
async def test_without_the_broker_people_work_on_and_the_outbox_keeps_it(
    name: str, alone: Callable[..., Awaitable[Any]], headers: Headers
) -> None:
    client = await alone(name, idle_seconds=0.05)
    deed, said = DEEDS[name]
    await deed(client, headers)
    assert await unsent(client) == said
    await asyncio.sleep(0.3)
    assert await unsent(client) == said, "it waits, however often the relay looks"
    assert f"outbox_unsent {len(said)}" in re.sub(r"{[^}]*}", "", (await client.get(f"/{name}/metrics")).text).replace(".0", "")
    shown = (await client.get(f"/{name}/ops/outbox", headers=headers("ops", "mois"))).json()
    assert shown["counts"] == {"unsent": len(said)}
    assert [item["type"] for item in shown["items"]] == said
    assert "data" not in json.dumps(shown), "envelopes, never payloads"


# Without the database


UNREACHABLE = {
    "nobody listens": "postgresql+asyncpg://nobody:sesame@127.0.0.1:{port}/none",
    "no such folder": "sqlite+aiosqlite:////nowhere/of/ours/{port}.db",
}


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("url", UNREACHABLE.values(), ids=UNREACHABLE)
async def test_without_its_database_it_says_so(name: str, url: str, serve: Serve, headers: Headers) -> None:
    client = await serve(name, database_url=url.format(port=free_port()), migrate_at_start=False, members=())
    status, states = await parts(client, name)
    assert status == 503
    state, detail = states["database"]
    assert (state, "not reachable" in detail, "sesame" in detail) == ("unavailable", True, False)
    assert {name for name, (state, _) in states.items() if state != "ready"} - {"rules"} == {"database"}
    assert (await client.get(f"/{name}/healthz")).status_code == 200, "it lives, and looks again"
    for path in (f"/{name}/ops/outbox", f"/{name}/ops/inbox"):
        answer = await client.get(path, headers=headers("ops", "mois"))
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["type"].endswith("/problems/unavailable")
        assert "sesame" not in answer.text


@pytest.mark.parametrize("name", SERVICES)
async def test_a_database_without_tables_is_not_ready(name: str, serve: Serve, tmp_path: Path) -> None:
    client = await serve(name, database_url=f"sqlite+aiosqlite:///{tmp_path}/bare.db", migrate_at_start=False, members=())
    status, states = await parts(client, name)
    assert (status, states["database"][0]) == (503, "unavailable")
    assert "not migrated" in states["database"][1]


# Headers that protect


@pytest.mark.parametrize("name", SERVICES)
async def test_every_answer_carries_what_protects_it_in_a_browser(name: str, serve: Serve) -> None:
    client = await serve(name)
    statuses = {"healthz": 200, "audit": 401, "nothing/at/all": 404, "docs": 200, "docs/assets/swagger-ui.css": 200,
                "openapi.json": 200, "problems/forbidden": 200}  # fmt: skip
    for path, status in statuses.items():
        answer = await client.get(f"/{name}/{path}")
        assert answer.status_code == status, path
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert answer.headers["x-frame-options"] == "DENY", path
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
        kept = path.startswith("docs/assets")
        assert answer.headers.get("cache-control") == (None if kept else "no-store"), path


@pytest.mark.parametrize("name", SERVICES)
async def test_the_documentation_runs_its_own_script_and_no_other(name: str, serve: Serve) -> None:
    page = await (await serve(name)).get(f"/{name}/docs")
    allowed = re.search("script-src ([^;]*)", page.headers["content-security-policy"])
    (script,) = re.findall("<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert allowed is not None
    assert allowed[1] == f"'self' 'sha256-{digest}'"
    assert all(link.startswith(f"/{name}/docs/assets/") for link in LINK.findall(page.text))


# As a program of its own


@pytest.fixture
def program(name: str, tmp_path: Path) -> Iterator[tuple[Program, str]]:
    values = settings(tmp_path, "http://127.0.0.1")[name] | {"amqp_url": AWAY.format(port=free_port())}
    environment = {f"{name.upper()}_{key.upper()}": as_text(value) for key, value in values.items()}
    port = free_port()
    arguments = ["-m", "uvicorn", "--factory", f"services.{name}.app:main", "--port", str(port)]
    started = Program(name, arguments, tmp_path / "log", environment)
    started.start()
    try:
        yield started, f"http://127.0.0.1:{port}/{name}"
    finally:
        started.stop()


@pytest.mark.heavy
@pytest.mark.parametrize("name", SERVICES)
def test_as_a_program_it_migrates_starts_and_stops(program: tuple[Program, str]) -> None:
    started, url = program
    wait_ready(started, f"{url}/readyz")
    with httpx.Client(trust_env=False) as http:
        assert http.get(f"{url}/readyz").json()["status"] == "degraded"
        assert http.get(f"{url}/audit").status_code == 401
    started.stop(PATIENCE)
    assert started.ended in (0, -15), started.tail()
    assert "Traceback" not in started.tail(200)
    ours = [line for line in started.tail(200).splitlines() if '"level": "ERROR"' in line and '"logger": "aiormq' not in line]
    assert ours == []


# Texts to be read again

RULES = {
    "requests": ("rules", REQUEST_RULES, "ground secret-by-law"),
    "results": ("disclosure_rules", DISCLOSURE_RULES, "disclosure profile"),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("recheck_by", "state"), [("2024-02-29", "degraded"), ("9999-12-31", "ready"), (None, "degraded")])
async def test_a_rule_whose_text_is_to_be_read_again_is_named_and_stops_nothing(
    name: str, recheck_by: str | None, state: str, serve: Serve, tmp_path: Path
) -> None:
    setting, shipped, rule = RULES[name]
    text = re.sub(r'"recheck_by": "[0-9-]+"', f'"recheck_by": {json.dumps(recheck_by)}', shipped.read_text(encoding="utf-8"))
    (tmp_path / "rules.json").write_text(text, encoding="utf-8")
    client = await serve(name, **{setting: tmp_path / "rules.json"})
    status, states = await parts(client, name)
    assert status == 200
    assert states["rules"][0] == state
    assert (rule in states["rules"][1]) == (state == "degraded")
    assert (await client.get(f"/{name}/readyz")).json()["status"] == state
