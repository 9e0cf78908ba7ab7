"""What an ONNX model says of many rows: asked here, or of the nodes that the run's worker knows."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, TypeAdapter

ASKED: Final = "asked"
"""The folder in which a run puts a question: these three files."""
MODEL_FILE, QUESTION_FILE, ROWS_FILE = "model.onnx", "question.json", "rows.f32"
ANSWER_FILE: Final = "answer.f32"
BLOCK: Final = 131_072
MOST_BLOCKS: Final = 4096
"""Of one question: each is a task, and the scheduler is everybody's."""
Array = NDArray[Any]
Floats = NDArray[np.float32]
Blocks = Iterable[Floats]
Tell = Callable[[], bool]


@dataclass(frozen=True)
class Question:
    """Which features the columns of a matrix are, and which number of the model's answer is meant.

    The model takes one float matrix of the features, or each feature by its name. `output`: the last one if empty; `column`:
    of several, the last if negative, the largest of them if None."""

    features: tuple[str, ...]
    output: str = ""
    column: int | None = -1

    def answer(self, session: Any, rows: Floats) -> Floats:
        """One number for each row of a matrix [rows, features]."""
        inputs = [put.name for put in session.get_inputs()]
        alone = {put: np.ascontiguousarray(rows[:, [self.features.index(put)]]) for put in inputs} if len(inputs) > 1 else {}
        (found,) = session.run([self.output or session.get_outputs()[-1].name], alone or {inputs[0]: rows})
        flat = np.asarray(found, dtype=np.float32).reshape(len(rows), -1)
        return flat.max(axis=1) if self.column is None else flat[:, self.column].copy()


@dataclass(frozen=True)
class Asked:
    """A question in its folder: how many rows each block has. The blocks stand in the file one after the other."""

    question: Question
    sizes: Annotated[list[NonNegativeInt], Field(max_length=MOST_BLOCKS)]

    @property
    def bytes(self) -> int:
        """How large the file of the rows is."""
        return sum(self.sizes) * len(self.question.features) * 4

    def block(self, folder: Path) -> Callable[[int], Floats]:
        """A block of this folder by its number, as a matrix [rows, features]."""
        width = len(self.question.features)

        def read(number: int) -> Floats:
            start, cells = sum(self.sizes[:number]) * width * 4, self.sizes[number] * width
            return np.fromfile(folder / ROWS_FILE, dtype="<f4", count=cells, offset=start).reshape(-1, width)

        return read


def read_asked(body: bytes) -> Asked:
    """ValidationError if it is none."""
    return TypeAdapter(Asked).validate_json(body)


def open_session(model: bytes, threads: int) -> Any:
    import onnxruntime  # it starts threads, so not before the sandbox is shut

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def here(model: bytes, question: Question, blocks: Blocks, threads: int) -> Iterator[Floats]:
    session = open_session(model, threads)
    return (question.answer(session, block) for block in blocks)


@dataclass(frozen=True)
class Nodes:
    """The way of a child to the nodes: what it asks lies in its own folder, what it is told in its bundle's.

    `tell` says that a question lies there, and waits; False if no node answers it. Then it is answered here: what is wrong with
    a model or its rows is said best by who has them."""

    work: Path
    bundle: Path
    room: int
    """Bytes of rows that a question has at most; at least one block is asked for."""
    tell: Tell

    def answers(self, model: bytes, question: Question, blocks: Blocks, threads: int) -> Iterator[Floats]:
        """Of each block in its order. What is one block is answered here: nobody would be faster."""
        coming = iter(blocks)
        first = list(islice(coming, 2))
        if len(first) < 2:
            yield from here(model, question, first, threads)
            return
        folder = self.work / ASKED
        folder.mkdir(exist_ok=True)
        (folder / MODEL_FILE).write_bytes(model)
        waiting = chain(first, coming)
        while sizes := self.laid_out(folder / ROWS_FILE, waiting):
            asked = Asked(question, sizes)
            (folder / QUESTION_FILE).write_text(json.dumps(asdict(asked)))
            if self.tell():
                yield np.fromfile(self.bundle / ANSWER_FILE, dtype="<f4")
            else:
                yield from here(model, question, map(asked.block(folder), range(len(sizes))), threads)

    def laid_out(self, path: Path, blocks: Iterator[Floats]) -> list[int]:
        """Rows of each block that now lies in the file; none when all have been there."""
        sizes: list[int] = []
        with path.open("wb") as file:
            while len(sizes) < MOST_BLOCKS and (file.tell() == 0 or file.tell() * (1 + 1 / len(sizes)) <= self.room):
                if (block := next(blocks, None)) is None:
                    break
                file.write(np.ascontiguousarray(block, dtype="<f4").data)
                sizes.append(len(block))
        return sizes
