"""What an estimator and its ONNX file answer for the same rows, in one shape."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from services.analysis.methods.toolkit.export.allowed import TASKS, last_step
from services.analysis.methods.toolkit.export.conversion import INPUT
from shared.contracts import ModelScore, ModelTask

Array = NDArray[Any]


@dataclass(frozen=True)
class Answer:
    """Labels of shape (rows,), None for a regression; scores of shape (rows, columns)."""

    labels: Array | None
    scores: Array


def task_of(estimator: Any) -> ModelTask:
    """What the final step is for; one that is not listed is judged by what it can do."""
    known = TASKS.get(type(last_step(estimator)))
    if known is not None:
        return known
    if hasattr(estimator, "predict_proba"):
        return ModelTask.CLASSIFICATION
    return ModelTask.ANOMALY if hasattr(estimator, "decision_function") else ModelTask.REGRESSION


def score_of(task: ModelTask, classes: int) -> ModelScore:
    """Where the score is in the outputs of an ONNX file. More is more likely, larger, or more unusual."""
    match task:
        case ModelTask.CLASSIFICATION:
            return ModelScore(output="probabilities", column=1 if classes == 2 else None)
        case ModelTask.REGRESSION:
            return ModelScore(output="variable", column=0)
        case ModelTask.ANOMALY:
            return ModelScore(output="scores", column=0, sign=-1)
        case ModelTask.CLUSTERING:
            return ModelScore(output="label")


def by_estimator(estimator: Any, task: ModelTask, rows: Array) -> Answer:
    match task:
        case ModelTask.CLASSIFICATION:
            return Answer(np.asarray(estimator.predict(rows)), np.asarray(estimator.predict_proba(rows)))
        case ModelTask.REGRESSION:
            return Answer(None, columns(estimator.predict(rows), len(rows)))
        case ModelTask.ANOMALY:
            return Answer(np.asarray(estimator.predict(rows)), columns(estimator.decision_function(rows), len(rows)))
        case ModelTask.CLUSTERING:
            return Answer(np.asarray(estimator.predict(rows)), columns(estimator.transform(rows), len(rows)))


def by_onnx(session: ort.InferenceSession, task: ModelTask, rows: Array) -> Answer:
    found = [np.asarray(each) for each in session.run(None, {INPUT: rows.astype(np.float32, copy=False)})]
    if task is ModelTask.REGRESSION:
        return Answer(None, columns(found[0], len(rows)))
    return Answer(found[0].reshape(len(rows)), columns(found[1], len(rows)))


def columns(values: Any, rows: int) -> Array:
    return np.asarray(values).reshape(rows, -1)


def single(task: ModelTask, answer: Answer) -> Array:
    """The score of each row, shape (rows,): of two classes the probability of the second, of more that of the likeliest."""
    match task:
        case ModelTask.CLASSIFICATION:
            return np.asarray(answer.scores[:, 1] if answer.scores.shape[1] == 2 else answer.scores.max(axis=1), dtype=np.float64)
        case ModelTask.REGRESSION:
            return np.asarray(answer.scores[:, 0], dtype=np.float64)
        case ModelTask.ANOMALY:
            return np.asarray(-answer.scores[:, 0], dtype=np.float64)
        case ModelTask.CLUSTERING:
            return np.asarray(answer.labels, dtype=np.float64)
