"""From how a child ended and what it left to what the service is told."""

import re
import signal
from dataclasses import dataclass, field
from typing import Any

from services.analysis.worker import outputs
from services.analysis.worker.jobs import OUTCOME_FILE, ChildReport, Status, Why
from services.analysis.worker.outputs import Output
from services.analysis.worker.reasons import plain, reason
from shared.contracts import Alarm, MethodCard, Outcome, Reason

CODE = re.compile(r"[a-z][a-z0-9_-]{1,39}")
EXCEPTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
LONGEST_DETAIL = 500
STOPPED: dict[Why, tuple[str, str]] = {
    Why.WALL: ("method-timeout", ""),
    Why.MEMORY: ("method-memory", ""),
    Why.DISK: ("method-output-invalid", "It wrote more to the disk than is allowed."),
    Why.TASKS: ("method-crashed", "It started more processes and threads than are allowed."),
    Why.CANCELLED: ("cancelled", ""),
}


@dataclass(frozen=True)
class Verdict:
    """The end of one run: outputs if it succeeded, a reason if not."""

    outcome: Outcome
    reason: Reason | None = None
    outputs: list[Output] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)

    @classmethod
    def failed(cls, code: str, addition: str = "") -> "Verdict":
        return cls(Outcome.FAILED, reason(code, addition))


def judge(report: ChildReport, work: str, card: MethodCard) -> Verdict:
    """Read and check the child's files; it must be dead."""
    if report.why is not None:
        return Verdict.failed(*STOPPED[report.why])
    if report.exit != 0:
        return _by_signal(-report.exit)
    try:
        told = outputs.parse(outputs.read(work, OUTCOME_FILE, largest=outputs.MIB))
        if not isinstance(told, dict) or told.get("status") != Status.DONE:
            return _told(told if isinstance(told, dict) else {})
        return Verdict(Outcome.SUCCEEDED, outputs=outputs.collect(work, card), alarms=outputs.alarms(work))
    except FileNotFoundError:
        return Verdict.failed("method-crashed", "It ended without giving a result.")
    except outputs.InvalidError as invalid:
        return Verdict.failed("method-output-invalid", str(invalid))


def _by_signal(number: int) -> Verdict:
    if number == signal.SIGXCPU:
        return Verdict.failed("method-timeout")
    if number == signal.SIGXFSZ:
        return Verdict.failed(*STOPPED[Why.DISK])
    if number == signal.SIGKILL:
        return Verdict.failed("method-crashed", "The operating system stopped it, most likely for want of memory.")
    return Verdict.failed("method-crashed", "It ended without giving a result.")


def _told(told: dict[str, Any]) -> Verdict:
    """What the child says of itself: a stranger's words, so only their expected shape is passed on."""
    match told.get("status"):
        case Status.REFUSED:
            return _refused(str(told.get("code")), str(told.get("detail")))
        case Status.MEMORY:
            return Verdict.failed("method-memory")
        case Status.INVALID:
            return Verdict.failed("method-output-invalid", plain(str(told.get("detail")), LONGEST_DETAIL))
        case _:
            name = str(told.get("exception", ""))
            known = EXCEPTION.fullmatch(name) is not None
            return Verdict.failed("method-crashed", f"Kind of error: {name}." if known else "")


def _refused(code: str, detail: str) -> Verdict:
    if CODE.fullmatch(code) is None:
        return Verdict.failed("method-refused-input")
    return Verdict.failed("method-refused-input", f"{plain(detail, LONGEST_DETAIL)} ({code})")
