"""Runs: prepared from real files, tried again, cancelled; every pair of states."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from services.analysis import actions, policy
from services.analysis.models import ENDED, TRANSITIONS, Run, RunStatus
from services.analysis.prepare import steps
from services.analysis.prepare.bundle import Builder, BuildFailed
from services.analysis.prepare.inputs import fetch_inputs
from shared.clock import now
from shared.contracts import Outcome, RunQueued
from shared.errors import Conflict
from shared.ids import new_id
from tests.analysis.centre import Centre
from tests.analysis.examples import CSV, DIGEST, METER_TABLE, METERS, METERS_FILE, SITES_FILE, approved, as_csv, inputs

Open = Callable[..., Awaitable[Centre]]


@pytest.mark.parametrize("here", RunStatus)
@pytest.mark.parametrize("there", RunStatus)
def test_every_pair_of_run_states(here: RunStatus, there: RunStatus) -> None:
    run = Run(
        request_id=new_id(),
        ministry="mohw",
        status=here,
        method_name="m",
        method_release="1.0.0",
        method_digest=DIGEST,
        approved={},
    )
    if there in TRANSITIONS[here]:
        policy.check_move(run, there)
    else:
        with pytest.raises(Conflict):
            policy.check_move(run, there)


def test_the_life_cycle_is_complete() -> None:
    assert set(TRANSITIONS) == set(RunStatus)
    assert {status for status, following in TRANSITIONS.items() if not following} == ENDED
    for status in set(RunStatus) - ENDED:
        assert {RunStatus.FAILED, RunStatus.CANCELLED} <= TRANSITIONS[status]
        run = Run(
            request_id=new_id(),
            ministry="m",
            status=status,
            method_name="m",
            method_release="1",
            method_digest="",
            approved={},
        )
        assert policy.run_waiting(run, offered=True) is not None
    for status in ENDED:
        run = Run(
            request_id=new_id(),
            ministry="m",
            status=status,
            method_name="m",
            method_release="1",
            method_digest="",
            approved={},
        )
        assert policy.run_waiting(run, offered=False) is None


async def test_an_approved_request_is_prepared(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    run = await live_centre.row(run_id)
    assert (run.attempts, run.last_error, run.bundle_kept, run.worker_fence) == (0, None, True, 0)
    assert run.bundle is not None
    assert (run.bundle["rows"], run.bundle["keys_dropped"]) == (40, {"site": 0, "meter": 0})
    assert await live_centre.storage.exists(run.bundle["files"][0]["sha256"])
    assert [event.run_id for event in await live_centre.said(RunQueued) if isinstance(event, RunQueued)] == [run_id]


async def test_inputs_that_do_not_match_fail_the_run_with_a_reason(live_centre: Centre) -> None:
    few = as_csv(METER_TABLE, METERS[:5])
    await live_centre.storage.put_bytes(few, CSV)
    event = approved(of=inputs(meters=few))
    run = await live_centre.until(await live_centre.approve(event), RunStatus.FAILED)
    assert run.reason is not None
    assert run.reason["code"] == "match-below-floor"
    (told,) = await live_centre.finished()
    assert (told.outcome, told.fence, told.artefacts) == (Outcome.FAILED, 0, ())
    assert await live_centre.key_destroyed(event.brief.request_id)


async def test_other_bytes_than_approved_are_never_read(live_centre: Centre) -> None:
    event = approved()
    changed = SITES_FILE.replace(b"0", b"1")
    stored = live_centre.storage.folder
    assert stored is not None
    await live_centre.storage.put_bytes(SITES_FILE, CSV)
    sha256 = event.inputs[0].object.sha256
    (stored / f"sha256/{sha256[:2]}/{sha256}").write_bytes(changed)
    await live_centre.storage.put_bytes(METERS_FILE, CSV)
    await live_centre.hear(event)
    run = await live_centre.until(await live_centre.run_of(event.brief.request_id), RunStatus.FAILED)
    assert run.reason is not None
    assert run.reason["code"] == "input-corrupt"


async def test_a_missing_file_fails_the_run(live_centre: Centre) -> None:
    event = approved()
    await live_centre.hear(event)
    run = await live_centre.until(await live_centre.run_of(event.brief.request_id), RunStatus.FAILED)
    assert run.reason is not None
    assert run.reason["code"] == "input-corrupt"


async def test_a_fault_of_ours_is_tried_again(live_centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "backoff", lambda attempts: timedelta(milliseconds=50))
    faults = iter([OSError("가-0001 stands in this message"), BuildFailed("OutOfMemoryException")])
    real = Builder.build

    def faulty(self: Builder, *args: Any) -> Any:
        if fault := next(faults, None):
            raise fault
        return real(self, *args)

    monkeypatch.setattr(Builder, "build", faulty)
    run_id = await live_centre.prepared()
    run = await live_centre.row(run_id)
    assert (run.last_error, run.attempts) == (None, 0)


async def test_a_fault_that_stays_fails_the_run(live_centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "backoff", lambda attempts: timedelta(milliseconds=50))

    def faulty(self: Builder, *args: Any) -> Any:
        raise BuildFailed("OutOfMemoryException")

    monkeypatch.setattr(Builder, "build", faulty)
    run = await live_centre.until(await live_centre.approve(), RunStatus.FAILED)
    assert run.reason is not None
    assert (run.reason["code"], run.attempts) == ("prepare-crashed", 3)
    assert len(await live_centre.finished()) == 1


async def test_a_prepare_that_died_is_taken_up_again(open_centre: Open) -> None:
    centre = await open_centre()
    await centre.make_live()
    event = approved()
    async with centre.client.app.state.db.transaction() as session:
        run = await actions.queue_run(session, event)
        run.status, run.fence, run.attempts, run.due_at = RunStatus.PREPARING, 1, 1, now() + timedelta(seconds=0.3)
        session.add(run)
        run_id = run.id
    for data in (SITES_FILE, METERS_FILE):
        await centre.storage.put_bytes(data, CSV)
    run = await centre.until(run_id, RunStatus.PREPARED)
    assert run.fence == 2


async def test_cancelled_while_being_prepared(live_centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """The building stops, its result is dropped, and nothing of it stays in the storage."""
    began, go_on = asyncio.Event(), asyncio.Event()
    real = fetch_inputs

    async def slow(*args: Any) -> Any:
        began.set()
        await go_on.wait()
        return await real(*args)

    monkeypatch.setattr(steps, "fetch_inputs", slow)
    run_id = await live_centre.approve()
    async with asyncio.timeout(10):
        await began.wait()
    assert (await live_centre.row(run_id)).status is RunStatus.PREPARING
    assert (await cancel(live_centre, run_id)).json()["status"] == "cancelled"
    before = {path.name for path in objects(live_centre)}
    go_on.set()
    await asyncio.sleep(1.5)
    run = await live_centre.row(run_id)
    assert (run.status, run.bundle) == (RunStatus.CANCELLED, None)
    assert {path.name for path in objects(live_centre)} == before
    assert await live_centre.key_destroyed(run.request_id)
    assert len(await live_centre.finished()) == 1


def objects(centre: Centre) -> list[Any]:
    assert centre.storage.folder is not None
    return [path for path in centre.storage.folder.rglob("*") if path.is_file()]


async def cancel(centre: Centre, run_id: Any, role: str = "requester", ministry: str = "mohw") -> Any:
    url = f"/analysis/runs/{run_id}/cancel"
    return await centre.client.post(url, json={"reason": "Not needed."}, headers=centre.headers(role, ministry))


async def test_cancel_before_a_worker_has_it(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    answer = await cancel(live_centre, run_id)
    assert answer.json()["status"] == "cancelled"
    assert answer.json()["reason"]["code"] == "cancelled"
    assert answer.json()["actions"] == []
    assert await live_centre.worker().claim() is None
    assert (await cancel(live_centre, run_id)).status_code == 409
    (event,) = await live_centre.finished()
    assert (event.outcome, event.fence) == (Outcome.CANCELLED, 0)


async def test_cancel_reaches_a_listening_worker_at_once(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    listening = asyncio.create_task(claim.call("GET", "/signals?wait=20"))
    await asyncio.sleep(0.2)
    assert not listening.done()
    await cancel(live_centre, run_id, "centre-analyst", "centre")
    assert (await listening).json() == {"cancel": True}, "and not what twenty seconds of waiting end with"
    assert (await claim.finish("succeeded")).status_code == 409
    assert (await claim.finish("cancelled")).json()["status"] == "cancelled"
    (event,) = await live_centre.finished()
    assert (event.outcome, event.fence) == (Outcome.CANCELLED, claim.fence)


async def test_signals_wait_no_longer_than_asked(live_centre: Centre) -> None:
    await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    assert (await claim.call("GET", "/signals?wait=0.1")).json() == {"cancel": False}
    assert (await claim.call("GET", "/signals?wait=60")).status_code == 422


async def test_a_cancel_on_an_older_reading_is_refused(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    headers = live_centre.headers("requester", "mohw") | {"If-Match": '"1"'}
    answer = await live_centre.client.post(f"/analysis/runs/{run_id}/cancel", json={"reason": "x"}, headers=headers)
    assert answer.status_code == 412
    assert (await live_centre.row(run_id)).status is RunStatus.PREPARED


async def test_the_bundle_goes_when_the_run_has_ended(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim is not None
    run = await live_centre.row(run_id)
    assert run.bundle is not None
    sha256 = run.bundle["files"][0]["sha256"]
    assert await live_centre.storage.exists(sha256)
    await claim.succeed()
    await live_centre.until_cleared(run_id)
    assert not await live_centre.storage.exists(sha256)
    for each in inputs():
        assert await live_centre.storage.exists(each.object.sha256)


async def test_no_raw_input_stays_on_the_disk(live_centre: Centre, tmp_path: Any) -> None:
    await live_centre.prepared()
    assert not list(tmp_path.glob("dure-prepare-*"))


async def test_two_requests_on_the_same_files_share_no_pseudonym(live_centre: Centre) -> None:
    bundles = []
    for _ in range(2):
        run = await live_centre.row(await live_centre.prepared())
        assert run.bundle is not None
        bundles.append(run.bundle["files"][0]["sha256"])
    assert bundles[0] != bundles[1]
