"""How long tests wait for what has to come: they end with it, so the limit is a guard alone."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
# Seconds. Below pytest's own timeout, so that the failure says what was waited for.
PATIENCE = 300.0


async def eventually(look: Callable[[], Awaitable[T]]) -> T:
    """What `look` answers as soon as it is true. TimeoutError after PATIENCE."""
    async with asyncio.timeout(PATIENCE):
        while not (seen := await look()):
            await asyncio.sleep(0.02)
        return seen
