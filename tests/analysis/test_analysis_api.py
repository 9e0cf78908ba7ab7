"""The HTTP door: who may see and do what, pages, ETags, idempotency, examples, bad input."""

import json
from typing import Any
from uuid import uuid4

import jsonschema
import pytest

from services.analysis.schemas.methods import CARD, DIGEST
from shared.auth import Role
from tests.analysis.centre import Centre
from tests.analysis.examples import approved

OURS, THEIRS = "mohw", "moel"
SEES_RUN = {
    (Role.REQUESTER, OURS),
    *((role, ministry) for role in (Role.CENTRE_ANALYST, Role.AUDITOR, Role.OPS) for ministry in (OURS, THEIRS)),
}
CANCELS = {(Role.REQUESTER, OURS), (Role.CENTRE_ANALYST, OURS), (Role.CENTRE_ANALYST, THEIRS)}


@pytest.fixture
async def run_centre(live_centre: Centre) -> tuple[Centre, str]:
    return live_centre, str(await live_centre.prepared())


async def test_the_matrix_of_runs(run_centre: tuple[Centre, str]) -> None:
    """Every role, of the ministry that asked and of another one."""
    centre, run_id = run_centre
    for role in Role:
        for ministry in (OURS, THEIRS):
            headers = centre.headers(role, ministry)
            shown = await centre.client.get(f"/analysis/runs/{run_id}", headers=headers)
            listed = await centre.client.get("/analysis/runs", headers=headers)
            sees, may = (role, ministry) in SEES_RUN, (role, ministry) in CANCELS
            assert shown.status_code == (200 if sees else 404), (role, ministry)
            assert len(listed.json()["items"]) == sees
            if sees:
                more = ["prioritise"] if role is Role.CENTRE_ANALYST else []
                assert shown.json()["actions"] == (["cancel", *more] if may else [])
                assert (shown.json()["parameters"] is not None) == may
                assert (shown.json()["title"] is not None) == may
            if not may:
                refused = await centre.client.post(f"/analysis/runs/{run_id}/cancel", json={"reason": "r"}, headers=headers)
                assert refused.status_code == (403 if sees else 404), (role, ministry)
    assert (await centre.client.get(f"/analysis/runs/{run_id}")).status_code == 401
    assert (await centre.client.post(f"/analysis/runs/{run_id}/cancel", json={"reason": "r"})).status_code == 401


async def test_why_a_run_waits_and_who_must_act(run_centre: tuple[Centre, str]) -> None:
    centre, run_id = run_centre
    headers = centre.headers("requester", OURS)

    async def waiting() -> Any:
        return (await centre.client.get(f"/analysis/runs/{run_id}", headers=headers)).json()["waiting"]

    assert await waiting() == {
        "code": "no-worker",
        "why": "No worker offers peers 1.0.0 now.",
        "who": "whoever runs the worker of peers: start it",
    }
    await centre.worker().claim(digest="cd" * 32)
    assert (await waiting())["code"] == "no-worker"
    await centre.worker("worker.other").claim()
    assert (await waiting())["code"] == "worker"
    claim = await centre.worker().claim()
    assert claim is not None
    await claim.beat(0.25, "fold\t1\n")
    shown = (await centre.client.get(f"/analysis/runs/{run_id}", headers=headers)).json()
    assert (shown["waiting"]["code"], shown["progress"], shown["message"]) == ("running", 0.25, "fold 1")
    assert shown["match_rates"] == {"meter": 0.75}
    assert (shown["rows"], shown["keys_dropped"]) == (None, {"site": 0, "meter": 0})
    assert shown["balance"]["meter"] == {"read": 40, "dropped": {}, "unreadable": 0, "linked": 30, "used": 30}
    inside = (await centre.client.get(f"/analysis/runs/{run_id}", headers=centre.headers("centre-analyst", "mois"))).json()
    assert inside["rows"] == 40
    await claim.succeed()
    assert await waiting() is None


async def test_pages_and_filters_of_runs(live_centre: Centre) -> None:
    events = [approved() for _ in range(3)]
    ids = [str(await live_centre.prepared(event)) for event in events]
    headers = live_centre.headers("requester", OURS)
    first = await live_centre.client.get("/analysis/runs?limit=2", headers=headers)
    assert [item["id"] for item in first.json()["items"]] == [ids[2], ids[1]]
    link = first.headers["Link"]
    assert link.endswith('rel="next"')
    rest = await live_centre.client.get(link[1 : link.index(">")], headers=headers)
    assert [item["id"] for item in rest.json()["items"]] == [ids[0]]
    one = await live_centre.client.get(f"/analysis/runs?request_id={events[1].brief.request_id}", headers=headers)
    assert [item["id"] for item in one.json()["items"]] == [ids[1]]
    assert (await live_centre.client.get("/analysis/runs?status=failed", headers=headers)).json()["items"] == []
    assert (await live_centre.client.get("/analysis/runs?status=nonsense", headers=headers)).status_code == 422


async def test_a_key_makes_a_review_happen_once(centre: Centre) -> None:
    await centre.announce()
    headers = centre.headers("method-reviewer", "mois") | {"Idempotency-Key": "k1"}
    url = "/analysis/methods/peers/1.0.0/reviews"
    body = {"verdict": "approve", "reason": "Read it."}
    first, second = [await centre.client.post(url, json=body, headers=headers) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert (await centre.client.post(url, json=body | {"reason": "Other."}, headers=headers)).status_code == 422


async def test_a_known_etag_is_not_sent_again(live_centre: Centre) -> None:
    headers = live_centre.headers("requester", OURS)
    url = "/analysis/methods/peers/1.0.0"
    etag = (await live_centre.client.get(url, headers=headers)).headers["ETag"]
    again = await live_centre.client.get(url, headers=headers | {"If-None-Match": etag})
    assert again.status_code == 304


BAD_BODIES: list[Any] = [
    {},
    {"reason": ""},
    {"reason": " "},
    {"reason": "x" * 4001},
    {"reason": "a\u0007b"},
    {"reason": 5},
    {"reason": "r", "more": 1},
    [],
    "text",
]


@pytest.mark.parametrize("body", BAD_BODIES)
async def test_bad_bodies(live_centre: Centre, body: Any) -> None:
    headers = live_centre.headers("centre-analyst", "centre") | {"Content-Type": "application/json"}
    answer = await live_centre.client.post("/analysis/methods/peers/1.0.0/withdraw", content=json.dumps(body), headers=headers)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["pointer"].startswith("#")


async def test_bad_addresses(live_centre: Centre) -> None:
    headers = live_centre.headers("centre-analyst", "centre")
    for path, status in (
        (f"/analysis/runs/{uuid4()}", 404),
        ("/analysis/runs/1", 422),
        ("/analysis/methods/peers/9.9.9", 404),
        ("/analysis/methods/peers/latest", 422),
        ("/analysis/methods/../1.0.0", 404),
        ("/analysis/methods/a%00b/1.0.0", 400),
        ("/analysis/runs?cursor=%F0%9F%98%80", 400),
        ("/analysis/runs?limit=1000", 422),
        ("/analysis/nothing", 404),
    ):
        answer = await live_centre.client.get(path, headers=headers)
        assert answer.status_code == status, (path, answer.text)
        assert "type" in answer.json()


async def test_a_large_or_strange_announcement(centre: Centre) -> None:
    headers = centre.headers("worker", "centre") | {"Content-Type": "application/json"}
    for body, status in (
        (b"x" * 10_000_000, 413),
        (b"{", 400),
        (b'{"card": {}, "digest": "x"}', 422),
        (b"[" * 100_000, 400),
        (b'{"card": NaN}', 400),
        (b'{"card": "\\u0000"}', 400),
    ):
        assert (await centre.client.post("/analysis/methods", content=body, headers=headers)).status_code == status
    assert (await centre.announce()).status_code == 201


async def test_the_api_describes_itself_with_examples_that_work(centre: Centre) -> None:
    document = (await centre.client.get("/analysis/openapi.json")).json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary") and operation.get("description"), (method, path)
            content = operation.get("requestBody", {}).get("content", {})
            # What is not one of our models (an artefact's bytes) has its example in the operation: see tests/contract.
            if "$ref" in content.get("application/json", {}).get("schema", {}):
                schema = document["components"]["schemas"][content["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]]
                assert schema["examples"], (method, path)
                for example in schema["examples"]:
                    jsonschema.validate(example, {**schema, "components": document["components"]})
    headers = centre.headers("worker", "centre")
    answer = await centre.client.post("/analysis/methods", json={"card": CARD, "digest": DIGEST}, headers=headers)
    assert answer.status_code == 201, answer.text


async def test_every_change_is_audited(run_centre: tuple[Centre, str]) -> None:
    centre, run_id = run_centre
    claim = await centre.worker().claim()
    assert claim is not None
    await claim.succeed()
    tables = centre.client.app.state.db.tables
    async with centre.client.app.state.db.reading() as session:
        rows = (await session.execute(tables.audit.select().order_by(tables.audit.c.id))).mappings().all()
    deeds = [(row["action"], row["actor"]) for row in rows if row["outcome"] == "done"]
    assert [deed for deed in deeds if deed[0] != "analysis.delete-bundle"] == [
        ("analysis.announce-method", "worker.centre"),
        ("analysis.review-method", "method-reviewer.mois"),
        ("analysis.review-method", "method-reviewer.moel"),
        ("analysis.make-method-live", "method-reviewer.moel"),
        ("analysis.queue-run", "/requests"),
        ("analysis.prepare-run", "/analysis"),
        ("analysis.claim-run", "worker.centre"),
        ("analysis.finish-run", "worker.centre"),
    ]
    refused = await centre.client.post(
        f"/analysis/runs/{run_id}/cancel", json={"reason": "r"}, headers=centre.headers("ops", "centre")
    )
    assert refused.status_code == 403
    async with centre.client.app.state.db.reading() as session:
        query = tables.audit.select().where(tables.audit.c.outcome == "refused")
        (row,) = (await session.execute(query)).mappings().all()
    assert (row["action"], row["actor"]) == ("analysis.cancel-run", "ops.centre")
