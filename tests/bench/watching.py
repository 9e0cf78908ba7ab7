"""The memory of processes while something happens: the highest that was seen."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil

EVERY = 0.05
MIB = 1 << 20


@dataclass
class Peak:
    mib: float = 0.0


def resident(processes: Iterable[psutil.Process]) -> float:
    total = 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / MIB


def family(pid: int) -> list[psutil.Process]:
    try:
        return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


@asynccontextmanager
async def watched(which: Callable[[], Iterable[psutil.Process]]) -> AsyncIterator[Peak]:
    """The most memory that these processes hold together until the end of the block."""
    peak = Peak()

    async def look() -> None:
        while True:
            peak.mib = max(peak.mib, resident(which()))
            await asyncio.sleep(EVERY)

    looking = asyncio.create_task(look())
    try:
        yield peak
    finally:
        looking.cancel()
