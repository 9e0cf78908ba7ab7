"""The worker's hold on its launcher process: start it when needed, give it a job, end the job at once when told so."""

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
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


async def unanswered() -> bytes:
    return UNANSWERED


class LauncherLostError(Exception):
    """The launcher died under a job; its child died with it."""


@dataclass
class Launcher:
    """One process, started on first use and again after its death; runs one job at a time; `layers` held around its last.

    `preload`: modules that it imports before the first method, so that no child of it has to."""

    layers: Layers | None = None
    preload: tuple[str, ...] = PRELOAD
    _process: Process | None = None

    @property
    def missing(self) -> tuple[str, ...] | None:
        """The layers that did not hold around its last job; None before it had one."""
        return None if self.layers is None else self.layers.missing

    async def run(self, job: Job, on_progress: OnProgress, on_question: OnQuestion = unanswered) -> ChildReport:
        """To the job's end. When the caller is cancelled, the child and all it started are gone before this returns.

        `on_question`: what is ordered when a question lies in the job's folder: ANSWERED, UNANSWERED, or CANCEL."""
        process = await self._started()
        _write(process, job.line())
        answer = asyncio.ensure_future(_report(process, on_progress, on_question))
        try:
            async with asyncio.timeout(job.seconds + OVERDUE_SECONDS):
                report = await asyncio.shield(answer)
                self.layers = self.layers if report.layers == Layers() else report.layers
                return report
        except asyncio.CancelledError:
            await self._end(process, answer)
            raise
        except (LauncherLostError, TimeoutError):
            answer.cancel()
            await self.stop()
            raise LauncherLostError from None

    async def stop(self) -> None:
        """Kill the launcher; the kernel kills its child with it."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def _end(self, process: Process, answer: "asyncio.Future[ChildReport]") -> None:
        try:
            _write(process, CANCEL)
            async with asyncio.timeout(ENDING_SECONDS):
                await answer
        except (TimeoutError, LauncherLostError, asyncio.CancelledError):
            answer.cancel()
            await self.stop()

    async def _started(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await _start(self.preload)
        return self._process


async def _start(preload: tuple[str, ...]) -> Process:
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
    command = [sys.executable, "-P", "-s", "-m", "services.analysis.worker.child", *preload]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, env=environment, cwd="/", limit=LONGEST_LINE, start_new_session=True
    )
    try:
        async with asyncio.timeout(READY_SECONDS):
            if "ready" not in await _line(process):
                raise LauncherLostError
    except BaseException:
        process.kill()
        await process.wait()
        raise
    log.info("launcher started", extra={"pid": process.pid})
    return process


async def _report(process: Process, on_progress: OnProgress, on_question: OnQuestion) -> ChildReport:
    asked: asyncio.Task[None] | None = None
    try:
        while True:
            told = await _line(process)
            if "report" in told:
                return ChildReport.parse(told["report"])
            if "progress" in told:
                on_progress(float(told["progress"]), str(told["message"]))
            elif asked is None or asked.done():
                asked = asyncio.create_task(_answer(process, on_question))
    finally:
        if asked is not None:
            asked.cancel()
            with suppress(asyncio.CancelledError):
                await asked


async def _answer(process: Process, on_question: OnQuestion) -> None:
    """One question at a time. An answer that comes after the child's end is for nobody, and nobody reads it."""
    _write(process, await on_question())


async def _line(process: Process) -> dict[str, Any]:
    if process.stdout is None or not (line := await process.stdout.readline()):
        raise LauncherLostError
    told: dict[str, Any] = json.loads(line)
    return told


def _write(process: Process, line: bytes) -> None:
    if process.stdin is None:
        raise LauncherLostError
    process.stdin.write(line)
