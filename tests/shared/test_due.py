"""Claimed, done, recorded: a fence protects the record, a lease lets a crash heal."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from shared.clock import now
from shared.db import Database, check_version
from shared.due import backoff, claim, db_now, record
from shared.errors import PreconditionFailed


async def add(db: Database, job: type[Any], n: int = 1) -> None:
    async with db.transaction() as session:
        session.add_all([job(name=f"job {i}") for i in range(n)])


async def test_a_claimed_row_is_not_claimed_again_within_its_lease(db: Database, job: type[Any]) -> None:
    await add(db, job)
    async with db.transaction() as session:
        first = await claim(session, job, n=5, lease=timedelta(seconds=30))
    async with db.transaction() as session:
        second = await claim(session, job, n=5, lease=timedelta(seconds=30))
    assert [row.fence for row in first] == [1]
    assert second == []


async def test_a_late_record_is_refused_after_the_lease_ran_out(db: Database, job: type[Any]) -> None:
    await add(db, job)
    async with db.transaction() as session:
        (dead,) = await claim(session, job, n=1, lease=timedelta(seconds=-1))
    async with db.transaction() as session:
        (alive,) = await claim(session, job, n=1)
    async with db.transaction() as session:
        assert not await record(session, job, dead.id, dead.fence, name="late", due_at=None)
        assert await record(session, job, alive.id, alive.fence, name="in time", due_at=None)
    async with db.reading() as session:
        kept = await session.get_one(job, alive.id)
    assert (kept.name, kept.attempts, kept.due_at) == ("in time", 2, None)


async def test_two_claimers_share_no_row(db: Database, job: type[Any]) -> None:
    await add(db, job, 20)

    async def take() -> list[Any]:
        async with db.transaction() as session:
            return await claim(session, job, n=7)

    taken = [row.id for rows in await asyncio.gather(take(), take(), take()) for row in rows]
    assert len(taken) == len(set(taken)) == 20


async def test_future_work_waits(db: Database, job: type[Any]) -> None:
    await add(db, job)
    async with db.transaction() as session:
        await session.execute(update(job).values(due_at=db_now(timedelta(seconds=60))))
    async with db.transaction() as session:
        assert await claim(session, job, n=1) == []


async def test_the_databases_clock_is_utc_and_aware(db: Database) -> None:
    async with db.reading() as session:
        told = (await session.execute(select(db_now(timedelta(hours=1))))).scalar_one()
    assert abs((told - now()).total_seconds() - 3600) < 60


def test_backoff_doubles_and_is_capped() -> None:
    assert 0.7 <= backoff(1).total_seconds() <= 1.3
    assert 6 <= backoff(4).total_seconds() <= 10
    assert backoff(50).total_seconds() <= 375


async def test_an_older_reading_may_not_write(db: Database, job: type[Any]) -> None:
    row = job()
    check_version(row, None)
    check_version(row, 1)
    row.touch()
    with pytest.raises(PreconditionFailed, match="version 2"):
        check_version(row, 1)
