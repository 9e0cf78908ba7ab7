"""Real workers under a real service: a cancel reaches the method, a lost worker's run goes on, a late result is refused."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
from sqlmodel import col, select

from services.analysis.models import PLUMBING, LateResult, Run, RunStatus
from shared.contracts import RunFinished
from tests.faults.broker import Broker
from tests.faults.centre import PATIENCE, Centre, process_of
from tests.processes import gone

pytestmark = [pytest.mark.heavy, pytest.mark.rabbitmq]


@pytest.fixture
async def centre(tmp_path: Path, cards: Path) -> AsyncIterator[Centre]:
    folder = tmp_path / "centre"
    short = {"lease_seconds": 6}  # of a worker that was frozen it is waited for; a busy one must not lose it
    centre = Centre(folder, f"sqlite+aiosqlite:///{tmp_path}/analysis.db", Broker(), short, count=2, cards=cards)
    try:
        await centre.start()
        yield centre
    finally:
        await centre.stop()


async def until(centre: Centre, holds: Callable[[Run], object]) -> Run:
    """The only run that has not ended, or the last one, once this holds."""
    async with asyncio.timeout(PATIENCE):
        while not (runs := await centre.runs()) or not holds(runs[-1]):
            await asyncio.sleep(0.1)
    return runs[-1]


async def at_work(centre: Centre) -> tuple[Run, int]:
    """A run whose method sleeps, and the process that it sleeps in."""
    await centre.approve(await centre.approvals(1, sleep=600))
    run = await until(centre, lambda run: run.status is RunStatus.RUNNING and run.message.startswith("pid "))
    return run, process_of(run)


async def done(centre: Centre, run_id: UUID) -> list[str]:
    """What was done to the run, in order."""
    audit = PLUMBING.audit
    async with centre.db.reading() as session:
        query = select(audit.c.action).where(audit.c.subject == f"run/{run_id}", audit.c.outcome == "done")
        return [str(deed) for deed in (await session.execute(query.order_by(audit.c.id))).scalars()]


def lines(centre: Centre, **wanted: Any) -> list[dict[str, Any]]:
    """What workers wrote in their logs with these fields."""
    logged = [json.loads(line) for worker in centre.workers for line in worker.log.read_text().splitlines()]
    return [line for line in logged if all(line.get(name) == value for name, value in wanted.items())]


async def logged(centre: Centre, **wanted: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not lines(centre, **wanted):
            await asyncio.sleep(0.05)


def holder(centre: Centre, pid: int) -> Any:
    """The worker whose descendant this is."""
    above = {each.pid for each in psutil.Process(pid).parents()}
    return next(worker for worker in centre.workers if worker.process and worker.process.pid in above)


async def test_a_cancel_reaches_the_method_that_runs(centre: Centre) -> None:
    run, pid = await at_work(centre)
    answer = await centre.call("POST", f"/analysis/runs/{run.id}/cancel", "centre-analyst", json={"reason": "The wrong year."})
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    await logged(centre, message="run finished", run=str(run.id), outcome="cancelled")
    assert gone(pid), "the worker says so only when nothing of the method is left"
    await centre.until_heard(1)
    deeds = [deed for deed in await done(centre, run.id) if deed != "analysis.delete-bundle"]
    assert deeds == ["analysis.queue-run", "analysis.prepare-run", "analysis.claim-run", "analysis.cancel-run"]
    assert await centre.said(RunFinished) == {f"run/{run.id}": 1}
    assert await centre.accepted() == {}
    await centre.approve(await centre.approvals(1))
    await until(centre, lambda last: last.id != run.id and last.status is RunStatus.SUCCEEDED)


async def test_a_lost_workers_run_is_taken_up_and_what_the_lost_one_says_later_is_refused(centre: Centre) -> None:
    """The worker sleeps beyond its lease, as a machine does that was suspended; then it wakes up and goes on."""
    await centre.approve(await centre.approvals(1, sleep=20))
    run = await until(centre, lambda run: run.message.startswith("pid "))
    frozen = holder(centre, process_of(run))
    assert frozen.process is not None
    os.kill(frozen.process.pid, signal.SIGSTOP)
    try:
        again = await until(centre, lambda now: now.worker_fence > run.worker_fence and now.status is RunStatus.RUNNING)
        assert again.worker_id != run.worker_id
    finally:
        os.kill(frozen.process.pid, signal.SIGCONT)
    await logged(centre, message="the run is no longer ours", run=str(run.id))
    ended = await until(centre, lambda now: now.ended)
    assert (ended.status, ended.worker_fence) == (RunStatus.SUCCEEDED, again.worker_fence)
    assert await centre.said(RunFinished) == {f"run/{run.id}": 1}
    assert await centre.accepted() == {run.id: 1}
    async with centre.db.reading() as session:
        late = (await session.exec(select(LateResult).where(col(LateResult.run_id) == run.id))).all()
    assert {each.fence for each in late} <= {run.worker_fence}
