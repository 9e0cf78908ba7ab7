"""Scores from the nodes of an engine: the table of a hosted model, or what a run asks, goes into the folder they share."""

import asyncio
import hashlib
import importlib
import json
import logging
import math
import shutil
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
from numpy.typing import NDArray

from services.analysis.worker import outputs
from services.analysis.worker.asking import ASKED, MODEL_FILE, QUESTION_FILE, ROWS_FILE, Asked, read_asked
from services.analysis.worker.engine import (
    Certificates,
    Engine,
    EngineLostError,
    Part,
    PartitionTask,
    TaskFailedError,
    TaskRefusedError,
    UnknownTaskError,
    open_engine,
    partitions,
)
from services.analysis.worker.engine.tasks import NAME
from services.analysis.worker.folders import own_folder, sweep
from services.analysis.worker.hosting import Code
from services.analysis.worker.onnx_method import BLOCK
from services.analysis.worker.outputs import InvalidError
from services.analysis.worker.sdk import TABLE_FILE, Bundle, Means

log = logging.getLogger(__name__)
COPIED: Final = 1 << 24
LARGEST_QUESTION: Final = 1 << 20
SCORED: Final = 0.8  # of a run's progress, as when the child makes the scores
Floats = NDArray[np.float32]
OnProgress = Callable[[float, str], None]


class ClusterError(Exception):
    """There are no scores; the sentence says why, and holds nothing of the data."""


@dataclass(frozen=True)
class Cluster:
    """Whom this worker asks: a scheduler, by a certificate of its own, and the folder that the nodes share with it."""

    scheduler: str
    certificates: Certificates
    root: Path

    def prepare(self) -> None:
        """What takes time or is not there shows before the first run."""
        importlib.import_module("services.analysis.worker.engine.dask")
        sweep(self.root)

    async def scores(self, code: Code, bundle: Path, memory_mb: int, seconds: float, tell: OnProgress) -> Floats | None:
        """One score for each row of the linked table, of a hosted model; None if the model refuses its rows, which it can say
        better itself."""

        async def scored() -> Floats:
            with own_folder(self.root) as shared:
                for name, path in {**code.model, TABLE_FILE: bundle / TABLE_FILE}.items():
                    await copied(path, shared / name)
                rows = await asyncio.to_thread(rows_of, shared)
                task = self.task("hosted", shared, math.ceil(rows / BLOCK), memory_mb, seconds)
                return await self.worked_on(replace(task, digest=code.digest), shared, rows, tell)

        return await self.within(seconds, scored())

    async def answer(self, work: Path, memory_mb: int, seconds: float, tell: OnProgress) -> Floats | None:
        """What the nodes say of the question in the folder of a run that is under way: as its own answer, or None."""

        async def answered() -> Floats:
            with own_folder(self.root) as shared:
                asked = await asyncio.to_thread(taken, work, shared)
                task = self.task("answer", shared, len(asked.sizes), memory_mb, seconds)
                return await self.worked_on(task, shared, sum(asked.sizes), tell)

        return await self.within(seconds, answered())

    def task(self, name: str, shared: Path, parts: int, memory_mb: int, seconds: float) -> PartitionTask:
        return PartitionTask(name, shared.name, shared.name, 0, parts, memory_mb=memory_mb, seconds=seconds)

    async def within(self, seconds: float, doing: Coroutine[Any, Any, Floats]) -> Floats | None:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await doing
        except (TaskRefusedError, InvalidError):
            return None
        except ClusterError:
            raise
        except Exception as error:  # whatever it is, the run ends and says so
            told = str(error) if isinstance(error, OSError) else ""  # of addresses and folders; another message may quote a cell
            log.warning("no engine", extra={"scheduler": self.scheduler, "error": type(error).__name__, "told": told})
            raise ClusterError(why(error, late=limit.expired())) from None

    async def worked_on(self, task: PartitionTask, shared: Path, rows: int, tell: OnProgress) -> Floats:
        async with open_engine(self.root, scheduler=self.scheduler, certificates=self.certificates) as engine:
            parts = await carried_out(engine, partitions(task), tell)
        return await asyncio.to_thread(put_together, shared, parts, rows)


def taken(work: Path, shared: Path) -> Asked:
    """Take a question out of the hands of the child that asks it; InvalidError if it is none."""
    try:
        asked = read_asked(outputs.read(str(work), ASKED, QUESTION_FILE, largest=LARGEST_QUESTION))
        for name, largest in ((MODEL_FILE, outputs.LARGEST_MODEL), (ROWS_FILE, asked.bytes)):
            with (
                outputs.plain_file(str(work), ASKED, name, largest=largest) as file,
                open(file, "rb", closefd=False) as there,
                (shared / name).open("xb") as here,
            ):
                shutil.copyfileobj(there, here, COPIED)
        if (shared / ROWS_FILE).stat().st_size != asked.bytes:
            raise ValueError
    except (ValueError, FileNotFoundError):
        raise InvalidError("It asks nothing that could be answered.") from None
    (shared / QUESTION_FILE).write_text(json.dumps(asdict(asked)))
    return asked


def why(error: Exception, *, late: bool) -> str:
    match error:
        case _ if late:
            return "They took longer than the method card allows."
        case UnknownTaskError():
            return "They do not know this task: they are of another version."
        case EngineLostError() | TaskFailedError():
            return f"Kind of error: {error}."
        case OSError() | ImportError():
            return "The scheduler or their folder could not be reached."
        case _:
            return f"Kind of error: {type(error).__name__}."


async def copied(source: Path, target: Path) -> None:
    """In pieces, so that a cancelled run waits for no more than one of them."""
    with source.open("rb") as there, target.open("xb") as here:
        while piece := await asyncio.to_thread(there.read, COPIED):
            await asyncio.to_thread(here.write, piece)


def rows_of(folder: Path) -> int:
    try:
        return int(Bundle(folder, means=Means(work=folder)).sql("SELECT count(*) AS rows FROM linked")["rows"][0])
    except duckdb.Error:
        raise TaskRefusedError("no table") from None


async def carried_out(engine: Engine, tasks: list[PartitionTask], tell: OnProgress) -> list[Part]:
    """All of them, in their order; none is still under way afterwards, however this ends."""
    waiting = [asyncio.ensure_future(engine.submit(one)) for one in tasks]
    try:
        tell(0.0, said(0, tasks))
        for done, one in enumerate(asyncio.as_completed(waiting), start=1):
            await one
            tell(SCORED * done / len(tasks), said(done, tasks))
        return [one.result() for one in waiting]
    finally:
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def said(done: int, tasks: list[PartitionTask]) -> str:
    return f"{done} of {len(tasks)} partitions scored on the engine"


def put_together(shared: Path, parts: list[Part], rows: int) -> Floats:
    """The scores in the table's row order, if each file is the one that its node wrote."""
    if not all(NAME.fullmatch(part.file) for part in parts):
        raise ClusterError("A partition has a name that is none.")
    bodies = [(shared / part.file).read_bytes() for part in parts]
    found = np.frombuffer(b"".join(bodies), dtype="<f4")
    good = all(hashlib.sha256(body).hexdigest() == part.sha256 for body, part in zip(bodies, parts, strict=True))
    if not good or len(found) != rows:
        raise ClusterError("A partition did not come back as it was written.")
    return found
