"""The worker door: claim, bundle, heartbeat, signals, artefacts, finish."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from services.analysis import claims
from services.analysis.models import LateResult, Run, RunStatus
from services.analysis.policy.retries import NEVER_AGAIN
from shared.clock import now
from shared.contracts import Outcome, RunStarted
from tests.analysis.centre import RANKING, Centre
from tests.analysis.examples import DIGEST

MAX_WAIT = 25  # seconds, the longest that a claim may wait


async def test_the_walk_of_a_run(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    assert claim.told["run_id"] == str(run_id)
    assert claim.told["resources"] == {"seconds": 600, "memory_mb": 1024}
    bundle = (await claim.call("GET", "/bundle")).json()
    assert bundle["parameters"] == {"peers": 3}
    assert bundle["match_rates"] == {"meter": 0.75}
    (file,) = bundle["files"]
    got = await claim.call("GET", f"/bundle/{file['name']}")
    assert hashlib.sha256(got.content).hexdigest() == file["sha256"]
    assert len(got.content) == file["size"]
    assert (await claim.beat()).json() == {"cancel": False, "lease_seconds": 30}
    assert (await claim.succeed()).json()["status"] == "succeeded"
    (event,) = await live_centre.finished()
    assert event.outcome is Outcome.SUCCEEDED
    assert event.fence == claim.fence
    assert [artefact.name for artefact in event.artefacts] == ["by_region"]
    assert event.match_rates == {"meter": 0.75}
    assert [started.fence for started in await live_centre.said(RunStarted)] == [claim.fence]
    assert (await live_centre.row(run_id)).status is RunStatus.SUCCEEDED


async def test_a_run_is_given_to_one_worker_at_a_time(live_centre: Centre) -> None:
    await live_centre.prepared()
    first, second = live_centre.worker(), live_centre.worker()
    assert await first.claim() is not None
    assert await second.claim() is None
    assert await first.claim() is None


async def test_after_the_lease_the_next_worker_has_it_and_the_first_is_refused(
    open_centre: Callable[..., Awaitable[Centre]],
) -> None:
    centre = await open_centre(lease_seconds=0.3)
    await centre.make_live()
    run_id = await centre.prepared()
    first = await centre.worker().claim()
    assert first is not None
    second = await centre.worker().claim(wait=5)
    assert second is not None
    assert second.fence == first.fence + 1
    for answer in (
        await first.beat(),
        await first.call("GET", "/bundle"),
        await first.call("GET", "/bundle/linked.parquet"),
        await first.put(),
        await first.finish("failed", reason={"code": "method-crashed", "detail": "It broke."}),
        await first.call("GET", "/signals"),
    ):
        assert (answer.status_code, answer.json()["type"]) == (409, "http://test/analysis/problems/stale-claim")
    assert (await centre.row(run_id)).status is RunStatus.RUNNING
    assert (await second.succeed()).json()["status"] == "succeeded"
    assert (await first.finish("cancelled")).status_code == 409
    async with centre.client.app.state.db.reading() as session:
        late = (await session.exec(select(LateResult).order_by(col(LateResult.id)))).all()
    assert [(each.fence, each.current_fence, each.outcome) for each in late] == [
        (first.fence, second.fence, "failed"),
        (first.fence, second.fence, "cancelled"),
    ]
    (event,) = await centre.finished()
    assert event.fence == second.fence


async def test_a_lease_that_ran_out_unclaimed_does_no_harm(open_centre: Callable[..., Awaitable[Centre]]) -> None:
    centre = await open_centre(lease_seconds=0.1)
    await centre.make_live()
    await centre.prepared()
    claim = await centre.worker().claim()
    assert claim is not None
    await asyncio.sleep(0.3)
    assert (await claim.beat()).json()["cancel"] is False
    await asyncio.sleep(0.3)
    assert (await claim.succeed()).json()["status"] == "succeeded"


async def test_heartbeats_keep_the_run(open_centre: Callable[..., Awaitable[Centre]]) -> None:
    centre = await open_centre()
    await centre.make_live()
    run_id = await centre.prepared()
    claim = await centre.worker().claim()
    assert claim is not None
    for step in range(6):
        await run_out(centre, run_id)
        assert (await claim.beat(step / 10, f"step {step}")).status_code == 200
        assert await centre.worker().claim() is None
    run = await centre.row(run_id)
    assert (run.progress, run.message) == (0.5, "step 5")
    await run_out(centre, run_id)
    assert await centre.worker().claim() is not None


async def run_out(centre: Centre, run_id: UUID) -> None:
    """The lease of the run ends this moment, whatever the machine's pace."""
    async with centre.client.app.state.db.transaction() as session:
        await session.execute(update(Run).where(col(Run.id) == run_id).values(due_at=now()))


async def test_finish_twice_is_answered_twice_and_told_once(live_centre: Centre) -> None:
    await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    first, second = await claim.succeed(), await claim.finish("succeeded")
    assert first.json() == second.json()
    assert (first.status_code, second.status_code) == (200, 200)
    assert (await claim.finish("failed", reason={"code": "method-crashed", "detail": "No."})).status_code == 409
    assert len(await live_centre.finished()) == 1


async def test_two_finishes_at_once_end_the_run_once(live_centre: Centre) -> None:
    await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    put = (await claim.put()).json()
    named = [{"kind": "table", "name": "by_region", "sha256": put["sha256"]}]
    answers = await asyncio.gather(*(claim.finish(artefacts=named) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await live_centre.finished()) == 1


async def test_a_failed_run_tells_its_reason_and_its_key_is_destroyed(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    assert (await claim.finish("failed")).json()["errors"][0]["pointer"] == "#/reason"
    reason = {"code": "method-refused-input", "detail": "There are too few years."}
    assert (await claim.finish("failed", reason=reason)).status_code == 200
    (event,) = await live_centre.finished()
    assert event.outcome is Outcome.FAILED
    assert event.reason is not None
    assert event.reason.model_dump() == reason | {"detail": f"{reason['detail']} {NEVER_AGAIN}"}
    run = await live_centre.row(run_id)
    assert await live_centre.key_destroyed(run.request_id)


async def test_only_uploaded_outputs_of_the_card_count(live_centre: Centre) -> None:
    await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    assert (await claim.put("table", "other")).json()["errors"][0]["code"] == "undeclared-output"
    assert (await claim.put("figure", "by_region")).status_code == 422
    assert (await claim.put("nonsense", "by_region")).status_code == 422
    assert (await claim.put("table", "..")).status_code in (404, 422)
    assert (await claim.put("table", "by_region", media="text/html")).status_code == 415
    assert (await claim.put("log", "run", b"started\n", "text/plain; charset=utf-8")).status_code == 201
    ranking = await claim.put("restricted_list", "odd_sites", RANKING, "application/x-ndjson")
    table = await claim.put()
    named = [
        {"kind": "table", "name": "by_region", "sha256": table.json()["sha256"]},
        {"kind": "restricted_list", "name": "odd_sites", "sha256": ranking.json()["sha256"]},
    ]
    wrong = [
        [],
        [named[0] | {"sha256": "00" * 32}],
        [named[0], named[0]],
        [named[0] | {"kind": "metrics"}],
    ]
    for artefacts in wrong:
        assert (await claim.finish(artefacts=artefacts)).status_code == 422
    assert (await claim.finish(artefacts=named)).status_code == 200
    (event,) = await live_centre.finished()
    assert {(artefact.kind, artefact.name) for artefact in event.artefacts} == {
        ("table", "by_region"),
        ("restricted_list", "odd_sites"),
    }


async def test_an_upload_again_replaces_the_one_before(live_centre: Centre) -> None:
    await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    old, new = await claim.put(), await claim.put(data=b"{}")
    named = [{"kind": "table", "name": "by_region", "sha256": old.json()["sha256"]}]
    assert (await claim.finish(artefacts=named)).json()["errors"][0]["code"] == "other-bytes"
    assert (await claim.finish(artefacts=[named[0] | {"sha256": new.json()["sha256"]}])).status_code == 200


async def test_outputs_of_a_lost_attempt_do_not_count(open_centre: Callable[..., Awaitable[Centre]]) -> None:
    centre = await open_centre(lease_seconds=0.2)
    await centre.make_live()
    await centre.prepared()
    first = await centre.worker().claim()
    assert first is not None
    put = (await first.put()).json()
    second = await centre.worker().claim(wait=5)
    assert second is not None
    named = [{"kind": "table", "name": "by_region", "sha256": put["sha256"]}]
    assert (await second.finish(artefacts=named)).json()["errors"][0]["code"] == "not-uploaded"


async def test_outputs_are_bounded(open_centre: Callable[..., Awaitable[Centre]]) -> None:
    centre = await open_centre(artefact_limit=100, list_limit=200, artefact_count=2)
    await centre.make_live()
    await centre.prepared()
    claim = await centre.worker().claim()
    assert claim is not None
    too_large = await claim.put(data=b"x" * 101)
    assert (too_large.status_code, too_large.json()["limit_bytes"]) == (413, 100)
    assert (await claim.put("restricted_list", "odd_sites", b"x" * 150, "application/x-ndjson")).status_code == 201
    assert (await claim.put("restricted_list", "odd_sites", b"x" * 201, "application/x-ndjson")).status_code == 413
    assert (await claim.put()).status_code == 201
    assert (await claim.put("log", "third", b"x", "text/plain")).status_code == 409


async def test_only_live_methods_of_the_same_client_and_code_are_given(centre: Centre) -> None:
    await centre.announce()
    worker = centre.worker()
    assert await worker.claim() is None
    await centre.review("mois")
    await centre.review("moel")
    await centre.prepared()
    assert await centre.worker("worker.other").claim() is None
    assert await worker.claim(digest="cd" * 32) is None
    assert await worker.claim(version="2.0.0") is None
    assert await worker.claim() is not None


async def test_a_claim_waits_and_is_woken(live_centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "RECHECK", 3600)  # so that only being woken, or the end of the wait, makes it look again
    worker = live_centre.worker()
    began = time.monotonic()
    assert await worker.claim(wait=0.2) is None
    assert time.monotonic() - began > 0.15
    waiting = asyncio.create_task(worker.claim(wait=MAX_WAIT))
    # A waiting worker takes the run as soon as it is prepared: nobody may count on seeing it prepared.
    run = await live_centre.until(await live_centre.approve(), RunStatus.RUNNING, seconds=MAX_WAIT - 5)
    claim = await waiting
    assert claim is not None
    assert claim.told["run_id"] == str(run.id)


async def test_many_waiting_workers_and_one_run(live_centre: Centre) -> None:
    workers = [asyncio.create_task(live_centre.worker().claim(wait=MAX_WAIT)) for _ in range(6)]
    run_id = await live_centre.approve()
    done, others = await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
    late, waiting = await asyncio.wait(others, timeout=1)
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    found = [each.result() for each in done | late]
    assert [claim.fence for claim in found if claim] == [(await live_centre.row(run_id)).fence]


async def test_a_worker_that_is_lost_each_time_fails_the_run(open_centre: Callable[..., Awaitable[Centre]]) -> None:
    centre = await open_centre(lease_seconds=0.1, max_attempts=2)
    await centre.make_live()
    run_id = await centre.prepared()
    fences = []
    for _ in range(2):
        claim = await centre.worker().claim(wait=5)
        assert claim is not None
        fences.append(claim.fence)
    run = await centre.until(run_id, RunStatus.FAILED)
    assert run.reason is not None
    assert run.reason["code"] == "worker-lost"
    (event,) = await centre.finished()
    assert event.fence == fences[-1]
    assert await centre.worker().claim() is None


async def test_a_worker_that_stops_by_itself_gives_the_run_back(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    first = await live_centre.worker().claim()
    assert first is not None
    assert (await first.finish("cancelled")).json()["status"] == "prepared"
    assert (await first.beat()).json()["cancel"] is True
    second = await live_centre.worker().claim()
    assert second is not None
    assert (second.told["run_id"], second.fence) == (str(run_id), first.fence + 1)
    assert await live_centre.finished() == []


async def test_run_tokens_speak_for_their_run_only(live_centre: Centre) -> None:
    await live_centre.prepared()
    await live_centre.prepared()
    first, second = await live_centre.worker().claim(), await live_centre.worker().claim()
    assert first is not None
    assert second is not None
    first.told["run_id"] = second.told["run_id"]
    assert (await first.call("GET", "/bundle")).json()["reason"] == "other-run"
    good = second.told["token"]
    changed = good[:-2] + ("AA" if good[-2:] != "AA" else "BB")
    for token in ("", "x", good[:-4], changed, "A" * 5000, *(await jwts(live_centre))):
        second.told["token"] = token
        answer = await second.call("POST", "/heartbeat", json={"progress": 0, "message": ""})
        assert answer.status_code == 401, token
    assert (await live_centre.client.get(f"/analysis/runs/{second.told['run_id']}/bundle")).status_code == 401


async def jwts(centre: Centre) -> list[str]:
    return [centre.headers(role, "centre")["Authorization"].removeprefix("Bearer ") for role in ("worker", "centre-analyst")]


async def test_a_run_token_opens_no_other_door(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    headers = {"Authorization": f"Bearer {claim.told['token']}"}
    for path in ("/analysis/runs", f"/analysis/runs/{run_id}", "/analysis/methods", "/analysis/audit"):
        assert (await live_centre.client.get(path, headers=headers)).status_code == 401


async def test_only_a_worker_claims(live_centre: Centre) -> None:
    body = {"worker": str(uuid4()), "methods": [{"name": "peers", "version": "1.0.0", "digest": DIGEST}], "wait": 0}
    for role in ("requester", "centre-analyst", "ops"):
        answer = await live_centre.client.post("/analysis/claims", json=body, headers=live_centre.headers(role))
        assert (answer.status_code, answer.json()["right"]) == (403, "worker")
    bads: list[dict[str, Any]] = [
        {"wait": 26}, {"wait": -1}, {"worker": "x"}, {"methods": []}, {"methods": [{"name": "peers"}]},
    ]  # fmt: skip
    for bad in bads:
        answer = await live_centre.client.post("/analysis/claims", json=body | bad, headers=live_centre.headers("worker"))
        assert answer.status_code == 422


async def test_reading_a_bundle_is_audited_before_its_bytes(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    assert (await claim.call("GET", "/bundle/linked.parquet")).status_code == 200
    assert (await claim.call("GET", "/bundle/other.parquet")).status_code == 404
    tables = live_centre.client.app.state.db.tables
    async with live_centre.client.app.state.db.reading() as session:
        query = tables.audit.select().where(tables.audit.c.action == "analysis.read-bundle")
        (row,) = (await session.execute(query)).mappings().all()
    assert (row["outcome"], row["subject"], row["actor"]) == ("read", f"run/{run_id}", "worker.centre")


async def test_a_damaged_bundle_ends_the_run(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    run = await live_centre.row(run_id)
    assert run.bundle is not None
    await live_centre.storage.delete(run.bundle["files"][0]["sha256"])
    claim = await live_centre.worker().claim()
    assert claim is not None
    assert (await claim.call("GET", "/bundle/linked.parquet")).status_code == 410
    run = await live_centre.row(run_id)
    assert run.reason is not None
    assert (run.status, run.reason["code"]) == (RunStatus.FAILED, "input-corrupt")


async def test_bad_heartbeats(live_centre: Centre) -> None:
    await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    for progress, message in ((1.1, ""), (-0.1, ""), (0.5, "x" * 201)):
        assert (await claim.beat(progress, message)).status_code == 422
    newer = await claim.call("POST", "/heartbeat", json={"progress": 0.5, "message": "m", "newer_field": 1})
    assert newer.status_code == 200
