"""The trial of a hosted model in a confined child of its own: what it costs is measured, what is wrong with it is told."""

import signal
from pathlib import Path

from pydantic import ValidationError

from services.analysis.worker import outputs
from services.analysis.worker.folders import run_folders
from services.analysis.worker.hosting import Code
from services.analysis.worker.jobs import OUTCOME_FILE, UNCONFINED, ChildReport, Job, Sandbox, Status, Task, Why
from services.analysis.worker.launcher import Launcher, LauncherLostError
from services.analysis.worker.messages import Fault
from services.analysis.worker.outputs import InvalidError
from shared.contracts import MethodCard

# Far more than a model of this size takes. Of a card that allows a run less, so much less.
SECONDS = 120


class NotTriedError(Exception):
    """A layer of the sandbox is missing here: that is no fault of the model."""


async def tried(launcher: Launcher, scratch: Path, sandbox: Sandbox, code: Code, card: MethodCard) -> Fault | None:
    """What is wrong with the model; None if it scored the made-up rows within the card's memory and the time of a trial."""
    rows = ["1"]

    def on_progress(_: float, message: str) -> None:
        rows[0] = message

    with run_folders(scratch) as folders:
        job = Job(
            task=Task.TRIAL,
            target=code.target,
            work=str(folders.work),
            bundle=str(folders.bundle),
            readable=code.readable,
            seconds=min(card.resources.seconds, SECONDS),
            memory_mb=card.resources.memory_mb,
            sandbox=code.sandbox(sandbox),
        )
        try:
            report = await launcher.run(job, on_progress)
        except LauncherLostError:
            return Fault(code="trial-broken", values={"rows": rows[0]})
        return judged(report, str(folders.work), job, rows[0])


def judged(report: ChildReport, work: str, job: Job, rows: str) -> Fault | None:
    """From how the child ended, and from what it says of itself."""
    if report.exit == UNCONFINED:
        raise NotTriedError
    about = {"rows": rows, "seconds": f"{job.seconds:g}", "memory_mb": str(job.memory_mb)}
    if report.why is Why.MEMORY:
        return Fault(code="trial-memory", values=about)
    if report.why is Why.WALL or report.exit == -signal.SIGXCPU:
        return Fault(code="trial-time", values=about)
    broken = Fault(code="trial-broken", values=about)
    if report.why is not None or report.exit != 0:
        return broken
    try:
        told = outputs.parse(outputs.read(work, OUTCOME_FILE, largest=outputs.MIB))
        match told["status"]:
            case Status.DONE:
                return None
            case Status.MEMORY:
                return Fault(code="trial-memory", values=about)
            case Status.REFUSED:
                return Fault(code=told["code"], values=told["values"])
    except (FileNotFoundError, InvalidError, KeyError, TypeError, ValidationError):
        return broken
    return broken
