"""On SQLite and on PostgreSQL: migrations from empty, the deeds, and many at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlmodel import col, select

from services.analysis import actions, queries
from services.analysis.app import MIGRATIONS
from services.analysis.models import PLUMBING, Base, Run, RunStatus, Tombstone, Verdict, Withdrawn
from services.analysis.prepare.clearing import clear_next
from services.analysis.prepare.readers import Limits
from services.analysis.prepare.steps import PrepareTerms, prepare_next
from shared.contracts import Outcome, Reason, RequestApproved, RunFinished
from shared.db import Database
from shared.errors import Conflict, StaleClaim
from shared.migrate import check, upgrade
from shared.paging import PageQuery
from shared.storage import Storage
from tests.analysis.centre import said
from tests.analysis.examples import (
    ANALYST,
    CSV,
    DIGEST,
    METERS_FILE,
    METHOD,
    REQUESTER,
    SITES_FILE,
    WORKER,
    approved,
    card,
    person,
)
from tests.databases import migrated

TERMS = actions.ClaimTerms(timedelta(seconds=30), 3)
PRESENT = queries.Present(timedelta(seconds=60), TERMS.order)
MOMENT = actions.ClaimTerms(timedelta(seconds=0.05), 3)


class Desk:
    """The deeds on one database, each in a transaction of its own."""

    def __init__(self, db: Database, storage: Storage, scratch: Path) -> None:
        self.db, self.storage = db, storage
        self.terms = PrepareTerms(b"\x01" * 32, Limits(256, 1), timedelta(seconds=30), 3, scratch)

    async def go_live(self) -> None:
        async with self.db.transaction(caller=WORKER) as session:
            await actions.announce_method(session, WORKER, card(), DIGEST)
        for ministry in ("mois", "moel"):
            await self.review(ministry)

    async def review(self, ministry: str, subject: str | None = None) -> None:
        reviewer = person("method-reviewer", ministry, subject)
        async with self.db.transaction(caller=reviewer) as session:
            await actions.review_method(session, reviewer, "peers", "1.0.0", Verdict.APPROVE, "Read it.")

    async def queue(self, event: RequestApproved) -> UUID:
        async with self.db.transaction() as session:
            return (await actions.queue_run(session, event)).id

    async def prepared(self, event: RequestApproved | None = None) -> UUID:
        run_id = await self.queue(event or approved())
        for data in (SITES_FILE, METERS_FILE):
            await self.storage.put_bytes(data, CSV)
        assert await prepare_next(self.db, self.storage, self.terms)
        assert (await self.run(run_id)).status is RunStatus.PREPARED
        return run_id

    async def claim(self, terms: actions.ClaimTerms = TERMS) -> Run | None:
        async with self.db.transaction(caller=WORKER) as session:
            return await actions.claim_run(session, WORKER, actions.Offer(uuid4(), (METHOD,)), terms)

    async def finish(self, run: Run, outcome: Outcome = Outcome.CANCELLED) -> RunStatus:
        async with self.db.transaction(caller=WORKER) as session:
            return (await actions.finish_run(session, run.id, run.fence, outcome, None, [])).status

    async def withdraw(self, kind: Withdrawn, key: str) -> None:
        async with self.db.transaction() as session:
            await actions.end_withdrawn_runs(session, kind, key)

    async def cancel(self, run_id: UUID) -> None:
        async with self.db.transaction(caller=ANALYST) as session:
            await actions.cancel_run(session, ANALYST, run_id, "Why not.")

    async def run(self, run_id: UUID) -> Run:
        async with self.db.reading() as session:
            return (await session.exec(select(Run).where(col(Run.id) == run_id))).one()

    async def finished(self) -> list[Any]:
        async with self.db.reading() as session:
            return list(await said(session, RunFinished))


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    await migrated(MIGRATIONS, database_url)
    db = Database(database_url, Base.metadata, PLUMBING, "analysis")
    desk = Desk(db, Storage((tmp_path / "objects").as_uri()), tmp_path)
    await desk.go_live()
    yield desk
    await db.close()


async def test_migrations_from_empty_match_the_models(database_url: str) -> None:
    await asyncio.to_thread(upgrade, MIGRATIONS, database_url)
    await asyncio.to_thread(check, MIGRATIONS, database_url)
    await asyncio.to_thread(upgrade, MIGRATIONS, database_url)


async def test_the_walk(desk: Desk) -> None:
    run_id = await desk.prepared()
    run = await desk.claim()
    assert run is not None
    async with desk.db.transaction(caller=WORKER) as session:
        assert await actions.beat(session, run.id, run.fence, progress=0.5, message="half", lease=timedelta(seconds=5))
    assert await desk.finish(run) is RunStatus.PREPARED
    again = await desk.claim()
    assert again is not None
    assert again.fence == run.fence + 1
    with pytest.raises(StaleClaim):
        await desk.finish(run)
    async with desk.db.transaction() as session:
        await actions.keep_late_result(session, run.id, run.fence, Outcome.SUCCEEDED)
    await desk.cancel(run_id)
    assert await clear_next(desk.db, desk.storage)
    assert not await clear_next(desk.db, desk.storage)
    async with desk.db.reading() as session:
        runs, _ = await queries.list_runs(session, REQUESTER, PageQuery(), status=None, request_id=None, present=PRESENT)
        assert [each.status for each in runs] == [RunStatus.CANCELLED]
        methods, _ = await queries.list_methods(session, REQUESTER, PageQuery())
        assert [each.version for each in methods] == ["1.0.0"]


async def test_many_claims_at_once_give_each_run_once(desk: Desk) -> None:
    run_ids = {await desk.prepared() for _ in range(3)}
    claims = await asyncio.gather(*(desk.claim() for _ in range(8)))
    given = [run.id for run in claims if run]
    assert (len(given), set(given)) == (3, run_ids)


async def test_a_lease_that_ran_out_goes_to_one_of_many(desk: Desk) -> None:
    await desk.prepared()
    first = await desk.claim(MOMENT)
    assert first is not None
    await asyncio.sleep(0.1)
    claims = [run for run in await asyncio.gather(*(desk.claim() for _ in range(6))) if run]
    assert [run.fence for run in claims] == [first.fence + 1]


async def test_a_lost_run_is_reaped_once(desk: Desk) -> None:
    run_id = await desk.prepared()
    for _ in range(3):
        assert await desk.claim(MOMENT) is not None
        await asyncio.sleep(0.1)
    assert await desk.claim() is None
    outcomes = await asyncio.gather(*(actions.reap(desk.db, 3, timedelta(days=1)) for _ in range(4)))
    assert any(outcomes)
    assert not await actions.reap(desk.db, 3, timedelta(days=1))
    run = await desk.run(run_id)
    assert run.reason is not None
    assert run.reason["code"] == "worker-lost"
    assert len(await desk.finished()) == 1


async def test_workers_that_are_long_gone_are_forgotten(desk: Desk) -> None:
    async with desk.db.transaction(caller=WORKER) as session:
        await actions.see_worker(session, WORKER, actions.Offer(uuid4(), (METHOD,)))
    assert not await actions.reap(desk.db, 3, timedelta(days=1))
    assert await actions.reap(desk.db, 3, timedelta(0))
    assert not await actions.reap(desk.db, 3, timedelta(0))


async def test_cancel_and_withdrawal_at_once_end_a_run_once(desk: Desk) -> None:
    event = approved()
    run_id = await desk.prepared(event)
    await asyncio.gather(
        desk.cancel(run_id),
        desk.withdraw(Withdrawn.DATASET, str(event.inputs[0].dataset_id)),
        desk.withdraw(Withdrawn.REQUEST, str(event.brief.request_id)),
        desk.claim(),
        return_exceptions=True,
    )
    assert (await desk.run(run_id)).ended
    assert len(await desk.finished()) == 1


async def test_the_approval_and_a_withdrawal_at_once(desk: Desk) -> None:
    """Even if neither sees the other, the run ends at the next stop."""
    for _ in range(5):
        event = approved()
        await asyncio.gather(
            desk.queue(event), desk.withdraw(Withdrawn.DATASET, str(event.inputs[0].dataset_id)), return_exceptions=True
        )
        run_id = await desk.queue(event)
        await prepare_next(desk.db, desk.storage, desk.terms)
        run = await desk.run(run_id)
        assert run.reason is not None
        assert run.reason["code"] == "dataset-withdrawn"
        assert len([each for each in await desk.finished() if each.run_id == run_id]) == 1


async def test_a_withdrawal_that_came_unseen_is_met_at_claim_and_finish(desk: Desk) -> None:
    async def bury(event: RequestApproved) -> None:
        async with desk.db.transaction() as session:
            session.add(Tombstone(kind=Withdrawn.DATASET, key=str(event.inputs[1].dataset_id)))

    at_claim, at_finish = approved(), approved()
    first = await desk.prepared(at_finish)
    run = await desk.claim()
    assert run is not None
    assert run.id == first
    await bury(at_finish)
    second = await desk.prepared(at_claim)
    await bury(at_claim)
    assert await desk.claim() is None
    async with desk.db.transaction(caller=WORKER) as session:
        reason = Reason(code="method-crashed", detail="It broke.")
        await actions.finish_run(session, run.id, run.fence, Outcome.FAILED, reason, [])
    for run_id in (first, second):
        ended = await desk.run(run_id)
        assert ended.reason is not None
        assert ended.reason["code"] == "dataset-withdrawn"


async def test_two_reviewers_of_one_body_at_once(database_url: str, tmp_path: Path) -> None:
    await migrated(MIGRATIONS, database_url)
    db = Database(database_url, Base.metadata, PLUMBING, "analysis")
    desk = Desk(db, Storage((tmp_path / "objects").as_uri()), tmp_path)
    async with db.transaction(caller=WORKER) as session:
        await actions.announce_method(session, WORKER, card(), DIGEST)
    outcomes = await asyncio.gather(*(desk.review("mois", f"reviewer{n}") for n in range(4)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(Conflict) == 3
    await db.close()
