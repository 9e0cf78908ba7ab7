"""Whether the caller still waits for the answer, and whether the body comes in time: seen at the receiving end of a call."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Message, Receive

from shared.errors import TooSlow
from shared.messages import TOO_SLOW

DISCONNECT = "http.disconnect"
# Of the loop. A connection that was cut still delivers what was sent: only the next read fails, and one round later the
# server says so. So a call that was cut while nobody had time for it is known before anything is done for it.
ROUNDS = 4


class CallerLeft(Exception):
    """Nobody waits for the answer any more, so nothing more is done for it."""


@dataclass(frozen=True)
class Pace:
    """The slowest sender that is waited for: longest pause in seconds, and bytes a second on the whole."""

    pause: float = 30.0
    rate: float = 10 * 1024.0


class Presence:
    """Stands between the server and the application: hands on what is received, and notices that the caller has left.

    ASGI tells of that only to who receives, so while a database works somebody has to: `look`.
    """

    def __init__(self, receive: Receive, pace: Pace, *, has_body: bool = False) -> None:
        self.inner, self.pace, self.has_body = receive, pace, has_body
        self.messages: deque[Message] = deque()
        self.arrived = asyncio.Event()
        self.left = False
        self.whole = False  # the last part of the body has come
        self.size = 0
        self.waited = 0.0  # seconds, for the sender alone: what is done with the body meanwhile does not count
        self.watching: asyncio.Task[None] | None = None
        self.on_left: Callable[[], None] = lambda: None

    async def look(self) -> None:
        """Look whether the caller has left, and go on looking. Not before a body has been read: nobody reads it early."""
        ready = self.whole or not (self.has_body or self.messages)
        if ready and self.watching is None and not self.left:
            self.watching = asyncio.create_task(self.look_out())
            for _ in range(ROUNDS):
                await asyncio.sleep(0)

    async def look_out(self) -> None:
        while not self.left and (self.whole or not self.messages):
            message = await self.inner()
            self.note(message)
            if message["type"] != DISCONNECT:
                self.messages.append(message)
            self.arrived.set()
        self.watching = None

    def note(self, message: Message) -> None:
        if message["type"] == DISCONNECT:
            self.left = True
            self.on_left()
        else:
            self.size += len(message.get("body", b""))
            self.whole = not message.get("more_body", False)

    async def receive(self) -> Message:
        """The next message. TooSlow if the body does not come at the pace."""
        if self.messages:
            return self.messages.popleft()
        if self.left:
            return {"type": DISCONNECT}
        if self.whole:
            return await self.following()
        began = asyncio.get_running_loop().time()
        left = self.pace.pause + min(0.0, self.size / self.pace.rate - self.waited)
        try:
            async with asyncio.timeout(left):
                return await self.following()
        except TimeoutError:
            raise TooSlow(TOO_SLOW(seconds=f"{self.pace.pause:g}")) from None
        finally:
            self.waited += asyncio.get_running_loop().time() - began

    async def following(self) -> Message:
        if self.watching is None:
            message = await self.inner()
            self.note(message)
            return message
        while not self.messages and not self.left:
            self.arrived.clear()
            await self.arrived.wait()
        return self.messages.popleft() if self.messages else {"type": DISCONNECT}

    def close(self) -> None:
        """The call is over."""
        self.on_left = lambda: None
        if self.watching is not None:
            self.watching.cancel()
