"""One ministry's files hold up nobody else's: checks take turns, some at a time, and what may wait is bounded."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from services.catalog import actions, checks
from services.catalog.profile import check_apart
from services.catalog.schemas.reports import Report

GOOD = b"person_no,wages\nP1,100\n"
Open = Callable[..., Awaitable[Any]]


def rows(number: int) -> bytes:
    return GOOD + b"P%d,1\n" % number


async def hand_in(desk: Any, ministry: str, count: int) -> list[str]:
    """As many datasets with a file each."""
    ids = [(await desk.register(ministry=ministry))["id"] for _ in range(count)]
    for number, dataset in enumerate(ids):
        assert (await desk.put(dataset, rows(number), ministry=ministry)).status_code == 202
    return ids


async def stopped(desk: Any) -> Any:
    """The catalog, whose loops check nothing by themselves."""
    task = desk.client.app.state.service.tasks["check_next"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return desk.client.app.state.db


async def test_ministries_take_turns(open_desk: Open, database_url: str) -> None:
    desk = await open_desk(database_url=database_url)
    db = await stopped(desk)
    many, few = await hand_in(desk, "nts", 4), await hand_in(desk, "mohw", 2)
    last = await hand_in(desk, "kostat", 1)
    order = []
    for _ in range(7):
        async with db.transaction() as session:
            begun = await actions.begin_check(session, lease=desk.client.app.state.settings.check_lease, most_each=1)
        assert begun is not None
        dataset, file = begun
        order.append(str(dataset.id))
        async with db.transaction() as session:
            assert await actions.record_check(session, file, Report(rows=1))
    assert order[:3] == [many[0], few[0], last[0]]
    assert order[3:5] == [many[1], few[1]]
    assert order[5:] == many[2:]


async def test_several_at_a_time_and_one_place_is_left_to_others(open_desk: Open, database_url: str) -> None:
    desk = await open_desk(database_url=database_url)
    db, lease = await stopped(desk), desk.client.app.state.settings.check_lease
    await hand_in(desk, "nts", 4)

    async def begin() -> str | None:
        async with db.transaction() as session:
            begun = await actions.begin_check(session, lease=lease, most_each=2)
        return begun[0].ministry if begun else None

    assert [begun for begun in await asyncio.gather(*(begin() for _ in range(4))) if begun] == ["nts", "nts"]
    await hand_in(desk, "mohw", 1)
    assert await begin() == "mohw"


async def test_a_check_that_takes_long_holds_up_no_other_ministry(open_desk: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service itself, by its settings alone."""
    desk = await open_desk()
    began, go_on = asyncio.Event(), asyncio.Event()

    async def held(job: Any) -> Any:
        if not began.is_set():
            began.set()
            await go_on.wait()
        return await check_apart(job)

    monkeypatch.setattr(checks, "check_apart", held)
    slow = await hand_in(desk, "nts", 2)
    await began.wait()
    await desk.published(ministry="mohw")  # while the first is being checked, and the second waits behind it
    states = [(await desk.get(f"/catalog/datasets/{dataset}")).json()["state"] for dataset in slow]
    assert states == ["checking", "checking"]
    go_on.set()
    for dataset in slow:
        await desk.checked(dataset)


async def test_quotas_name_themselves_and_leave_nothing(open_desk: Open, database_url: str) -> None:
    size = len(rows(0))
    desk = await open_desk(
        database_url=database_url, waiting_files=2, waiting_bytes=3 * size, daily_files=4, daily_bytes=9 * size
    )
    await stopped(desk)
    storage = desk.client.app.state.storage
    [first, second] = await hand_in(desk, "nts", 2)
    third = (await desk.register())["id"]
    other = (await desk.register(ministry="mohw"))["id"]

    async def refused(data: Any, quota: str, dataset: str = third) -> None:
        before = [item async for item in storage.objects()]
        answer = await desk.put(dataset, data)
        problem = answer.json()
        assert (answer.status_code, problem["quota"]) == (429, quota), problem
        assert int(answer.headers["retry-after"]) > 0 and f"{problem['limit']:,}" in problem["detail"]
        assert [item async for item in storage.objects()] == before

    async def streamed(data: bytes) -> Any:
        yield data

    await refused(rows(7), "files that wait for their check")
    assert (await desk.put(other, rows(7), ministry="mohw")).status_code == 202  # each ministry has its own
    assert (await desk.put(first, rows(0))).status_code == 202  # the same again
    assert (await desk.put(first, rows(8))).status_code == 202  # takes the place of the one before
    await refused(rows(1) * 3, "bytes that wait for their check", second)
    await refused(streamed(rows(1) * 3), "bytes that wait for their check", second)
    assert (await desk.put(second, rows(9))).status_code == 202
    await refused(rows(3), "files within 24 hours", second)


async def test_the_quota_counts_what_comes_at_once(open_desk: Open, database_url: str) -> None:
    desk = await open_desk(database_url=database_url, waiting_files=3)
    await stopped(desk)
    ids = [(await desk.register())["id"] for _ in range(8)]
    answers = await asyncio.gather(*(desk.put(dataset, rows(number)) for number, dataset in enumerate(ids)))
    assert sorted(answer.status_code for answer in answers) == [202] * 3 + [429] * 5
