"""What a method asks of an ONNX model, in rounds: answered by others or here, it is the same."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper
from pydantic import ValidationError

from services.analysis.methods.toolkit import champion
from services.analysis.methods.toolkit.champion import score_champion
from services.analysis.worker import asking
from services.analysis.worker.asking import ANSWER_FILE, ASKED, MOST_BLOCKS, Nodes, Question, here, read_asked
from services.analysis.worker.cluster import taken
from services.analysis.worker.engine import PartitionTask, partitions, perform
from services.analysis.worker.outputs import InvalidError
from services.analysis.worker.sdk import CHAMPION_FILE, Bundle
from tests.analysis import models
from tests.analysis.test_champion import columns
from tests.analysis.weighted_models import above_its_block, difference, finished, taking, weighted

FEATURES = ("a", "b", "c")
SIZES = (50, 50, 50, 7, 30)


def blocks() -> Iterator[Any]:
    rng = np.random.default_rng(4)
    return (rng.normal(size=(size, len(FEATURES))).astype(np.float32) for size in SIZES)


@dataclass
class Answering:
    """The worker and a node in one: takes each question out of the run's folder, and answers it or not."""

    root: Path
    willing: Callable[[int], bool] = lambda number: True
    asked: list[list[int]] = field(default_factory=list)

    def nodes(self, room: int) -> Nodes:
        for name in ("work", "bundle"):
            (self.root / name).mkdir(exist_ok=True)
        return Nodes(self.root / "work", self.root / "bundle", room, self.tell)

    def tell(self) -> bool:
        number = len(self.asked)
        shared = self.root / f"question-{number}"
        shared.mkdir()
        asked = taken(self.root / "work", shared)
        self.asked.append(asked.sizes)
        if self.willing(number):
            told = PartitionTask("answer", shared.name, shared.name, 0, len(asked.sizes))
            parts = [(shared / perform(task, self.root).file).read_bytes() for task in partitions(told)]
            (self.root / "bundle" / ANSWER_FILE).write_bytes(b"".join(parts))
        return self.willing(number)


def answers(nodes: Nodes, model: bytes, question: Question, rows: Any = None) -> Any:
    return np.concatenate([*nodes.answers(model, question, blocks() if rows is None else rows, 1)])


@pytest.mark.parametrize(
    ("room", "rounds"),
    [(1, [[50], [50], [50], [7], [30]]), (50 * 12 * 2, [[50, 50], [50, 7, 30]]), (1 << 20, [[*SIZES]])],
)
@pytest.mark.parametrize("willing", [lambda number: True, lambda number: False, lambda number: number != 1])
def test_questions_take_no_more_room_than_there_is(tmp_path: Path, room: int, rounds: Any, willing: Any) -> None:
    model, question = above_its_block(3), Question(FEATURES)
    answering = Answering(tmp_path, willing)
    found = answers(answering.nodes(room), model, question)
    np.testing.assert_array_equal(found, np.concatenate([*here(model, question, blocks(), 1)]))
    assert answering.asked == rounds


def test_many_small_blocks_are_several_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_BLOCKS", 2)
    answering = Answering(tmp_path)
    assert len(answers(answering.nodes(1 << 20), weighted([1, 1, 1]), Question(FEATURES))) == sum(SIZES)
    assert answering.asked == [[50, 50], [50, 7], [30]]


def test_what_is_no_more_than_a_block_is_answered_at_once(tmp_path: Path) -> None:
    answering = Answering(tmp_path)
    nodes = answering.nodes(1 << 20)
    rows = next(blocks())
    np.testing.assert_allclose(answers(nodes, weighted([1, 1, 1]), Question(FEATURES), [rows]), rows.sum(axis=1), rtol=1e-5)
    assert [*nodes.answers(weighted([1, 1, 1]), Question(FEATURES), [], 1)] == []
    assert answering.asked == []


def test_features_by_name_and_the_largest_of_several_answers(tmp_path: Path) -> None:
    nodes, rows = Answering(tmp_path).nodes(1 << 20), np.concatenate([*blocks()])
    found = answers(nodes, difference("c", "a"), Question(FEATURES, "score", 0))
    np.testing.assert_array_equal(found, rows[:, 2] - rows[:, 0])
    same = finished([helper.make_node("Identity", ["features"], ["score"])], [taking(len(FEATURES))], [])
    np.testing.assert_array_equal(answers(nodes, same, Question(FEATURES, column=None)), rows.max(axis=1))
    np.testing.assert_array_equal(answers(nodes, same, Question(FEATURES)), rows[:, -1])


def test_a_champion_is_scored_by_the_nodes_as_it_is_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / CHAMPION_FILE).write_bytes(models.onnx_file())
    alone = Bundle(tmp_path)
    expected = score_champion(alone, columns())
    monkeypatch.setattr(champion, "BLOCK", 400)
    answering = Answering(tmp_path)
    found = score_champion(replace(alone, nodes=answering.nodes(1 << 20)), columns())
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert answering.asked == [[400, 400, 400, 300]]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"question": {"features": ["a"]}, "sizes": [-1]}',
        b'{"question": {"features": ["a"]}, "sizes": "many"}',
        b'{"question": {"features": ["a"], "column": "all"}, "sizes": [1]}',
        b'{"question": {"features": ["a"]}, "sizes": [' + b"0," * MOST_BLOCKS + b"0]}",
    ],
)
def test_what_is_no_question(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(ValidationError):
        read_asked(body)
    (tmp_path / ASKED).mkdir()
    (tmp_path / ASKED / "question.json").write_bytes(body)
    with pytest.raises(InvalidError):
        taken(tmp_path, tmp_path)


def test_rows_that_are_fewer_or_more_than_it_says_are_no_question(tmp_path: Path) -> None:
    folder = tmp_path / ASKED
    folder.mkdir()
    (folder / "question.json").write_text('{"question": {"features": ["a", "b"]}, "sizes": [3, 1]}')
    (folder / "model.onnx").write_bytes(b"a model")
    for number, size in enumerate((31, 33, 32)):
        (folder / "rows.f32").write_bytes(bytes(size))
        shared = tmp_path / str(number)
        shared.mkdir()
        if size == 32:
            assert taken(tmp_path, shared).sizes == [3, 1]
            return
        with pytest.raises(InvalidError):
            taken(tmp_path, shared)
