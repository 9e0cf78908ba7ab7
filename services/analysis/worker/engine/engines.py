"""Where partitions are worked on: in this process, or on a Dask cluster. A scheduler's address is the whole difference."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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


class Pending(Protocol):
    """A partition that is being worked on."""

    def result(self, timeout: float | None = None) -> Part: ...


class Engine(Protocol):
    """Takes partition tasks; what it gives back waits for the partition's file."""

    def submit(self, task: PartitionTask) -> Pending: ...


class InProcess:
    """The engine of one machine: as many partitions at a time as there are lanes."""

    def __init__(self, root: Path, lanes: ThreadPoolExecutor) -> None:
        self.root, self.lanes = root, lanes

    def submit(self, task: PartitionTask) -> Pending:
        return self.lanes.submit(perform, task, self.root)


@contextmanager
def open_engine(
    root: Path, *, lanes: int = 1, scheduler: str | None = None, certificates: Certificates | None = None
) -> Iterator[Engine]:
    """The engine in this process, or, once there is a scheduler's address (`tls://host:port`), the one behind it."""
    if scheduler is None:
        with ThreadPoolExecutor(lanes, "partition") as pool:
            yield InProcess(root, pool)
        return
    from services.analysis.worker.engine.dask import connected  # `distributed` is an extra: nobody else needs it

    if certificates is None:
        raise ValueError("a scheduler is only spoken to with certificates")
    with connected(scheduler, certificates) as engine:
        yield engine
