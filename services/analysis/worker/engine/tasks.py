"""What is done to one partition of a linked table: SQL to features, an ONNX file to scores. Tasks are known by name alone."""

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self
from uuid import uuid4

from services.analysis.worker import hosting, onnx_method
from services.analysis.worker.asking import ANSWER_FILE, MODEL_FILE, QUESTION_FILE, open_session, read_asked
from services.analysis.worker.sdk import TABLE_FILE, Bundle, Means, MethodError

NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
FORM: Final = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"


class UnknownTaskError(Exception):
    """No task has this name, or a name in it could be a path."""


class TaskFailedError(Exception):
    """A task could not be carried out: the kind of its error. Never a message: a database's may quote a cell, and this one
    crosses machines and stands in their logs."""


class TaskRefusedError(TaskFailedError):
    """The input was refused, as it would be anywhere: the code of the refusal."""


class OtherCodeError(Exception):
    """The code here is not the one that was reviewed."""


@dataclass(frozen=True)
class PartitionTask:
    """One partition of one table. Every name is of a file or folder under the engine's own root; there are no paths.

    `bundle` holds `linked.parquet` and the model; `query` is one SELECT over `linked` that gives `pseudonym` and the features,
    and in which rows of two pseudonyms never meet; `target` is the folder of the partition files. `hosted` has no query: its
    bundle holds the files of a hosted method, `digest` is the one that was reviewed, and a partition is a block of rows. The
    bundle of an `answer` holds a question, and a partition is a block of its rows."""

    name: str
    bundle: str
    target: str
    part: int
    parts: int
    query: str = ""
    features: tuple[str, ...] = ()
    model: str = ""
    digest: str = ""
    memory_mb: int = 1024
    threads: int = 1
    seconds: float = 3600.0

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        return cls(**told | {"features": tuple(told["features"])})


Doing = Callable[[PartitionTask, Path, Path], tuple[Path, int]]


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
    check(task)
    try:
        with workplace(task, root) as work:
            return kept(task, root, *carry_out(task, root / task.bundle, work))
    except MethodError as refusal:
        raise TaskRefusedError(refusal.code) from None
    except Exception as error:
        raise TaskFailedError(type(error).__name__) from None


def check(task: PartitionTask) -> None:
    """UnknownTaskError unless each name in it is one."""
    names = [task.bundle, task.target, *([task.model] if task.model else [])]
    if task.name not in TASKS or not all(NAME.fullmatch(name) for name in names) or not 0 <= task.part < task.parts:
        raise UnknownTaskError(task.name[:40])


def carry_out(task: PartitionTask, bundle: Path, work: Path) -> tuple[Path, int]:
    """The file of a partition in the folder for work, and its rows."""
    return TASKS[task.name](task, bundle, work)


def kept(task: PartitionTask, root: Path, path: Path, rows: int) -> Part:
    name = f"part-{task.part:05d}{path.suffix}"
    part = Part(task.part, name, rows, digest_of(path))
    path.replace(root / task.target / name)  # whole or not at all, whoever else did the same meanwhile
    return part


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def workplace(task: PartitionTask, root: Path) -> Iterator[Path]:
    """A private folder on the same disk as the result; what a killed task leaves in it is nobody's."""
    target = root / task.target
    if task.target != task.bundle:  # a bundle that is gone is not made again by a task that comes late
        target.mkdir(mode=0o700, exist_ok=True)
    work = target / f".work-{uuid4().hex}"
    work.mkdir(mode=0o700)
    try:
        if task.name == "hosted" and hosting.locate(f"{hosting.MODEL}{root / task.bundle}").digest != task.digest:
            raise OtherCodeError
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def write_features(task: PartitionTask, folder: Path, work: Path) -> tuple[Path, int]:
    """The query's rows of this partition, ordered by pseudonym; and how many they are."""
    bundle = Bundle(folder, means=means_of(task, work))
    path = work / TABLE_FILE
    with bundle.database() as connection:
        here = f"pseudonym >= '{bound(task.part, task.parts)}' AND pseudonym < '{bound(task.part + 1, task.parts)}'"
        connection.execute(f"CREATE OR REPLACE TEMP VIEW linked AS SELECT * EXCLUDE (file_row_number) FROM numbered WHERE {here}")  # noqa: S608
        ordered = f"SELECT * FROM ({task.query}) ORDER BY pseudonym"  # noqa: S608
        ((rows,),) = connection.execute(f"COPY ({ordered}) TO '{quoted(path)}' ({FORM})").fetchall()
    return path, rows


def bound(part: int, parts: int) -> str:
    """Where a partition begins. A pseudonym is a keyed hash, in hexadecimal: equal spans of it hold equally many keys, on every
    machine alike."""
    return f"{part * 2**32 // parts:08x}" if part < parts else "g"


def write_scores(task: PartitionTask, folder: Path, work: Path) -> tuple[Path, int]:
    """The features of this partition, and beside them the column `score`."""
    _, rows = write_features(task, folder, work)
    bundle = Bundle(work, means=means_of(task, work))
    scores = bundle.score(folder / task.model, task.features)
    path = work / "scores.parquet"
    with bundle.database() as connection:
        connection.register("found", {"score": scores})
        connection.execute(f"COPY (SELECT * FROM linked POSITIONAL JOIN found) TO '{quoted(path)}' ({FORM})")  # noqa: S608
    return path, rows


def write_hosted(task: PartitionTask, folder: Path, work: Path) -> tuple[Path, int]:
    """What a hosted model says of one of the blocks in which a worker's child would score the table: the same code on the same
    rows, so the same bits, also of a model whose arithmetic depends on what stands in a block."""
    method = onnx_method.load(folder)
    bundle = Bundle(folder, means=means_of(task, work))
    start, features = task.part * onnx_method.BLOCK, method.manifest.features
    columns = bundle.columns([feature.column for feature in features], range(start, start + onnx_method.BLOCK))
    matrix = onnx_method.stacked(features, columns)
    path = work / onnx_method.SCORES_FILE
    try:
        path.write_bytes(method.block(method.session(), matrix).astype("<f4").tobytes())
    except Exception as error:  # the model's fault, not this machine's
        raise error if isinstance(error, MethodError) else MethodError("bad-model", type(error).__name__) from None
    return path, len(matrix)


def write_answer(task: PartitionTask, folder: Path, work: Path) -> tuple[Path, int]:
    """What a model says of one block of the rows that a run asks about."""
    asked = read_asked((folder / QUESTION_FILE).read_bytes())
    matrix = asked.block(folder)(task.part)
    path = work / ANSWER_FILE
    try:
        session = open_session((folder / MODEL_FILE).read_bytes(), task.threads)
        path.write_bytes(asked.question.answer(session, matrix).astype("<f4").tobytes())
    except Exception as error:  # the model's fault, not this machine's
        raise MethodError("bad-model", type(error).__name__) from None
    return path, len(matrix)


def means_of(task: PartitionTask, work: Path) -> Means:
    return Means(task.memory_mb, 1 << 20, task.threads, work)


def quoted(path: Path) -> str:
    return str(path).replace("'", "''")


TASKS: Final[dict[str, Doing]] = {
    "features": write_features,
    "scores": write_scores,
    "hosted": write_hosted,
    "answer": write_answer,
}
