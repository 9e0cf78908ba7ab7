"""Dask `distributed` as the engine: mutual TLS both ways, and on its nodes nothing but tasks that are registered by name."""

import asyncio
import io
import logging
import pickle
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from uuid import uuid4

import distributed.protocol.pickle
import distributed.scheduler
from distributed import Client, Scheduler, Security, Worker, get_worker
from distributed.config import config

from services.analysis.worker.engine.confined import Confined
from services.analysis.worker.engine.engines import Certificates, EngineLostError
from services.analysis.worker.engine.tasks import (
    Part,
    PartitionTask,
    TaskFailedError,
    TaskRefusedError,
    UnknownTaskError,
)
from services.analysis.worker.jobs import Sandbox

OFTEN: Final = 5  # so often a partition is taken up again after the death of its node
SECONDS: Final = "10s"
LEAVING: Final = 1.0
ALONE: Final = "127.0.0.1:0"
ERRORS: Final = {error.__name__: error for error in (UnknownTaskError, TaskRefusedError, TaskFailedError)}
Tell = Callable[[str], None]


def security(certificates: Certificates) -> Security:
    """Encrypted, and both sides show a certificate of the same authority; anything else is refused in the handshake."""
    own = {"cert": str(certificates.certificate), "key": str(certificates.key)}
    sides = {f"tls_{side}_{what}": path for side in ("client", "worker", "scheduler") for what, path in own.items()}
    return Security(require_encryption=True, tls_ca_file=str(certificates.authority), tls_min_version=0x0304, **sides)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Failed:
    """Why a node has no partition file to show."""

    error: str
    told: str


async def on_node(task: PartitionTask) -> Part | Failed:
    """What a node is told to do: a task by its name, within the node's own root. To fail is an answer: Dask would try again
    what another node cannot do either, and log it."""
    node: Any = get_worker()
    confined: Confined = node.confined
    try:
        return await confined.perform(task)
    except (UnknownTaskError, TaskFailedError) as error:
        return Failed(type(error).__name__, str(error))


class Dask:
    """Tasks go to whichever node is free; one whose node dies is done again by another."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def submit(self, task: PartitionTask) -> Part:
        key = f"{task.name}-{task.bundle}-{task.part}-{uuid4().hex}"
        try:
            found = await self.answer(self.client.submit(on_node, task, key=key, retries=OFTEN, pure=False))
        except Exception as error:
            raise EngineLostError(type(error).__name__) from None
        if isinstance(found, Failed):
            raise ERRORS.get(found.error, TaskFailedError)(found.told)
        return found

    async def answer(self, future: Any) -> Part | Failed:
        """Also an end when the scheduler says good-bye: a future alone would wait for ever."""
        waiting: asyncio.Future[Part | Failed] = asyncio.ensure_future(future.result())
        listening: Any = self.client._handle_report_task
        try:
            await asyncio.wait([waiting, listening], return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise ConnectionError
            return waiting.result()
        finally:
            waiting.cancel()
            with suppress(Exception):
                future.release()  # nobody waits for it any more: the scheduler forgets it


@asynccontextmanager
async def connected(scheduler: str, certificates: Certificates, seconds: str = SECONDS) -> AsyncIterator[Dask]:
    if not scheduler.startswith("tls://"):
        raise ValueError("a scheduler's address is tls://host:port")
    guard()
    client = Client(scheduler, security=security(certificates), timeout=seconds, set_as_default=False, asynchronous=True)  # type: ignore[no-untyped-call]
    try:
        await client
        yield Dask(client)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVING):
                await client._close(fast=True)


# What is read of what comes in: by scheduler and nodes, and by who waits for a partition.

KNOWN: Final = frozenset(
    {
        ("services.analysis.worker.engine.dask", "on_node"),
        ("services.analysis.worker.engine.dask", "Failed"),
        ("services.analysis.worker.engine.tasks", "PartitionTask"),
        ("services.analysis.worker.engine.tasks", "Part"),
        ("distributed.scheduler", "NoWorkerError"),
        ("dask._task_spec", "Task"),
        ("dask._expr", "LLGExpr"),
        ("dask._expr", "Expr._reconstruct"),
        *(("builtins", kind) for kind in ("bytes", "bytearray", "dict", "frozenset", "list", "set", "tuple")),
    }
)


class Refused(pickle.UnpicklingError, TypeError):
    """Somebody sent code or an object that no task of ours is made of. Dask takes a TypeError for what it need not understand."""


class Guarded(pickle.Unpickler):
    """Dask would run any function that a client sends: these processes know only what our tasks are made of."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in KNOWN:
            raise Refused(f"{module}.{name}"[:200])
        return super().find_class(module, name)


def loads(data: bytes, *, buffers: Any = ()) -> Any:
    return Guarded(io.BytesIO(data), buffers=buffers).load()


def guard() -> None:
    """In each process before it listens or calls; a second time changes nothing."""
    logging.getLogger("distributed").setLevel(logging.WARNING)
    guarded = SimpleNamespace(**{name: getattr(pickle, name) for name in pickle.__all__})
    guarded.loads, guarded.Unpickler, guarded.load = loads, Guarded, None
    for module in (distributed.protocol.pickle, distributed.scheduler):
        vars(module)["pickle"] = guarded
    for kind in (
        "scheduler",
        "worker",
    ):  # pages for whoever asks, without any certificate: they cannot be switched off, so emptied
        config["distributed"][kind]["http"]["routes"] = []


async def serve_scheduler(host: str, port: int, patience: float, certificates: Certificates, tell: Tell) -> None:
    """Tasks that wait longer than `patience` while there is no node at all are given up."""
    guard()
    # No shuffles: each node would be sent a plug-in, which is code.
    extensions = {name: one for name, one in distributed.scheduler.DEFAULT_EXTENSIONS.items() if name != "shuffle"}
    kept: dict[str, Any] = {
        "security": security(certificates),
        "dashboard": False,
        "dashboard_address": ALONE,
        "allowed_failures": OFTEN,
        "extensions": extensions,
    }
    async with Scheduler(host=host, port=port, protocol="tls", **kept) as scheduler:
        vars(scheduler)["no_workers_timeout"] = patience
        tell(f"listening {scheduler.address}")
        await scheduler.finished()


async def serve_node(scheduler: str, root: Path, certificates: Certificates, sandbox: Sandbox, tell: Tell) -> None:
    """A node works on one partition at a time, in a child; more of them are more processes."""
    guard()
    kept: dict[str, Any] = {"dashboard": False, "dashboard_address": ALONE, "memory_limit": 0, "nthreads": 1}
    kept["security"] = security(certificates)
    async with Worker(scheduler, local_directory=str(root / ".dask"), protocol="tls", **kept) as worker:
        confined = vars(worker)["confined"] = Confined(root, sandbox)
        tell(f"working {worker.address}")
        try:
            await worker.finished()
        finally:
            await confined.launcher.stop()
