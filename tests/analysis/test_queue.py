"""Whose turn it is: priorities, fair shares, quotas, aging, on SQLite and on PostgreSQL, also with ten thousand waiting."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, text
from sqlmodel import col, select

from services.analysis import actions, queries
from services.analysis.app import MIGRATIONS
from services.analysis.models import PLUMBING, Base, Method, Priority, Run, RunStatus
from services.analysis.prepare.steps import prepare_next
from services.analysis.queries.queue import TO_WORK, next_in_line
from shared.clock import now
from shared.contracts import Outcome
from shared.db import Database
from shared.storage import Storage
from tests.analysis.centre import Centre
from tests.analysis.examples import ANALYST, CSV, DIGEST, METERS_FILE, METHOD, SITES_FILE, WORKER, approved
from tests.analysis.test_analysis_databases import Desk
from tests.databases import migrated

HOUR = timedelta(hours=1)
TERMS = actions.ClaimTerms(timedelta(seconds=300), 3, quota=100, aging=HOUR)
URGENT, NORMAL, LOW = Priority


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    await migrated(MIGRATIONS, database_url)
    db = Database(database_url, Base.metadata, PLUMBING, "analysis")
    desk = Desk(db, Storage((tmp_path / "objects").as_uri()), tmp_path)
    await desk.go_live()
    yield desk
    await db.close()


def row(ministry: str = "mohw", priority: Priority = NORMAL, age: timedelta = timedelta(), **more: Any) -> Run:
    """A run that waits for a worker since so long."""
    event = approved(ministry=ministry)
    run = Run(
        request_id=event.brief.request_id, ministry=ministry, method_name="peers", method_release="1.0.0", method_digest=DIGEST,
        approved=event.model_dump(mode="json"), status=RunStatus.PREPARED, priority=priority, created_at=now() - age,
    )  # fmt: skip
    for name, value in more.items():
        setattr(run, name, value)
    return run


async def keep(desk: Desk, *runs: Run) -> list[UUID]:
    async with desk.db.transaction() as session:
        session.add_all(runs)
    return [run.id for run in runs]


async def taken(desk: Desk, terms: actions.ClaimTerms = TERMS) -> list[Run]:
    """What is claimed, one after the other, until there is nothing more to claim."""
    found = []
    while run := await desk.claim(terms):
        found.append(run)
    return found


async def told(desk: Desk, run_id: UUID, terms: actions.ClaimTerms = TERMS) -> Any:
    async with desk.db.transaction(caller=WORKER) as session:
        await actions.see_worker(session, WORKER, actions.Offer(uuid4(), (METHOD,)))
    async with desk.db.reading() as session:
        run = (await session.exec(select(Run).where(col(Run.id) == run_id))).one()
        return await queries.describe_run(session, ANALYST, run, queries.Present(HOUR, terms.order))


# Priority and age


async def test_priority_goes_before_age(desk: Desk) -> None:
    minutes = timedelta(minutes=1)
    runs = [row(priority=priority, age=minutes * age) for age, priority in enumerate((URGENT, LOW, NORMAL, URGENT, LOW, NORMAL))]
    await keep(desk, *runs)
    order = [run.id for run in await taken(desk)]
    assert order == [runs[at].id for at in (3, 0, 5, 2, 4, 1)]


@pytest.mark.parametrize(("priority", "rises"), [(NORMAL, 1), (LOW, 2)])
async def test_what_waits_rises_until_it_goes_first(desk: Desk, priority: Priority, rises: int) -> None:
    """After so many times of aging it stands with what is urgent, and is older; before that it does not."""
    old, older = (
        row("mohw", priority, HOUR * rises - timedelta(minutes=5)),
        row("moel", priority, HOUR * rises + timedelta(minutes=5)),
    )
    fresh = row("nts", URGENT)
    await keep(desk, old, older, fresh)
    assert [run.id for run in await taken(desk)] == [older.id, fresh.id, old.id]


async def test_nothing_starves_behind_a_stream_of_urgent_runs(desk: Desk) -> None:
    """Even where its own ministry has more under way than the others, which urge again and again."""
    busy = [row("mohw", status=RunStatus.RUNNING, due_at=now() + HOUR) for _ in range(5)]
    patient = row("mohw", LOW, HOUR * 3 + timedelta(minutes=1))
    await keep(desk, *busy, patient, *(row(f"m{number}", URGENT) for number in range(5)))
    first = await desk.claim(TERMS)
    assert first is not None
    assert first.id == patient.id


async def test_an_urgent_run_is_prepared_first(desk: Desk) -> None:
    for data in (SITES_FILE, METERS_FILE):
        await desk.storage.put_bytes(data, CSV)
    first, second = await desk.queue(approved()), await desk.queue(approved())
    async with desk.db.transaction(caller=ANALYST) as session:
        await actions.prioritise_run(session, ANALYST, second, URGENT, "The flood.")
    assert await prepare_next(desk.db, desk.storage, desk.terms)
    assert [(await desk.run(run_id)).status for run_id in (first, second)] == [RunStatus.QUEUED, RunStatus.PREPARED]


# Shares


async def test_ministries_take_turns_however_many_one_asks_for(desk: Desk) -> None:
    minute = timedelta(minutes=1)
    await keep(
        desk, *(row("mohw", age=minute * age) for age in range(20, 10, -1)), *(row("nts", age=minute * age) for age in (3, 2, 1))
    )
    order = [run.ministry for run in await taken(desk)]
    assert order == ["mohw", "nts"] * 3 + ["mohw"] * 7


async def test_what_ended_no_longer_counts_as_under_way(desk: Desk) -> None:
    await keep(desk, *(row("mohw") for _ in range(2)))
    for run in await taken(desk):
        await desk.cancel(run.id)
    old, young = row("mohw", age=HOUR / 2), row("nts")
    await keep(desk, old, young)
    assert [run.id for run in await taken(desk)] == [old.id, young.id]


# Quotas


async def set_quota(desk: Desk, ministry: str, most: int | None) -> None:
    async with desk.db.transaction(caller=ANALYST) as session:
        await actions.set_quota(session, ANALYST, ministry, most, "Why not.")


async def test_a_ministry_has_no_more_under_way_than_its_quota(desk: Desk) -> None:
    terms = actions.ClaimTerms(timedelta(seconds=300), 3, quota=2)
    ids = await keep(desk, *(row("mohw") for _ in range(5)), row("nts"))
    assert Counter(run.ministry for run in await taken(desk, terms)) == {"mohw": 2, "nts": 1}
    waiting = (await told(desk, ids[4], terms)).waiting
    assert (waiting.code, "2" in waiting.why, "centre-analyst" in waiting.who) == ("quota", True, True)
    await set_quota(desk, "mohw", 3)
    assert len(await taken(desk, terms)) == 1
    await set_quota(desk, "mohw", 0)
    await set_quota(desk, "nts", 0)
    await keep(desk, row("nts"))
    assert await taken(desk, terms) == []
    await set_quota(desk, "nts", None)
    assert [run.ministry for run in await taken(desk, terms)] == ["nts"]
    running = (await told(desk, ids[0], terms)).waiting
    assert running.code == "running", "what runs is not stopped by a smaller quota"


async def test_claims_at_once_keep_the_quota(desk: Desk) -> None:
    terms = actions.ClaimTerms(timedelta(seconds=300), 3, quota=3)
    await keep(desk, *(row(ministry) for ministry in ("mohw", "nts") for _ in range(6)))
    claims = [run for run in await asyncio.gather(*(desk.claim(terms) for _ in range(12))) if run]
    assert Counter(run.ministry for run in claims) == {"mohw": 3, "nts": 3}
    assert len({run.id for run in claims}) == 6


async def test_a_finished_run_makes_room(desk: Desk) -> None:
    terms = actions.ClaimTerms(timedelta(seconds=300), 3, quota=1)
    await keep(desk, row(), row())
    first = await desk.claim(terms)
    assert first is not None
    assert await desk.claim(terms) is None
    await desk.cancel(first.id)
    assert await desk.claim(terms) is not None


async def test_a_run_whose_worker_was_lost_keeps_its_place_in_the_quota(desk: Desk) -> None:
    terms = actions.ClaimTerms(timedelta(seconds=300), 3, quota=1)
    lost = row(status=RunStatus.RUNNING, fence=1, attempts=1, due_at=now() - timedelta(seconds=1))
    await keep(desk, lost, row(age=HOUR / 2))
    again = await desk.claim(terms)
    assert again is not None
    assert (again.id, again.fence) == (lost.id, 2)
    assert await desk.claim(terms) is None


async def test_a_run_says_its_place_in_line(desk: Desk) -> None:
    ids = await keep(
        desk, row(age=HOUR / 2), row(age=HOUR / 3), row(priority=URGENT), row(priority=LOW), row("nts", age=HOUR * 9)
    )
    assert [(await told(desk, run_id)).queue_position for run_id in ids] == [2, 3, 1, 4, 1]
    run = await desk.claim(TERMS)
    assert run is not None
    assert (await told(desk, run.id)).queue_position is None


# Ten thousand


async def test_the_next_of_ten_thousand_is_found_by_index_alone(desk: Desk) -> None:
    """The plan names no way through all that waits: whoever is next is looked up, once for each ministry and priority."""
    sample = row().model_dump()
    columns = Run.__table__.columns  # type: ignore[attr-defined]
    rows = [
        {column.name: sample[column.name] for column in columns}
        | {
            "id": uuid4(),
            "request_id": uuid4(),
            "ministry": f"m{number % 40:02d}",
            "created_at": now() - timedelta(seconds=number),
        }
        for number in range(10_000)
    ]
    async with desk.db.transaction() as session:
        await session.execute(insert(Run), rows)
    async with desk.db.engine.connect() as connection:
        await connection.execute(text("ANALYZE"))
        await connection.commit()
    claims = [await desk.claim(TERMS) for _ in range(41)]
    assert [run.ministry for run in claims if run] == [f"m{number % 40:02d}" for number in range(39, -1, -1)] + ["m39"]
    plan = await explained(desk)
    assert "ix_run_queue_method" in plan
    assert "ix_run_queue " in plan
    for whole in ("SCAN run", "SCAN run_1", "Seq Scan on run"):
        assert f"{whole} " not in plan + " "


async def explained(desk: Desk) -> str:
    async with desk.db.reading() as session:
        methods = list((await session.exec(select(Method.id))).all())
        words = next_in_line(TO_WORK, TERMS.order, methods).compile(
            desk.db.engine.sync_engine, compile_kwargs={"literal_binds": True}
        )
        explain = "EXPLAIN QUERY PLAN" if desk.db.sqlite else "EXPLAIN"
        found = (await (await session.connection()).exec_driver_sql(f"{explain} {words}")).all()
    return "\n".join(str(line[-1]) for line in found)


# Over HTTP


async def deeds(centre: Centre, deed: str) -> list[dict[str, Any]]:
    tables = centre.client.app.state.db.tables
    async with centre.client.app.state.db.reading() as session:
        query = tables.audit.select().where(tables.audit.c.action == deed).order_by(tables.audit.c.id)
        rows = (await session.execute(query)).mappings().all()
    return [dict(each) | {"detail": json.loads(each["detail"])} for each in rows]


async def test_the_centre_says_whose_run_goes_first(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    path, body = f"/analysis/runs/{run_id}/priority", {"priority": "urgent", "reason": "The flood."}
    analyst, post = live_centre.headers("centre-analyst", "centre"), live_centre.client.post
    shown = (await live_centre.client.get(f"/analysis/runs/{run_id}", headers=analyst)).json()
    assert (shown["priority"], shown["actions"]) == ("normal", ["cancel", "prioritise"])
    for role, ministry, status in (
        ("requester", "mohw", 403),
        ("auditor", "mohw", 403),
        ("ops", "mohw", 403),
        ("requester", "nts", 404),
    ):
        assert (await post(path, json=body, headers=live_centre.headers(role, ministry))).status_code == status
    for bad in ({"priority": "first"}, {"reason": ""}, {"reason": "a\x07"}, {"more": 1}):
        assert (await post(path, json=body | bad, headers=analyst)).status_code == 422
    assert (await post(path, json=body, headers=analyst | {"If-Match": '"1"'})).status_code == 412
    answer = await post(path, json=body, headers=analyst)
    assert (answer.status_code, answer.json()["priority"]) == (200, "urgent")
    done = [each for each in await deeds(live_centre, "analysis.prioritise-run") if each["outcome"] == "done"]
    assert [each["detail"] for each in done] == [{"former": "normal", "priority": "urgent", "reason": "The flood."}]
    await post(f"/analysis/runs/{run_id}/cancel", json={"reason": "Enough."}, headers=analyst)
    assert (await post(path, json=body, headers=analyst)).status_code == 409
    assert (await post(f"/analysis/runs/{uuid4()}/priority", json=body, headers=analyst)).status_code == 404


async def test_the_centre_sets_a_quota(live_centre: Centre) -> None:
    await live_centre.prepared()
    assert await live_centre.worker().claim() is not None
    path, body = "/analysis/quotas/mohw", {"most": 40, "reason": "The census."}
    analyst, put = live_centre.headers("centre-analyst", "centre"), live_centre.client.put
    for role in ("requester", "auditor", "ops", "worker"):
        assert (await put(path, json=body, headers=live_centre.headers(role))).status_code == 403
    for bad in ({"most": -1}, {"most": 100_001}, {"most": "many"}, {"reason": " "}, {"more": 1}):
        assert (await put(path, json=body | bad, headers=analyst)).status_code == 422
    assert (await put("/analysis/quotas/No", json=body, headers=analyst)).status_code == 422
    told = {"ministry": "mohw", "most": 40, "own": True, "reason": "The census.", "under_way": 1, "waiting": 0}
    answer = await put(path, json=body, headers=analyst)
    assert answer.json() == told
    assert (await put(path, json=body, headers=analyst | {"If-Match": '"7"'})).status_code == 412
    usual = await put(path, json=body | {"most": None}, headers=analyst | {"If-Match": answer.headers["ETag"]})
    assert usual.json() == told | {"most": 20, "own": False}
    for role, status in (("centre-analyst", 200), ("auditor", 200), ("ops", 200), ("requester", 403)):
        shown = await live_centre.client.get("/analysis/quotas", headers=live_centre.headers(role))
        assert shown.status_code == status
        assert status == 403 or shown.json() == [told | {"most": 20, "own": False}]
    done = [each["detail"] for each in await deeds(live_centre, "analysis.set-quota") if each["outcome"] == "done"]
    assert [(each["former"], each["most"]) for each in done] == [(None, 40), (40, None)]


async def test_a_waiting_worker_gets_the_run_that_a_quota_held_back(live_centre: Centre) -> None:
    analyst = live_centre.headers("centre-analyst", "centre")
    await live_centre.client.put("/analysis/quotas/mohw", json={"most": 0, "reason": "Stop."}, headers=analyst)
    run_id = await live_centre.prepared()
    assert await live_centre.worker().claim() is None
    waiting = asyncio.create_task(live_centre.worker().claim(wait=20))
    shown = (await live_centre.client.get(f"/analysis/runs/{run_id}", headers=analyst)).json()
    assert shown["waiting"]["code"] == "quota"
    await live_centre.client.put("/analysis/quotas/mohw", json={"most": 1, "reason": "Go on."}, headers=analyst)
    claim = await waiting
    assert claim is not None
    assert (await claim.succeed()).json()["status"] == str(Outcome.SUCCEEDED)
