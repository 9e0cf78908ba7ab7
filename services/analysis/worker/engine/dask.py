"""Dask `distributed` as the engine: mutual TLS both ways, and on its nodes nothing but tasks that are registered by name."""

import io
import logging
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import distributed.protocol.pickle
import distributed.scheduler
from distributed import Client, Scheduler, Security, Worker, get_worker

from services.analysis.worker.engine.engines import Certificates, Pending
from services.analysis.worker.engine.tasks import Part, PartitionTask, TaskFailedError, UnknownTaskError, perform

OFTEN: Final = 5  # so often a partition is taken up again after the death of its node
SECONDS: Final = "20s"
Tell = Callable[[str], None]


def security(certificates: Certificates) -> Security:
    """Encrypted, and both sides show a certificate of the same authority; anything else is refused in the handshake."""
    own = {"cert": str(certificates.certificate), "key": str(certificates.key)}
    sides = {f"tls_{side}_{what}": path for side in ("client", "worker", "scheduler") for what, path in own.items()}
    return Security(require_encryption=True, tls_ca_file=str(certificates.authority), tls_min_version=0x0304, **sides)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Failed:
    """Why a node has no partition file to show."""

    kind: str
    unknown: bool


def on_node(task: PartitionTask) -> Part | Failed:
    """What a node is told to do: a task by its name, within the node's own root. To fail is an answer: Dask would try again
    what another node cannot do either, and log it."""
    node: Any = get_worker()
    try:
        return perform(task, node.root)
    except (UnknownTaskError, TaskFailedError) as error:
        return Failed(str(error), unknown=isinstance(error, UnknownTaskError))


class Answer:
    """A partition that some node works on."""

    def __init__(self, future: Any) -> None:
        self.future = future

    def result(self, timeout: float | None = None) -> Part:
        found: Part | Failed = self.future.result(timeout)
        if isinstance(found, Failed):
            raise UnknownTaskError(found.kind) if found.unknown else TaskFailedError(found.kind)
        return found


class Dask:
    """Tasks go to whichever node is free; one whose node dies is done again by another."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def submit(self, task: PartitionTask) -> Pending:
        key = f"{task.name}-{task.bundle}-{task.target}-{task.part}"
        return Answer(self.client.submit(on_node, task, key=key, retries=OFTEN, pure=False))


@contextmanager
def connected(scheduler: str, certificates: Certificates, seconds: str = SECONDS) -> Iterator[Dask]:
    if not scheduler.startswith("tls://"):
        raise ValueError("a scheduler's address is tls://host:port")
    with Client(scheduler, security=security(certificates), timeout=seconds, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        yield Dask(client)


# The nodes' side.

KNOWN: Final = frozenset(
    {
        ("services.analysis.worker.engine.dask", "on_node"),
        ("services.analysis.worker.engine.dask", "Failed"),
        ("services.analysis.worker.engine.tasks", "PartitionTask"),
        ("services.analysis.worker.engine.tasks", "Part"),
        ("dask._task_spec", "Task"),
        ("dask._expr", "LLGExpr"),
        ("dask._expr", "Expr._reconstruct"),
        *(("builtins", kind) for kind in ("bytes", "bytearray", "dict", "frozenset", "list", "set", "tuple")),
    }
)


class Refused(pickle.UnpicklingError):
    """Somebody sent code or an object that no task of ours is made of."""


class Guarded(pickle.Unpickler):
    """Dask would run any function that a client sends: these processes know only what our tasks are made of."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in KNOWN:
            raise Refused(f"{module}.{name}"[:200])
        return super().find_class(module, name)


def loads(data: bytes, *, buffers: Any = ()) -> Any:
    return Guarded(io.BytesIO(data), buffers=buffers).load()


def guard() -> None:
    """Once in each scheduler and node process, before it listens."""
    logging.getLogger("distributed").setLevel(logging.WARNING)
    guarded = SimpleNamespace(**{name: getattr(pickle, name) for name in pickle.__all__})
    guarded.loads, guarded.Unpickler, guarded.load = loads, Guarded, None
    for module in (distributed.protocol.pickle, distributed.scheduler):
        vars(module)["pickle"] = guarded


async def serve_scheduler(host: str, port: int, certificates: Certificates, tell: Tell) -> None:
    guard()
    # No shuffles: each node would be sent a plug-in, which is code.
    extensions = {name: one for name, one in distributed.scheduler.DEFAULT_EXTENSIONS.items() if name != "shuffle"}
    kept: dict[str, Any] = {
        "security": security(certificates),
        "dashboard": False,
        "allowed_failures": OFTEN,
        "extensions": extensions,
    }
    async with Scheduler(host=host, port=port, protocol="tls", **kept) as scheduler:
        tell(f"listening {scheduler.address}")
        await scheduler.finished()


async def serve_node(scheduler: str, root: Path, certificates: Certificates, tell: Tell) -> None:
    """A node works on one partition at a time; more of them are more processes."""
    guard()
    kept: dict[str, Any] = {"security": security(certificates), "dashboard": False, "memory_limit": 0, "nthreads": 1}
    async with Worker(scheduler, local_directory=str(root / ".dask"), protocol="tls", **kept) as worker:
        vars(worker)["root"] = root
        tell(f"working {worker.address}")
        await worker.finished()
