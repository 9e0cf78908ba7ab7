"""Connections in turns: who is next, who is dropped, and what is kept for the background."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from shared.db import Database
from shared.errors import Unavailable
from shared.presence import CallerLeft, Pace, Presence
from shared.turns import Asking, Turns, asking, regardless
from tests.shared.conftest import TABLES, Base


class Line:
    """The line that a call came in by: silent until the caller hangs up."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    async def receive(self) -> dict[str, object]:
        await self.gone.wait()
        return {"type": "http.disconnect"}


class Scene:
    """Calls of several subjects that want turns. `order`: whose turn came, one after the other."""

    def __init__(self, turns: Turns) -> None:
        self.turns, self.order = turns, list[str]()
        self.tasks: list[asyncio.Task[None]] = []

    async def call(self, subject: str, line: Line, over: asyncio.Event) -> None:
        asking.set(Asking(subject, Presence(line.receive, Pace())))
        async with self.turns.turn():
            self.order.append(subject)
            await over.wait()

    async def begin(self, subject: str) -> tuple[asyncio.Task[None], Line, asyncio.Event]:
        line, over = Line(), asyncio.Event()
        task = asyncio.create_task(self.call(subject, line, over))
        self.tasks.append(task)
        await rounds()
        return task, line, over

    @property
    def waiting(self) -> int:
        return sum(len(queue) for queue in self.turns.waiting.values())


async def rounds() -> None:
    """Everything that can go on without an event from outside has gone on."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., Scene]]:
    scenes: list[Scene] = []

    def scene(most: int, each: int, patience: float = 60) -> Scene:
        scenes.append(Scene(Turns(most, each, patience)))
        return scenes[-1]

    yield scene
    for one in scenes:
        for task in one.tasks:
            task.cancel()
        await asyncio.gather(*one.tasks, return_exceptions=True)
        assert (one.turns.taken.total(), one.turns.waiting) == (0, {}), "nothing is left behind"


async def test_nobody_waits_behind_all_that_another_one_asked_for(make: Callable[..., Scene]) -> None:
    scene = make(1, 1)
    overs = [(await scene.begin("many"))[2] for _ in range(4)]
    overs.append((await scene.begin("one"))[2])
    for over in overs:
        over.set()
    await rounds()
    assert scene.order == ["many", "many", "one", "many", "many"]


async def test_one_subject_leaves_turns_to_others(make: Callable[..., Scene]) -> None:
    scene = make(3, 2)
    for _ in range(5):
        await scene.begin("many")
    assert scene.order == ["many", "many"]
    await scene.begin("one")
    assert scene.order[2:] == ["one"]


async def test_who_has_the_fewest_turns_is_next(make: Callable[..., Scene]) -> None:
    scene = make(3, 3)
    await scene.begin("many")
    await scene.begin("many")
    _, _, over = await scene.begin("few")
    await scene.begin("many")
    await scene.begin("new")
    over.set()
    await rounds()
    assert scene.order == ["many", "many", "few", "new"], "though another one waits for longer"


async def test_who_leaves_while_waiting_is_dropped_at_once(make: Callable[..., Scene]) -> None:
    scene = make(1, 1)
    _, _, over = await scene.begin("first")
    task, line, _ = await scene.begin("second")
    assert scene.waiting == 1
    line.gone.set()
    await rounds()
    assert scene.waiting == 0
    with pytest.raises(CallerLeft):
        await task
    over.set()
    await rounds()
    assert scene.order == ["first"]


async def test_who_has_left_before_its_turn_takes_none(make: Callable[..., Scene]) -> None:
    scene, line = make(1, 1), Line()
    line.gone.set()
    with pytest.raises(CallerLeft):
        await asyncio.create_task(scene.call("gone", line, asyncio.Event()))
    assert scene.order == []


async def test_what_is_done_regardless_is_done_for_nobody(make: Callable[..., Scene]) -> None:
    scene, line, over = make(1, 1), Line(), asyncio.Event()
    line.gone.set()
    over.set()

    async def finish() -> None:
        asking.set(Asking("gone", Presence(line.receive, Pace())))
        with regardless():
            async with scene.turns.turn():
                scene.order.append("gone")

    await asyncio.create_task(finish())
    assert scene.order == ["gone"]


async def test_a_turn_that_comes_as_its_call_is_cancelled_goes_on_to_the_next(
    make: Callable[..., Scene],
) -> None:
    scene = make(1, 1)
    _, _, over = await scene.begin("first")
    second, _, _ = await scene.begin("second")
    await scene.begin("third")
    over.set()
    while scene.turns.waiting.get("second"):  # until the turn has been given, and not yet taken
        await asyncio.sleep(0)
    second.cancel()
    await rounds()
    assert scene.order == ["first", "third"]


async def test_who_waits_too_long_is_refused_with_retry_after(make: Callable[..., Scene]) -> None:
    scene = make(1, 1, patience=0)
    await scene.begin("first")
    task, _, _ = await scene.begin("second")
    with pytest.raises(Unavailable) as refused:
        await task
    assert int(refused.value.headers["Retry-After"]) > 0


@asynccontextmanager
async def held(db: Database, subject: str) -> AsyncIterator[None]:
    """A call that keeps its connection."""
    began, over = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        asking.set(Asking(subject, Presence(Line().receive, Pace())))
        async with db.reading() as session:
            await session.execute(text("SELECT 1"))
            began.set()
            await over.wait()

    task = asyncio.create_task(hold())
    await began.wait()
    yield
    over.set()
    await task


async def test_a_share_of_the_connections_is_kept_for_the_background(database_url: str) -> None:
    db = Database(database_url, Base.metadata, TABLES, "catalog", connections=4)

    async def read() -> object:
        async with db.reading() as session:
            return (await session.execute(text("SELECT 1"))).scalar_one()

    async def read_as_caller() -> object:
        asking.set(Asking("another", Presence(Line().receive, Pace())))
        return await read()

    async with held(db, "first"):
        waits = asyncio.create_task(read_as_caller())
        await rounds()
        assert db.turns.waiting, "all that callers may have is taken"
        assert await asyncio.gather(read(), read(), read()) == [1, 1, 1]
        assert not waits.done()
    await waits
    await db.close()
