"""The worker's hold on its launcher process: start it when needed, give it a job, end the job at once when told so."""

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from services.analysis.worker.hosting import import_roots
from services.analysis.worker.jobs import CANCEL, UNANSWERED, ChildReport, Job, Layers

log = logging.getLogger(__name__)
OnProgress = Callable[[float, str], None]
OnQuestion = Callable[[], Awaitable[bytes]]
READY_SECONDS = 60.0
PRELOAD: Final = (
    "sklearn.ensemble", "sklearn.linear_model", "sklearn.isotonic", "sklearn.metrics", "onnx", "skl2onnx", "skops.io",
)  # fmt: skip
"""What built-in methods import and what takes long, once for all children; onnxruntime not: it starts threads."""
ENDING_SECONDS = 2.0
OVERDUE_SECONDS = 30.0
LONGEST_LINE = 1 << 16
LONGEST_PRINTED = 2_000


async def unanswered() -> bytes:
    return UNANSWERED


class LauncherLostError(Exception):
    """The launcher died under a job; its child died with it."""


@dataclass(frozen=True)
class Running:
    """A launcher process. It speaks on a pipe of its own: its standard output belongs to the libraries."""

    process: Process
    heard: asyncio.StreamReader
    pipe: asyncio.ReadTransport
    printing: "asyncio.Task[None]"

    async def end(self) -> None:
        """Kill the launcher; the kernel kills its child with it."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self.printing
        self.pipe.close()


@dataclass
class Launcher:
    """One process, started on first use and again after its death; runs one job at a time; `layers` held around its last.

    `preload`: modules that it imports before the first method, so that no child of it has to."""

    layers: Layers | None = None
    preload: tuple[str, ...] = PRELOAD
    _running: Running | None = None

    @property
    def missing(self) -> tuple[str, ...] | None:
        """The layers that did not hold around its last job; None before it had one."""
        return None if self.layers is None else self.layers.missing

    async def run(self, job: Job, on_progress: OnProgress, on_question: OnQuestion = unanswered) -> ChildReport:
        """To the job's end. When the caller is cancelled, the child and all it started are gone before this returns.

        `on_question`: what is ordered when a question lies in the job's folder: ANSWERED, UNANSWERED, or CANCEL."""
        running = await self._started()
        _write(running, job.line())
        answer = asyncio.ensure_future(_report(running, on_progress, on_question))
        try:
            async with asyncio.timeout(job.seconds + OVERDUE_SECONDS):
                report = await asyncio.shield(answer)
                self.layers = self.layers if report.layers == Layers() else report.layers
                return report
        except asyncio.CancelledError:
            await self._end(running, answer)
            raise
        except (LauncherLostError, TimeoutError):
            answer.cancel()
            await self.stop()
            raise LauncherLostError from None

    async def stop(self) -> None:
        """End the launcher, if there is one."""
        running, self._running = self._running, None
        if running is not None:
            await running.end()

    async def _end(self, running: Running, answer: "asyncio.Future[ChildReport]") -> None:
        try:
            _write(running, CANCEL)
            async with asyncio.timeout(ENDING_SECONDS):
                await answer
        except (TimeoutError, LauncherLostError, asyncio.CancelledError):
            answer.cancel()
            await self.stop()

    async def _started(self) -> Running:
        if self._running is not None and self._running.process.returncode is not None:
            await self.stop()
        if self._running is None:
            self._running = await _start(self.preload)
        return self._running


async def _start(preload: tuple[str, ...]) -> Running:
    """With an environment of nothing but what the interpreter needs; the method's is emptier still."""
    environment = {
        "PYTHONPATH": os.pathsep.join(import_roots()),
        "PYTHONHASHSEED": "0",  # the same run gives the same bytes
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime would report to its maker
    }
    command = [sys.executable, "-P", "-s", "-m", "services.analysis.worker.child"]
    reading, writing = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *command, str(writing), *preload, stdin=PIPE, stdout=PIPE, stderr=STDOUT, env=environment, cwd="/",
            pass_fds=(writing,), start_new_session=True,
        )  # fmt: skip
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    running = await _running(process, reading)
    try:
        async with asyncio.timeout(READY_SECONDS):
            if "ready" not in await _line(running):
                raise LauncherLostError
    except BaseException:
        await running.end()
        raise
    log.info("launcher started", extra={"pid": process.pid})
    return running


async def _running(process: Process, descriptor: int) -> Running:
    reader, loop = asyncio.StreamReader(limit=LONGEST_LINE), asyncio.get_running_loop()
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return Running(process, reader, transport, asyncio.create_task(_printed(process)))


async def _printed(process: Process) -> None:
    """Log the beginning of what the launcher prints, without digits, and read the rest away."""
    left = LONGEST_PRINTED
    while process.stdout is not None and (chunk := await process.stdout.read(LONGEST_LINE)):
        if shown := chunk[:left].decode("ascii", errors="replace"):
            words = "".join("#" if one.isdigit() else one if " " <= one <= "~" else "?" for one in shown)
            log.info("the launcher printed something", extra={"printed": words})
        left -= len(shown)


async def _report(running: Running, on_progress: OnProgress, on_question: OnQuestion) -> ChildReport:
    asked: asyncio.Task[None] | None = None
    try:
        while True:
            told = await _line(running)
            if "report" in told:
                return ChildReport.parse(told["report"])
            if "progress" in told:
                on_progress(float(told["progress"]), str(told["message"]))
            elif asked is None or asked.done():
                asked = asyncio.create_task(_answer(running, on_question))
    finally:
        if asked is not None:
            asked.cancel()
            with suppress(asyncio.CancelledError):
                await asked


async def _answer(running: Running, on_question: OnQuestion) -> None:
    """One question at a time. An answer that comes after the child's end is for nobody, and nobody reads it."""
    _write(running, await on_question())


async def _line(running: Running) -> dict[str, Any]:
    if not (line := await running.heard.readline()):
        raise LauncherLostError
    told: dict[str, Any] = json.loads(line)
    return told


def _write(running: Running, line: bytes) -> None:
    if running.process.stdin is None:
        raise LauncherLostError
    running.process.stdin.write(line)
