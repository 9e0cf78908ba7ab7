"""A run followed as it goes: server-sent events over real HTTP, when it will have ended, and what its method printed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from services.analysis import actions, policy
from services.analysis.api import following
from services.analysis.models import RunStatus
from services.analysis.policy import eta
from shared.admission import Admission, AdmissionMiddleware
from tests.analysis.centre import Centre
from tests.analysis.examples import ANALYST, DIGEST
from tests.analysis.test_queue import deeds

PATIENCE = 60


@asynccontextmanager
async def over_http(centre: Centre) -> AsyncIterator[httpx.AsyncClient]:
    """The same app on a port: a client of the test's own kind only gets whole answers."""
    config = uvicorn.Config(centre.client.app, port=0, lifespan="off", ws="none", log_level="error", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PATIENCE) as client:
            yield client
    finally:
        server.should_exit = True
        await serving


class Stream:
    """What a client hears."""

    def __init__(self, answer: httpx.Response) -> None:
        self.lines = aiter(answer.aiter_lines())
        self.comments = 0

    async def next(self) -> dict[str, Any] | None:
        """The next event with its id; None when the stream has ended."""
        found: dict[str, Any] = {}
        async with asyncio.timeout(PATIENCE):
            async for line in self.lines:
                field, _, value = line.partition(": ")
                if field == "id":
                    found["id"] = value
                elif field == "data":
                    found |= json.loads(value)
                elif line.startswith(":"):
                    self.comments += 1
                elif not line and found:
                    return found
        return None

    async def until(self, **wanted: Any) -> dict[str, Any]:
        while (event := await self.next()) is not None:
            if all(event[name] == value for name, value in wanted.items()):
                return event
        raise AssertionError(f"the stream ended before {wanted}")


@asynccontextmanager
async def stream(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> AsyncIterator[Stream]:
    async with client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["Cache-Control"] == "no-store"
        yield Stream(answer)


# Events


async def test_a_run_is_followed_to_its_end(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    path, headers = f"/analysis/runs/{run_id}/events", live_centre.headers("requester", "mohw")
    async with over_http(live_centre) as client, stream(client, path, headers) as heard:
        first = await heard.until(status="prepared")
        assert (first["waiting"]["code"], first["queue_position"], first["eta_seconds"]) == ("no-worker", 1, None)
        claim = await live_centre.worker().claim()
        assert claim is not None
        assert (await heard.until(status="running"))["waiting"]["code"] == "running"
        await claim.beat(0.25, "fold 1 of 4")
        assert (await heard.until(progress=0.25))["message"] == "fold 1 of 4"
        await claim.succeed()
        last = await heard.until(status="succeeded")
        assert last["progress"] == 1.0
        assert await heard.next() is None, "the stream ends with the run"
        again = await client.get(path, headers=headers | {"Last-Event-ID": last["id"]})
        assert (again.status_code, again.content) == (204, b""), "who knows that it has ended need not call again"


async def test_a_broken_stream_is_taken_up_where_it_was(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    path, headers = f"/analysis/runs/{run_id}/events", live_centre.headers("centre-analyst", "centre")
    async with over_http(live_centre) as client:
        async with stream(client, path, headers) as heard:
            first = await heard.until(status="prepared")
        async with stream(client, path, headers | {"Last-Event-ID": first["id"]}) as heard:
            claim = await live_centre.worker().claim()
            assert claim is not None
            second = await heard.next()
        assert second is not None
        assert second["status"] == "running", "what was known is not told again"
        await claim.finish("failed", reason={"code": "method-crashed", "detail": "It broke."})
        async with stream(client, path, headers | {"Last-Event-ID": second["id"]}) as heard:
            missed = await heard.next()
            assert missed is not None
            assert (missed["status"], missed["reason"]["code"]) == ("failed", "method-crashed")
        async with stream(client, path, headers | {"Last-Event-ID": "never\tours"}) as heard:
            assert (await heard.until(status="failed"))["id"] == missed["id"]


async def test_a_quiet_stream_shows_that_it_lives(live_centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "HEARTBEAT", 0.0)
    monkeypatch.setattr(following, "RECHECK", 0.05)
    run_id = await live_centre.prepared()
    path, headers = f"/analysis/runs/{run_id}/events", live_centre.headers("centre-analyst", "centre")
    async with over_http(live_centre) as client, stream(client, path, headers) as heard:
        await heard.next()
        waiting = asyncio.create_task(heard.next())
        async with asyncio.timeout(PATIENCE):
            while heard.comments < 2:
                await asyncio.sleep(0.02)
        await live_centre.client.post(f"/analysis/runs/{run_id}/cancel", json={"reason": "Enough."}, headers=headers)
        last = await waiting
        assert last is not None
        assert last["status"] == "cancelled"


async def test_one_caller_holds_so_many_streams_and_others_are_served(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    path = f"/analysis/runs/{run_id}/events"
    many, other = live_centre.headers("centre-analyst", "centre"), live_centre.headers("requester", "mohw")
    streams = admission(live_centre).streams
    streams.each = 2
    async with over_http(live_centre) as client:
        async with stream(client, path, many) as heard, stream(client, path, many), stream(client, path, other):
            assert await heard.next() is not None
            refused = await client.get(path, headers=many)
            assert (refused.status_code, refused.json()["status"]) == (429, 429)
            assert int(refused.headers["Retry-After"]) > 0
            runs = await client.get(f"/analysis/runs/{run_id}", headers=many)
            assert runs.status_code == 200, "a stream is no open call"
        async with asyncio.timeout(PATIENCE):
            while streams.total:
                await asyncio.sleep(0.02)
        async with stream(client, path, many) as heard:
            assert await heard.next() is not None


async def test_one_caller_holds_so_many_long_polls(live_centre: Centre) -> None:
    limits = admission(live_centre)
    limits.polls_each = 1
    first = asyncio.create_task(live_centre.worker().claim(wait=25))
    async with asyncio.timeout(PATIENCE):
        while not limits.streams.total:
            await asyncio.sleep(0.02)
    body = {"worker": str(uuid4()), "methods": [{"name": "peers", "version": "1.0.0", "digest": DIGEST}], "wait": 25}
    worker = live_centre.worker()
    refused = await worker.client.post("/analysis/claims", json=body, headers=worker.headers)
    assert (refused.status_code, refused.json()["status"]) == (429, 429)
    assert await worker.claim(wait=0) is None, "who does not wait is no long poll"
    await live_centre.prepared()
    assert await first is not None
    assert (limits.streams.total, limits.streams.by_subject) == (0, {})


async def test_a_run_token_is_looked_at_before_the_body_is_read(live_centre: Centre) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    headers = {"Authorization": "Bearer not-a-run-token", "Content-Type": "application/json"}
    for path in ("heartbeat", "finish"):
        answer = await live_centre.client.post(f"/analysis/runs/{uuid4()}/{path}", content=endless(), headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (401, "bad-run-token")


def admission(centre: Centre) -> Admission:
    """The limits of the running service."""
    (found,) = (each.kwargs["admission"] for each in centre.client.app.user_middleware if each.cls is AdmissionMiddleware)
    assert isinstance(found, Admission)
    return found


async def test_many_listeners_hold_no_connection_and_go_when_their_clients_go(
    live_centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than the pool has connections; and nothing of them is left when the clients have gone."""
    following_now: set[int] = set()
    real = following.Follower.events

    async def counted(self: following.Follower, known: str | None) -> AsyncIterator[str]:
        following_now.add(id(self))
        try:
            async for part in real(self, known):
                yield part
        finally:
            following_now.discard(id(self))

    monkeypatch.setattr(following.Follower, "events", counted)
    run_id = await live_centre.prepared()
    path, headers = f"/analysis/runs/{run_id}/events", live_centre.headers("centre-analyst", "centre")
    async with over_http(live_centre) as client:

        async def listen() -> None:
            async with stream(client, path, headers) as heard:
                assert await heard.next() is not None
                await asyncio.sleep(PATIENCE)

        listeners = [asyncio.create_task(listen()) for _ in range(20)]
        async with asyncio.timeout(PATIENCE):
            while len(following_now) < 20:
                await asyncio.sleep(0.02)
        assert (await live_centre.client.get(f"/analysis/runs/{run_id}", headers=headers)).status_code == 200
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
        async with asyncio.timeout(PATIENCE):
            while following_now:
                await asyncio.sleep(0.02)


async def test_who_may_not_see_a_run_hears_nothing_of_it(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    get, path = live_centre.client.get, f"/analysis/runs/{run_id}/events"
    assert (await get(path)).status_code == 401
    assert (await get(path, headers=live_centre.headers("requester", "nts"))).status_code == 404
    assert (await get(path, headers=live_centre.headers("steward", "mohw"))).status_code == 404
    analyst = live_centre.headers("centre-analyst", "centre")
    assert (await get(f"/analysis/runs/{uuid4()}/events", headers=analyst)).status_code == 404
    assert (await get(path, headers=analyst | {"Last-Event-ID": "x" * 101})).status_code == 422


async def test_auditors_hear_that_a_run_was_not_what_its_method_says(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    await claim.beat(0.5, "fold 2 of 4")
    async with over_http(live_centre) as client:
        for role, words in (("auditor", ""), ("centre-analyst", "fold 2 of 4")):
            headers = live_centre.headers(role, "centre")
            async with stream(client, f"/analysis/runs/{run_id}/events", headers) as heard:
                assert (await heard.until(progress=0.5))["message"] == words


# When it will have ended


def test_nothing_is_said_without_evidence() -> None:
    assert eta.remaining([]) is None
    assert eta.remaining(eta.marked([], 10, 0.5)) is None
    assert eta.remaining([[0, 0], [1, 0.001], [2, 0.002]]) is None


def test_a_steady_pace_is_told_exactly() -> None:
    marks: list[list[float]] = []
    for second in range(1, 61):
        marks = eta.marked(marks, float(second), second / 100)
    assert eta.remaining(marks) == pytest.approx(40.0)
    assert len(marks) <= eta.MOST


def test_one_odd_step_does_not_change_much() -> None:
    marks: list[list[float]] = []
    for second in range(1, 11):
        marks = eta.marked(marks, float(second + (20 if second == 10 else 0)), second / 20)
    left = eta.remaining(marks)
    assert left is not None
    assert 8 < left < 16


Steps = st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1)), max_size=80)


@given(Steps)
def test_whatever_a_method_reports_it_is_a_time_or_nothing(steps: list[tuple[float, float]]) -> None:
    marks: list[list[float]] = []
    for seconds, progress in steps:
        marks = eta.marked(marks, seconds, progress)
        assert marks == sorted(marks)
        assert [mark[1] for mark in marks] == sorted({mark[1] for mark in marks}), "progress never goes back"
        left = eta.remaining(marks)
        assert left is None or left >= 0
        assert len(marks) <= eta.MOST


async def test_progress_never_goes_back_and_the_end_comes_nearer(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    path, headers = f"/analysis/runs/{run_id}", live_centre.headers("requester", "mohw")

    async def shown() -> Any:
        return (await live_centre.client.get(path, headers=headers)).json()

    assert (await shown())["eta_seconds"] is None
    for progress in (0.001, 0.002, 0.03, 0.031):
        await asyncio.sleep(0.2)
        await claim.beat(progress)
    first = (await shown())["eta_seconds"]
    assert first is not None
    await claim.beat(0.01)
    assert (await shown())["progress"] == 0.031
    later = await live_centre.row(run_id)
    assert later.marks is not None
    assert [mark[1] for mark in later.marks] == [0.0, 0.001, 0.002, 0.03, 0.031]
    await asyncio.sleep(0.2)
    assert (await shown())["eta_seconds"] < first
    await claim.succeed()
    assert (await shown())["eta_seconds"] is None


async def test_an_attempt_begins_anew(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    await claim.beat(0.9)
    await claim.finish("cancelled")
    assert await live_centre.worker().claim() is not None
    run = await live_centre.row(run_id)
    assert (run.progress, run.marks, run.ends_at) == (0.0, None, None)


# What the method printed


async def logged(centre: Centre, text: bytes) -> str:
    run_id = await centre.prepared()
    claim = await centre.worker().claim()
    assert claim is not None
    assert (await claim.put("log", "printed", text, "text/plain")).status_code == 201
    await claim.finish("failed", reason={"code": "method-crashed", "detail": "It broke."})
    return f"/analysis/runs/{run_id}/log"


async def test_a_log_is_shown_to_the_centre_alone_as_plain_text(live_centre: Centre) -> None:
    path = await logged(live_centre, "가나 fold 1\r\n<script>\x1b[31m 900101-1234567 \xff\x00".encode() + b"\xff\n" + b"ab" * 32)
    get, analyst = live_centre.client.get, live_centre.headers("centre-analyst", "centre")
    refusals = {"requester": 403, "auditor": 403, "ops": 403, "worker": 404, "steward": 404}
    for role, status in refusals.items():
        assert (await get(path, headers=live_centre.headers(role, "mohw"))).status_code == status, role
    assert (await get(path, headers=live_centre.headers("requester", "nts"))).status_code == 404
    assert (await get(path)).status_code == 401
    shown = await get(path, headers=analyst)
    assert shown.status_code == 200
    assert shown.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.text == "가나 fold 1\n<script>?[31m … ÿ?\N{REPLACEMENT CHARACTER}\n…"
    read = [each for each in await deeds(live_centre, "analysis.read-log") if each["outcome"] == "read"]
    assert [(each["actor"], each["subject"]) for each in read] == [
        ("centre-analyst.centre", path[9:].replace("runs", "run")[1:-4])
    ]
    refused = await deeds(live_centre, "analysis.show-log")
    assert {each["outcome"] for each in refused} == {"refused"}


async def test_a_log_is_bounded_and_never_an_output(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    assert (await claim.put("log", "printed", b"x" * (policy.LOG_LIMIT + 1), "text/plain")).status_code == 413
    assert (await claim.put("log", "printed", b"x", "text/html")).status_code == 415
    analyst = live_centre.headers("centre-analyst", "centre")
    none = await live_centre.client.get(f"/analysis/runs/{run_id}/log", headers=analyst)
    assert none.status_code == 404
    assert "No log" in none.json()["detail"]
    assert (await claim.put("log", "printed", b"x" * policy.LOG_LIMIT, "text/plain")).status_code == 201
    await claim.succeed()
    (event,) = await live_centre.finished()
    assert [artefact.kind for artefact in event.artefacts] == ["table"]
    shown = await live_centre.client.get(f"/analysis/runs/{run_id}/log", headers=analyst)
    assert len(shown.text) == policy.LOG_LIMIT


async def test_a_log_that_is_gone_from_the_storage(live_centre: Centre) -> None:
    path = await logged(live_centre, b"fold 1\n")
    async with live_centre.client.app.state.db.transaction(caller=ANALYST) as session:
        stored = await actions.read_log(session, ANALYST, (await live_centre.finished())[0].run_id)
    await live_centre.storage.delete(stored.sha256)
    assert (await live_centre.client.get(path, headers=live_centre.headers("centre-analyst", "centre"))).status_code == 410
    assert (await live_centre.row((await live_centre.finished())[0].run_id)).status is RunStatus.FAILED
