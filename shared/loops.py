"""Background work: loops that take turns, sleep until something is committed, and go on after a failure."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from shared.db import Database
from shared.storage import Storage

log = logging.getLogger(__name__)


class Wake:
    """Tells every loop and every long poll of a service that something was committed."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.stop = asyncio.Event()

    @property
    def stopping(self) -> bool:
        return self.stop.is_set()

    async def rest(self, seconds: float) -> None:
        """Wait, whatever is committed meanwhile; only the end of the service cuts it short."""
        await self.wait(self.stop, seconds)

    def ticket(self) -> asyncio.Event:
        """Take it before looking, so that a commit between looking and waiting is not missed."""
        return self.event

    def set(self) -> None:
        self.event.set()
        self.event = asyncio.Event()

    async def wait(self, ticket: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await ticket.wait()
        except TimeoutError:
            pass


@dataclass
class Context:
    """What a background step may use."""

    db: Database
    settings: Any
    storage: Storage
    wake: Wake
    state: dict[str, Any] = field(default_factory=dict)
    endings: list[Callable[[], Awaitable[None]]] = field(default_factory=list)  # awaited when the loops have ended


GRACE = 3.0
Step = Callable[[Context], Awaitable[bool]]
Turn = Callable[[], Awaitable[bool]]


@dataclass
class Glance:
    """Spares a loop most looks into the database. Each commit wakes every loop, but only some commits leave it anything.

    It looks if this process has `marked` that there is something, if the turn before left something,
    and every `idle` seconds for what other processes wrote and for what is due later.
    """

    marked: Callable[[], bool]
    turn: Turn
    idle: float
    unfinished: bool = True
    looked: float = -math.inf

    async def __call__(self) -> bool:
        at = time.monotonic()
        if not (self.marked() or self.unfinished or at - self.looked >= self.idle):
            return False
        self.looked, self.unfinished = at, True  # stays so if the turn fails
        self.unfinished = await self.turn()
        return self.unfinished


async def until_stopped(name: str, turn: Turn, wake: Wake, idle: float, pause: float = 0) -> None:
    """Take turns until there is nothing to do, then wait for a commit. A failing turn is logged and comes again, ever later.

    Between two turns lie at least `pause` seconds."""
    failures = 0
    while not wake.stopping:
        ticket = wake.ticket()
        try:
            busy = await turn()
            failures = 0
        except Exception as error:
            failures += 1
            busy = False
            log.warning("step failed", extra={"step": name, "failures": failures}, exc_info=error)
        if failures:
            await wake.rest(min(0.2 * 2**failures, 10))
            continue
        if pause:
            await wake.rest(pause)
        if not busy:
            await wake.wait(ticket, idle)
