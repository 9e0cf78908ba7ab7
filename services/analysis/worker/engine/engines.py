"""Where partitions are worked on: in this process, or on a Dask cluster. A scheduler's address is the whole difference."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from services.analysis.worker.engine.tasks import Part, PartitionTask, perform


@dataclass(frozen=True)
class Certificates:
    """PEM files of mutual TLS: the authority that both sides trust, and this side's own certificate and key."""

    authority: Path
    certificate: Path
    key: Path


class EngineLostError(Exception):
    """Nobody works on the task any more: the kind of error with which the engine gave it up."""


class Engine(Protocol):
    """Takes partition tasks, many at a time, and gives the partition's file of each. Who is cancelled gives his task up."""

    async def submit(self, task: PartitionTask) -> Part: ...


class InProcess:
    """The engine of one machine: as many partitions at a time as there are lanes."""

    def __init__(self, root: Path, lanes: ThreadPoolExecutor) -> None:
        self.root, self.lanes = root, lanes

    async def submit(self, task: PartitionTask) -> Part:
        return await asyncio.wrap_future(self.lanes.submit(perform, task, self.root))


@asynccontextmanager
async def open_engine(
    root: Path, *, lanes: int = 1, scheduler: str | None = None, certificates: Certificates | None = None
) -> AsyncIterator[Engine]:
    """The engine in this process, or, once there is a scheduler's address (`tls://host:port`), the one behind it."""
    if scheduler is None:
        with ThreadPoolExecutor(lanes, "partition") as pool:
            yield InProcess(root, pool)
        return
    from services.analysis.worker.engine.dask import connected  # `distributed` is an extra: nobody else needs it

    if certificates is None:
        raise ValueError("a scheduler is only spoken to with certificates")
    async with connected(scheduler, certificates) as engine:
        yield engine
