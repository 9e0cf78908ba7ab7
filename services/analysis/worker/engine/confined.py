"""A task in a child of its own, confined as a run is: what it reads, a table or a model, somebody has uploaded."""

import asyncio
import signal
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from services.analysis.worker import outputs
from services.analysis.worker.engine.tasks import (
    NAME,
    Part,
    PartitionTask,
    TaskFailedError,
    TaskRefusedError,
    check,
    kept,
    workplace,
)
from services.analysis.worker.jobs import OUTCOME_FILE, UNCONFINED, ChildReport, Job, Sandbox, Status, Task
from services.analysis.worker.launcher import Launcher
from services.analysis.worker.verdict import EXCEPTION

DISK_TO_MEMORY: Final = 4


@dataclass
class Confined:
    """A node's hands: one launcher, one task at a time."""

    root: Path
    sandbox: Sandbox
    # A partition is SQL and an ONNX file: its child imports nothing that would be worth it.
    launcher: Launcher = field(default_factory=lambda: Launcher(preload=()))

    async def perform(self, task: PartitionTask) -> Part:
        """As `tasks.perform`, and with its errors."""
        check(task)
        try:
            with workplace(task, self.root) as work:
                report = await self.launcher.run(self.job(task, work), lambda progress, message: None)
                path, rows = made(report, work)
                return await asyncio.to_thread(kept, task, self.root, path, rows)
        except TaskFailedError:
            raise
        except Exception as error:
            raise TaskFailedError(type(error).__name__) from None

    def job(self, task: PartitionTask, work: Path) -> Job:
        (work / "tmp").mkdir(mode=0o700)
        return Job(
            task=Task.PARTITION,
            target="",
            work=str(work),
            bundle=str(self.root / task.bundle),
            parameters=asdict(task),
            seconds=task.seconds,
            memory_mb=task.memory_mb,
            disk_mb=task.memory_mb * DISK_TO_MEMORY,
            threads=task.threads,
            sandbox=self.sandbox,
        )


def made(report: ChildReport, work: Path) -> tuple[Path, int]:
    """The file that the child says it made. What a task does to its own child it would do to a run's: that is a refusal, and the
    run says what it was."""
    if report.exit == UNCONFINED:
        raise TaskFailedError("UnconfinedError")
    if report.exit == -signal.SIGKILL and report.why is None:
        raise TaskFailedError("MemoryError")  # this machine's, as the child had not yet what it may have
    if report.why is not None or report.exit != 0:
        raise TaskRefusedError(str(report.why or "crashed"))
    told = outputs.parse(outputs.read(str(work), OUTCOME_FILE))
    match told:
        case {"status": Status.DONE, "file": str(name), "rows": int(rows)} if NAME.fullmatch(name):
            with outputs.plain_file(str(work), name, largest=1 << 40):
                return work / name, rows
        case {"status": Status.REFUSED, "code": str(code)}:
            raise TaskRefusedError(code[:40])
        case {"status": Status.MEMORY}:
            raise TaskRefusedError(Status.MEMORY)
        case {"exception": str(name)} if EXCEPTION.fullmatch(name):
            raise TaskFailedError(name)
        case _:
            raise TaskFailedError("InvalidError")
