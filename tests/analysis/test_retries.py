"""What is tried again and what is not, what a failed run says of it, and what of it is deleted later."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest

from services.analysis.actions import claims
from services.analysis.models import Run, RunStatus
from services.analysis.policy.outputs import WORKER_CODES
from services.analysis.policy.retries import NEVER, NEVER_AGAIN, TRIED_AGAIN, is_tried_again, with_attempts
from services.analysis.prepare.clearing import clear_outputs_next
from services.analysis.worker.reasons import SENTENCES
from shared.clock import now
from shared.contracts import Reason
from tests.analysis.centre import TABLE, Centre, Claim
from tests.analysis.examples import CSV
from tests.analysis.test_queue import deeds

Open = Callable[..., Awaitable[Centre]]
CORRUPT = {"code": "input-corrupt", "detail": SENTENCES["input-corrupt"]}
GRACE = timedelta(days=7)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Without the pauses; which attempts they were asked for."""
    asked: list[int] = []

    def backoff(attempts: int) -> timedelta:
        asked.append(attempts)
        return timedelta()

    monkeypatch.setattr(claims, "backoff", backoff)
    return asked


async def claimed(centre: Centre) -> Claim:
    claim = await centre.worker().claim(wait=20)
    assert claim is not None
    return claim


# What is tried again


@pytest.mark.parametrize("code", sorted(WORKER_CODES - {"cancelled"}))
def test_every_reason_of_a_worker_is_tried_again_or_never(code: str) -> None:
    assert (code in TRIED_AGAIN) != (code in NEVER)
    reason = Reason(code=code, detail="It was so.")
    assert is_tried_again(reason, 1, 3) == (code in TRIED_AGAIN)
    assert not is_tried_again(reason, 3, 3)
    assert (NEVER_AGAIN in with_attempts(reason, 1).detail) == (code in NEVER)
    assert "tried 2 times" in with_attempts(reason, 2).detail


def test_what_was_withdrawn_says_nothing_of_attempts() -> None:
    reason = Reason(code="dataset-withdrawn", detail="It was taken back.")
    assert with_attempts(reason, 3) == reason
    assert with_attempts(Reason(code="method-crashed", detail="x" * 4000), 3).detail[:4000] == "x" * 4000


async def test_an_input_that_did_not_arrive_is_fetched_again(live_centre: Centre, at_once: list[int]) -> None:
    run_id = await live_centre.prepared()
    first = await claimed(live_centre)
    answer = await first.finish("failed", reason=CORRUPT)
    assert (answer.status_code, answer.json()["status"]) == (200, "prepared")
    assert (await first.finish("failed", reason=CORRUPT)).json()["status"] == "prepared", "said again it is answered again"
    assert (await first.put()).status_code == 409
    shown = (await live_centre.client.get(f"/analysis/runs/{run_id}", headers=live_centre.headers("requester", "mohw"))).json()
    assert (shown["waiting"]["code"], "input-corrupt" in shown["waiting"]["why"]) == ("worker-again", True)
    second = await claimed(live_centre)
    assert second.fence == first.fence + 1
    assert (await second.succeed()).json()["status"] == "succeeded"
    assert at_once == [1]
    assert [each["detail"] for each in await deeds(live_centre, "analysis.retry-run")] == [
        {"fence": first.fence, "reason": "input-corrupt", "attempts": 1}
    ]
    (event,) = await live_centre.finished()
    assert (event.reason, event.fence) == (None, second.fence)


async def test_it_is_tried_so_often_and_later_each_time(live_centre: Centre, at_once: list[int]) -> None:
    run_id = await live_centre.prepared()
    for status in ("prepared", "prepared", "failed"):
        assert (await (await claimed(live_centre)).finish("failed", reason=CORRUPT)).json()["status"] == status
    assert at_once == [1, 2]
    (event,) = await live_centre.finished()
    assert event.reason is not None
    assert (event.reason.code, "It was tried 3 times." in event.reason.detail) == ("input-corrupt", True)
    run = await live_centre.row(run_id)
    assert run.reason == event.reason.model_dump()
    assert await live_centre.key_destroyed(run.request_id)


async def test_a_retried_run_waits_for_its_pause(live_centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "backoff", lambda attempts: timedelta(hours=attempts))
    run_id = await live_centre.prepared()
    await (await claimed(live_centre)).finish("failed", reason=CORRUPT)
    assert await live_centre.worker().claim() is None
    due_at = (await live_centre.row(run_id)).due_at
    assert due_at is not None
    assert now() + timedelta(minutes=50) < due_at < now() + timedelta(minutes=70)


async def test_a_worker_that_gives_back_has_made_no_attempt(live_centre: Centre) -> None:
    """However often the workers of a long run are restarted, that alone never fails it."""
    await live_centre.prepared()
    for _ in range(4):
        assert (await (await claimed(live_centre)).finish("cancelled")).json()["status"] == "prepared"
    assert (await (await claimed(live_centre)).succeed()).json()["status"] == "succeeded"


@pytest.mark.parametrize("code", sorted(NEVER))
async def test_what_a_method_does_is_never_tried_again(live_centre: Centre, code: str) -> None:
    run_id = await live_centre.prepared()
    reason = {"code": code, "detail": "It was so."}
    assert (await (await claimed(live_centre)).finish("failed", reason=reason)).json()["status"] == "failed"
    run = await live_centre.row(run_id)
    assert run.reason == {"code": code, "detail": f"It was so. {NEVER_AGAIN}"}
    assert await live_centre.worker().claim() is None


async def test_lost_workers_are_counted_in_the_reason(open_centre: Open) -> None:
    centre = await open_centre(lease_seconds=0.1, max_attempts=2)
    await centre.make_live()
    run_id = await centre.prepared()
    for _ in range(2):
        await claimed(centre)
    run = await centre.until(run_id, RunStatus.FAILED)
    assert run.reason is not None
    assert (run.reason["code"], "It was tried 2 times." in run.reason["detail"]) == ("worker-lost", True)


# What is deleted later


async def aged(centre: Centre, *run_ids: UUID) -> None:
    """As if they had ended long ago."""
    async with centre.client.app.state.db.transaction() as session:
        for run_id in run_ids:
            run = await session.get_one(Run, run_id)
            assert run.ended_at is not None
            run.ended_at -= GRACE * 2
            session.add(run)


async def sweep(centre: Centre) -> None:
    state = centre.client.app.state
    while await clear_outputs_next(state.db, state.storage, GRACE):
        pass


async def put(claim: Claim, data: bytes, name: str = "by_region", kind: str = "table") -> str:
    answer = await claim.put(kind, name, data, "text/plain" if kind == "log" else "application/json")
    assert answer.status_code == 201
    return str(answer.json()["sha256"])


async def test_outputs_that_do_not_count_are_deleted_after_a_grace(open_centre: Open) -> None:
    centre = await open_centre(lease_seconds=0.3)
    await centre.make_live()
    run_id = await centre.prepared()
    first = await claimed(centre)
    lost = await put(first, b'{"lost": 1}')
    shared = await put(first, b"same", "printed", "log")
    second = await claimed(centre)
    assert await put(second, b"same", "printed", "log") == shared
    assert (await second.succeed()).status_code == 200
    failed_id = await centre.prepared()
    third = await claimed(centre)
    failed = await put(third, b'{"failed": 1}')
    await third.finish("failed", reason={"code": "method-crashed", "detail": "It broke."})
    await sweep(centre)
    for sha256 in (lost, shared, failed):
        assert await centre.storage.exists(sha256), "the grace is not over"
    await aged(centre, run_id, failed_id)
    await sweep(centre)
    (accepted,) = (await centre.finished())[0].artefacts
    assert await centre.storage.exists(accepted.object.sha256)
    assert await centre.storage.exists(shared), "the accepted attempt handed in the same bytes"
    assert not await centre.storage.exists(lost)
    assert not await centre.storage.exists(failed)
    done = {each["subject"]: each["detail"] for each in await deeds(centre, "analysis.delete-outputs")}
    assert done == {
        f"run/{run_id}": {"count": 2, "fences": [first.fence]},
        f"run/{failed_id}": {"count": 1, "fences": [third.fence]},
    }
    await sweep(centre)
    assert len(await deeds(centre, "analysis.delete-outputs")) == 2, "once"


async def test_bytes_that_another_run_still_needs_are_kept(live_centre: Centre) -> None:
    failed_id = await live_centre.prepared()
    claim = await claimed(live_centre)
    same = await put(claim, TABLE)
    await claim.finish("failed", reason={"code": "method-crashed", "detail": "It broke."})
    await live_centre.prepared()
    await (await claimed(live_centre)).succeed()
    await aged(live_centre, failed_id)
    await sweep(live_centre)
    assert await live_centre.storage.exists(same)
    assert len(await deeds(live_centre, "analysis.delete-outputs")) == 1


async def test_a_file_that_was_there_before_the_run_is_nobodys_to_delete(live_centre: Centre) -> None:
    """A worker that hands in the bytes of a dataset and fails does not take the dataset away."""
    dataset = await live_centre.storage.put_bytes(b'{"a": "dataset"}', CSV)
    await asyncio.sleep(0.05)
    run_id = await live_centre.prepared()
    claim = await claimed(live_centre)
    assert await put(claim, b'{"a": "dataset"}') == dataset.sha256
    await claim.finish("failed", reason={"code": "method-crashed", "detail": "It broke."})
    await aged(live_centre, run_id)
    await sweep(live_centre)
    assert await live_centre.storage.exists(dataset.sha256)


async def test_the_service_sweeps_by_itself(open_centre: Open) -> None:
    centre = await open_centre(refused_output_days=0)
    await centre.make_live()
    await centre.prepared()
    claim = await claimed(centre)
    sha256 = await put(claim, b'{"failed": 1}')
    await claim.finish("failed", reason={"code": "method-crashed", "detail": "It broke."})
    async with asyncio.timeout(30):
        while not await deeds(centre, "analysis.delete-outputs"):
            await asyncio.sleep(0.05)
    assert not await centre.storage.exists(sha256)
