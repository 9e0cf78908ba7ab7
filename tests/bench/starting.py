"""What starts: the embedded suite, and the child of a method."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from uuid import uuid4

from deploy.running import ROOT, Embedded, wait_ready
from services.analysis.worker.hosting import import_roots
from services.analysis.worker.jobs import Job, Sandbox, Task
from services.analysis.worker.launcher import PRELOAD, Launcher
from tests.bench import nothing
from tests.bench.figures import Bench, Figure, at_most, compared, milliseconds, seconds
from tests.bench.watching import family, resident

SETTLED = 3.0


async def measure_suite(bench: Bench) -> list[Figure]:
    """From nothing to ready, with an empty folder; beside it an interpreter that only imports the same."""
    memory: list[tuple[float, float]] = []

    async def ours() -> float:
        suite = Embedded(bench.folder / uuid4().hex)
        try:
            took = await asyncio.to_thread(start, suite)
            await asyncio.sleep(SETTLED)
            memory.append(resident_of(suite))
        finally:
            await asyncio.to_thread(suite.stop)
        return took

    pair = await compared(bench, "the start of the embedded suite", ours, lambda: interpreter(["deploy.embedded"]), rounds=2)
    took, imported = pair.medians
    suite, worker = median(each[0] for each in memory), median(each[1] for each in memory)
    measured = f"ready after {took:.1f} s, imports alone {imported:.1f} s; {suite:,.0f} MiB, its worker {worker:,.0f} MiB"
    return [Figure("start of the embedded suite, to its imports alone", measured, tuple(pair.ratios))]


def start(suite: Embedded) -> float:
    began = time.perf_counter()
    suite.suite.start()
    wait_ready(suite.suite, f"{suite.url}/results/readyz", tell=lambda _: None)
    took = time.perf_counter() - began
    suite.worker.start()
    return took


def resident_of(suite: Embedded) -> tuple[float, float]:
    assert suite.suite.process is not None
    assert suite.worker.process is not None
    return resident(family(suite.suite.process.pid)), resident(family(suite.worker.process.pid))


async def interpreter(modules: list[str]) -> float:
    """How long a Python takes to import these, told as little as the launcher is told; without its own end."""
    environment = {"PYTHONPATH": os.pathsep.join(import_roots()), "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-s", "-c", "".join(f"import {module};" for module in modules) + "import os; os._exit(0)"]

    async def run() -> None:
        process = await asyncio.create_subprocess_exec(*command, env=environment, cwd=ROOT)
        if await process.wait() != 0:
            raise RuntimeError("an import failed")

    return await seconds(run())


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


async def measure_child(bench: Bench) -> list[Figure]:
    """A method's child: with a launcher that has to be started first, and with one that is there."""
    launcher, methods = Launcher(), nothing.install(bench.folder / uuid4().hex)

    async def cold() -> float:
        await launcher.stop()
        return await seconds(perform(bench, launcher, methods))

    async def warm() -> float:
        return await seconds(perform(bench, launcher, methods))

    async def alone() -> float:
        return await interpreter([*PRELOAD, nothing.NAME])

    with importable(methods):
        try:
            first = await compared(bench, "the first child of a method", cold, alone, rounds=bench.size.rounds)
            later = await compared(bench, "a later child of a method", warm, alone, rounds=bench.size.rounds)
        finally:
            await launcher.stop()
    figures = []
    for title, pair in (("first child of a method", first), ("each later child of a method", later)):
        took, imported = pair.medians
        measured = f"{milliseconds(took)}; a bare interpreter with the same imports {milliseconds(imported)}"
        figures.append(Figure(f"{title}, to a bare interpreter", measured, tuple(pair.ratios), at_most(2)))
    return figures


async def perform(bench: Bench, launcher: Launcher, methods: Path) -> None:
    folder = bench.folder / uuid4().hex
    for name in ("work/tmp", "bundle"):
        (folder / name).mkdir(parents=True)
    job = Job(
        task=Task.RUN, target=nothing.NAME, work=str(folder / "work"), bundle=str(folder / "bundle"),
        readable=(str(methods / f"{nothing.NAME}.py"),), sandbox=Sandbox.PREFER,
    )  # fmt: skip
    report = await launcher.run(job, lambda *_: None)
    if report.exit != 0 or not (folder / "work" / "tables" / "counts.json").exists():
        raise RuntimeError(f"the method failed: {report}")
