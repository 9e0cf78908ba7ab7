"""Connections in turns: so many callers at a time, and nobody waits behind all that another one asked for."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from shared.errors import Unavailable
from shared.messages import TURN_LATE
from shared.presence import CallerLeft, Presence

Waiter = asyncio.Future[None]


@dataclass
class Asking:
    """A call as far as the database has to know it: whose it is, and whether anybody waits for its answer."""

    subject: str
    presence: Presence
    has_turn: bool = False
    stays: bool = False

    @property
    def idle(self) -> bool:
        """Whether the caller has left, and nothing has to be finished all the same."""
        return self.presence.left and not self.stays

    def check(self) -> None:
        """CallerLeft if nobody waits for the answer any more."""
        if self.idle:
            raise CallerLeft


# Set for the time of a call. A background loop has none: its share of the connections is kept for it.
asking: ContextVar[Asking | None] = ContextVar("asking", default=None)


@contextmanager
def regardless() -> Iterator[None]:
    """What is done in here is done although the caller may have left: a refusal is audited, for example."""
    call = asking.get()
    if call is None:
        yield
        return
    before, call.stays = call.stays, True
    try:
        yield
    finally:
        call.stays = before


@dataclass
class Turns:
    """At most `most` turns at a time and `each` of one subject; who waits longer than `patience` seconds is refused.

    The next turn is that of the subject that has the fewest, and among those of who came first.
    """

    most: int
    each: int
    patience: float
    taken: Counter[str] = field(default_factory=Counter)
    waiting: dict[str, deque[Waiter]] = field(default_factory=dict)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """A turn for the call that is being answered, if one is. CallerLeft, Unavailable."""
        call = asking.get()
        if call is None or call.has_turn:
            yield
            return
        await self.take(call)
        call.has_turn = True
        try:
            yield
        finally:
            call.has_turn = False
            self.give_back(call.subject)

    async def take(self, call: Asking) -> None:
        await call.presence.look()
        call.check()
        if self.taken.total() < self.most and self.taken[call.subject] < self.each:
            self.taken[call.subject] += 1
        else:
            await self.wait(call)

    async def wait(self, call: Asking) -> None:
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self.waiting.setdefault(call.subject, deque()).append(waiter)
        call.presence.on_left = lambda: waiter.set_exception(CallerLeft()) if call.idle and not waiter.done() else None
        try:
            async with asyncio.timeout(self.patience):
                await waiter
            call.check()
        except TimeoutError:
            self.end(call.subject, waiter)
            raise Unavailable(TURN_LATE, retry_after=5) from None
        except BaseException:
            self.end(call.subject, waiter)
            raise
        finally:
            call.presence.on_left = lambda: None

    def end(self, subject: str, waiter: Waiter) -> None:
        """Forget who waits no more; a turn that came at the same moment goes to the next one."""
        if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
            self.give_back(subject)
        elif waiter in (queue := self.waiting.get(subject, deque())):
            queue.remove(waiter)
            if not queue:
                del self.waiting[subject]

    def give_back(self, subject: str) -> None:
        self.taken[subject] -= 1
        if not self.taken[subject]:
            del self.taken[subject]
        self.pass_on()

    def pass_on(self) -> None:
        """Give the turns that are free to those who wait."""
        while self.taken.total() < self.most:
            ready = [subject for subject in self.waiting if self.taken[subject] < self.each]
            if not ready:
                return
            # min() takes the first of equals: a dict keeps its order, and who had a turn goes to the end of it.
            subject = min(ready, key=lambda each: self.taken[each])
            queue = self.waiting.pop(subject)
            waiter = queue.popleft()
            if queue:
                self.waiting[subject] = queue
            if not waiter.done():
                self.taken[subject] += 1
                waiter.set_result(None)
