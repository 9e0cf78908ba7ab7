"""The storm: strikes at even steps of the work, and what must be true of every run afterwards."""

import asyncio

from services.analysis.models import RunStatus
from shared.contracts import RunFinished, RunQueued
from tests.faults.centre import Centre

# In this order; every worker is killed at least once.
STRIKES = ("0", "service", "1", "broker", "2", "service", "3", "0", "broker", "1", "service", "2")
SHORT = {"lease_seconds": 3, "prepare_lease_seconds": 4, "max_attempts": 20, "runs_per_ministry": 3}


async def storm(centre: Centre, count: int) -> None:
    """Approve all, and strike again each time that a further part of the runs has ended."""
    approving = asyncio.create_task(centre.approve(await centre.approvals(count)))
    for number, name in enumerate(STRIKES):
        await centre.until_ended(count * number // len(STRIKES))
        await centre.strike(name)
    await approving
    await centre.until_ended(count)
    await centre.until_heard(count)


async def check_each_done_once(centre: Centre, count: int) -> None:
    runs = await centre.runs()
    subjects = {f"run/{run.id}" for run in runs}
    assert len(subjects) == count
    assert {run.status for run in runs} == {RunStatus.SUCCEEDED}, [run.reason for run in runs if run.reason]
    once = dict.fromkeys(subjects, 1)
    for deed in ("analysis.queue-run", "analysis.prepare-run", "analysis.finish-run"):
        assert await centre.audited(deed) == once, deed
    assert await centre.said(RunQueued) == once
    assert await centre.said(RunFinished) == once
    assert await centre.accepted() == {run.id: 1 for run in runs}
    assert {run_id: len(ids) for run_id, ids in centre.heard.items()} == {run.id: 1 for run in runs}, "by its id it is one event"
    claims = await centre.audited("analysis.claim-run")
    assert set(claims) == subjects
    assert {f"run/{run.id}": run.worker_fence for run in runs}.keys() == claims.keys()
    report = await centre.chain()
    assert (report.broken, report.findings) == (None, [])  # though processes were killed
    assert report.sealed > 0
