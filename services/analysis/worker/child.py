"""The launcher, a process between worker and method: starts one confined child a job, watches it and ends it."""

import importlib
import json
import os
import select
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.analysis.worker import folders, hosting, inside, sandbox, watch
from services.analysis.worker.jobs import ANSWERED, CANCEL, UNANSWERED, ChildReport, Job, Layers, Task, Why
from services.analysis.worker.reasons import plain

LOG_TAIL = 64 * 1024
TICK_MS = 50
MIB = 1 << 20
ANSWERS = (ANSWERED.strip(), UNANSWERED.strip())
LONGEST_LINE = 2000
LONGEST_MESSAGE = 200


@dataclass
class Orders:
    """The worker's orders on standard input, read without a buffer of its own so that poll() sees what is there."""

    waiting: bytes = b""

    def next(self) -> bytes | None:
        """The next line; None when the worker has gone."""
        while b"\n" not in self.waiting:
            if not (chunk := os.read(0, 65536)):
                return None
            self.waiting += chunk
        line, _, self.waiting = self.waiting.partition(b"\n")
        return line


@dataclass
class Ears:
    """The pipes of a child: what it prints (the tail is kept), reports (bounded lines, the last counts), and is answered."""

    log: int
    progress: int
    answers: int
    asked: bool = False
    tail: deque[bytes] = field(default_factory=lambda: deque(maxlen=LOG_TAIL // 4096))
    partial: bytes = b""
    layers: Layers = field(default_factory=Layers)

    def listen(self) -> dict[str, Any] | None:
        """The newest progress, if there is any."""
        for _ in range(256):
            if not (chunk := _read(self.log, 4096)):
                break
            self.tail.append(chunk)
        news: dict[str, Any] | None = None
        for line in self._lines():
            if "layers" in line and self.layers == Layers():
                self.layers = Layers(**line["layers"])
            elif "ask" in line:
                self.asked = True
            else:
                news = _news(line) or news
        return news

    def answer(self, answer: bytes) -> None:
        with suppress(OSError):  # who asked may be gone
            os.write(self.answers, answer[:1])

    def close(self) -> None:
        for pipe in (self.log, self.progress, self.answers):
            os.close(pipe)

    def _lines(self) -> list[dict[str, Any]]:
        *lines, rest = (self.partial + _read(self.progress, 65536)).split(b"\n")
        self.partial = rest[:LONGEST_LINE]
        return [found for line in lines if len(line) < LONGEST_LINE and isinstance(found := _parsed(line), dict)]


def supervise(job: Job, orders: Orders) -> tuple[ChildReport, bool]:
    """Run one job to its end; also whether the worker is still there."""
    began = time.monotonic()
    log, progress, answers = os.pipe(), os.pipe(), os.pipe()
    base = watch.usage(os.getpid(), job.work).memory
    launcher = os.getpid()
    if (pid := os.fork()) == 0:
        inside.enter(job, launcher, log[1], progress[1], answers[0])
    for pipe in (log[1], progress[1], answers[0]):
        os.close(pipe)
    ears = Ears(log[0], progress[0], answers[1])
    for pipe in (ears.log, ears.progress, ears.answers):
        os.set_blocking(pipe, False)
    why, peak, there = _wait(job, pid, ears, orders, began, base)
    code = watch.end_all(pid)
    ears.listen()
    _keep_tail(job, ears)
    ears.close()
    seconds = round(time.monotonic() - began, 3)
    return ChildReport(code, why, ears.layers, seconds, max(peak - base, 0) // MIB), there


def _wait(job: Job, pid: int, ears: Ears, orders: Orders, began: float, base: int) -> tuple[Why | None, int, bool]:
    """Until the child ends, breaks a limit, or the worker has other orders or none any more."""
    peak, looked, pidfd, poll = 0, 0.0, os.pidfd_open(pid), select.poll()
    for one in (pidfd, 0, ears.log):
        poll.register(one, select.POLLIN)
    try:
        while True:
            events = dict(poll.poll(TICK_MS))
            if (news := ears.listen()) is not None:
                say(news)
            if ears.asked:
                ears.asked = False
                say({"ask": True})
            if 0 in events or orders.waiting:
                if (order := orders.next()) not in ANSWERS:
                    return Why.CANCELLED, peak, order is not None
                ears.answer(order)
            if pidfd in events:
                return None, peak, True
            if (now := time.monotonic()) - looked < TICK_MS / 1000:
                continue
            looked, used = now, watch.usage(pid, job.work)
            peak = max(peak, used.memory)
            if why := _broken(job, used, base, now - began):
                return why, peak, True
    finally:
        os.close(pidfd)


def _broken(job: Job, used: watch.Usage, base: int, seconds: float) -> Why | None:
    """The limit that is broken. What the launcher itself had in memory at the fork is not the method's."""
    if seconds > job.seconds:
        return Why.WALL
    if used.memory > base + job.memory_mb * MIB:
        return Why.MEMORY
    if used.disk > job.disk_mb * MIB or used.files >= watch.MOST_FILES:
        return Why.DISK
    return Why.TASKS if used.tasks > watch.MOST_TASKS else None


def _keep_tail(job: Job, ears: Ears) -> None:
    """For the operator of this machine alone: what a method prints may hold cell values."""
    if job.log:
        log = Path(job.log)
        log.touch(mode=0o600)
        log.write_bytes(b"".join(ears.tail)[-LOG_TAIL:])


def _read(pipe: int, most: int) -> bytes:
    try:
        return os.read(pipe, most)
    except BlockingIOError:
        return b""


def _news(line: dict[str, Any]) -> dict[str, Any] | None:
    progress, message = line.get("progress"), line.get("message", "")
    if isinstance(progress, int | float) and 0 <= progress <= 1 and isinstance(message, str):
        return {"progress": float(progress), "message": plain(message, LONGEST_MESSAGE)}
    return None


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def say(what: dict[str, Any]) -> None:
    """A line on the pipe that the worker named; standard output belongs to the libraries."""
    line = json.dumps(what).encode() + b"\n"
    while line:
        line = line[os.write(int(sys.argv[1]), line) :]


def preload(modules: Sequence[str]) -> None:
    """Once; a child that is forked later has them already."""
    # A child may read the folders of its method, not the one above, which names the built-in ones.
    for module in (hosting.BUILT_INS, *modules):
        importlib.import_module(module)


def main(modules: Sequence[str] = ()) -> None:
    """Ends with the worker: then it reads the end of its orders, ends its child and removes the rows.

    Which layers hold is answered before `modules` are imported, as the worker waits for it at its start."""
    os.set_inheritable(int(sys.argv[1]), False)
    sandbox.adopt_orphans()
    say({"ready": True})
    orders = Orders()
    while (line := orders.next()) is not None:
        if line in (CANCEL.strip(), *ANSWERS):  # for a job that has ended meanwhile
            continue
        job = Job.parse(line)
        if job.task is not Task.PROBE:
            preload(modules)
        report, there = supervise(job, orders)
        if not there:
            for folder in (job.work,) if job.task is Task.PARTITION else (job.work, job.bundle):  # that one is other nodes' too
                folders.remove(Path(folder))
            return
        say(report.told())
        preload(modules)


if __name__ == "__main__":
    main(sys.argv[2:])
