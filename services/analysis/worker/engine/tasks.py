"""What is done to one partition of a linked table: SQL to features, an ONNX file to scores. Tasks are known by name alone."""

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from uuid import uuid4

import duckdb

from services.analysis.worker.sdk import TABLE_FILE, Bundle, Means, MethodError

NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
FORM: Final = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"


class UnknownTaskError(Exception):
    """No task has this name, or a name in it could be a path."""


class TaskFailedError(Exception):
    """A task could not be carried out: the kind of its error, or the code with which it refused its input. Never a message:
    a database's may quote a cell, and this one crosses machines and stands in their logs."""


@dataclass(frozen=True)
class PartitionTask:
    """One partition of one table. Every name is of a file or folder under the engine's own root; there are no paths.

    `bundle` holds `linked.parquet` and the model; `query` is one SELECT over `linked` that gives `pseudonym` and the features,
    and in which rows of two pseudonyms never meet; `target` is the folder of the partition files."""

    name: str
    bundle: str
    target: str
    part: int
    parts: int
    query: str
    features: tuple[str, ...] = ()
    model: str = ""
    memory_mb: int = 1024
    threads: int = 1


@dataclass(frozen=True)
class Part:
    """A partition file that is complete: its name under the task's target, how many rows it has, and its digest."""

    part: int
    file: str
    rows: int
    sha256: str


def partitions(task: PartitionTask) -> list[PartitionTask]:
    """The task for each of its partitions."""
    return [replace(task, part=part) for part in range(task.parts)]


def perform(task: PartitionTask, root: Path) -> Part:
    """Carry out a task that is registered under its name, within this folder. The same again gives the same file."""
    doing = TASKS.get(task.name)
    names = [task.bundle, task.target, *([task.model] if task.model else [])]
    if doing is None or not all(NAME.fullmatch(name) for name in names) or not 0 <= task.part < task.parts:
        raise UnknownTaskError(task.name[:40])
    target = root / task.target
    target.mkdir(mode=0o700, exist_ok=True)
    with workplace(target) as work:
        try:
            made = doing(task, root, work)
        except Exception as error:
            raise TaskFailedError(error.code if isinstance(error, MethodError) else type(error).__name__) from None
        with duckdb.connect() as connection:
            ((rows,),) = connection.execute("SELECT count(*) FROM read_parquet($1)", [str(made)]).fetchall()
        with made.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        name = f"part-{task.part:05d}.parquet"
        made.replace(target / name)  # whole or not at all, whoever else did the same meanwhile
    return Part(task.part, name, rows, digest)


@contextmanager
def workplace(target: Path) -> Iterator[Path]:
    """A private folder on the same disk as the result; what a killed task leaves in it is nobody's."""
    work = target / f".work-{uuid4().hex}"
    work.mkdir(mode=0o700)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def write_features(task: PartitionTask, root: Path, work: Path) -> Path:
    """The query's rows of this partition, ordered by pseudonym."""
    bundle = Bundle(root / task.bundle, means=Means(task.memory_mb, 1 << 20, task.threads, work))
    made = work / TABLE_FILE
    with bundle.database() as connection:
        here = f"pseudonym >= '{bound(task.part, task.parts)}' AND pseudonym < '{bound(task.part + 1, task.parts)}'"
        connection.execute(f"CREATE OR REPLACE TEMP VIEW linked AS SELECT * EXCLUDE (file_row_number) FROM numbered WHERE {here}")  # noqa: S608
        connection.execute(f"COPY (SELECT * FROM ({task.query}) ORDER BY pseudonym) TO '{quoted(made)}' ({FORM})")  # noqa: S608
    return made


def bound(part: int, parts: int) -> str:
    """Where a partition begins. A pseudonym is a keyed hash, in hexadecimal: equal spans of it hold equally many keys, on every
    machine alike; and as the table is ordered by it, a span is read without the rest."""
    return f"{part * 2**32 // parts:08x}" if part < parts else "g"


def write_scores(task: PartitionTask, root: Path, work: Path) -> Path:
    """The features of this partition, and beside them the column `score`."""
    write_features(task, root, work)
    bundle = Bundle(work, means=Means(task.memory_mb, 1 << 20, task.threads, work))
    scores = bundle.score(root / task.bundle / task.model, task.features)
    made = work / "scores.parquet"
    with bundle.database() as connection:
        connection.register("found", {"score": scores})
        connection.execute(f"COPY (SELECT * FROM linked POSITIONAL JOIN found) TO '{quoted(made)}' ({FORM})")  # noqa: S608
    return made


def quoted(path: Path) -> str:
    return str(path).replace("'", "''")


TASKS: Final[dict[str, Callable[[PartitionTask, Path, Path], Path]]] = {"features": write_features, "scores": write_scores}
