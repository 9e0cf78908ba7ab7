"""From a fitted estimator to a model file: ONNX where it provably answers the same, else skops; the manifest inside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.analysis.methods.toolkit.export import kept
from services.analysis.methods.toolkit.export.allowed import check_allowed, last_step
from services.analysis.methods.toolkit.export.conversion import INPUT, convert, embed, open_session, tensors
from services.analysis.methods.toolkit.export.parity import compare
from services.analysis.methods.toolkit.export.refusal import RefusedError
from services.analysis.methods.toolkit.export.scoring import by_estimator, score_of, single, task_of
from services.analysis.methods.toolkit.export.spread import reference
from services.analysis.methods.toolkit.export.thresholds import in_float32
from shared.contracts import (
    ModelFeature,
    ModelFormat,
    ModelLineage,
    ModelManifest,
    ModelScore,
    ModelTask,
    ModelTensor,
    TrainedBy,
    TrainingPeriod,
)


@dataclass(frozen=True)
class Subject:
    """What is exported: the estimator, its columns in order, and rows that it was trained on, of shape (rows, features)."""

    estimator: Any
    features: tuple[ModelFeature, ...]
    sample: NDArray[np.float32]
    task: ModelTask
    classes: tuple[str | int, ...]

    @property
    def score(self) -> ModelScore:
        return score_of(self.task, len(self.classes))


def export(
    estimator: Any,
    features: Sequence[ModelFeature | str],
    sample: NDArray[Any],
    *,
    method: TrainedBy,
    training: TrainingPeriod,
    metrics: Mapping[str, float | None] | None = None,
    lineage: ModelLineage | None = None,
) -> bytes:
    """The bytes of an ONNX file, or of a skops file where ONNX would not answer the same.

    The estimator is fitted on a float32 matrix with these columns in this order: numbers with NaN where a value is missing
    (whole numbers are exact up to 2**24), categories as their codes. `sample`: rows of the training data, the more the
    better; shape (rows, features).
    RefusedError if not even a skops file can be made of it.
    """
    named = tuple(each if isinstance(each, ModelFeature) else ModelFeature(name=each) for each in features)
    rows = np.asarray(sample, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] != len(named) or not len(rows):
        raise RefusedError("sample-shape", "The sample has a row at least, and a column for each feature.")
    subject = Subject(estimator, named, rows, task_of(estimator), classes_of(estimator))
    scores = scores_of(subject)
    facts = {
        "task": subject.task,
        "estimator": type(last_step(estimator)).__name__,
        "features": named,
        "classes": subject.classes,
        "score": subject.score,
        "training": training,
        "method": method,
        "lineage": lineage or ModelLineage(),
        "metrics": {name: finite(value) for name, value in (metrics or {}).items()},
        "reference": reference(named, rows, scores),
    }
    try:
        return as_onnx(subject, facts)
    except RefusedError as refusal:
        return as_skops(subject, facts, refusal)


def scores_of(subject: Subject) -> NDArray[np.float64]:
    try:
        return single(subject.task, by_estimator(subject.estimator, subject.task, subject.sample))
    except Exception as fault:
        # scikit-learn raises whatever it stumbles over; the words may hold values, the type does not.
        raise RefusedError("sample-refused", f"The estimator does not answer its own sample: {type(fault).__name__}.") from fault


def as_onnx(subject: Subject, facts: Mapping[str, Any]) -> bytes:
    check_allowed(subject.estimator)
    model = convert(in_float32(subject.estimator), len(subject.features))
    parity = compare(subject.estimator, subject.task, model, subject.sample, subject.features)
    inputs, outputs = tensors(open_session(model))
    return embed(model, ModelManifest(format=ModelFormat.ONNX, inputs=inputs, outputs=outputs, parity=parity, **facts))


def as_skops(subject: Subject, facts: Mapping[str, Any], refusal: RefusedError) -> bytes:
    inputs = (ModelTensor(name=INPUT, datatype="FP32", shape=(-1, len(subject.features))),)
    outputs = (ModelTensor(name=subject.score.output, datatype="FP32", shape=(-1, max(len(subject.classes), 1))),)
    manifest = ModelManifest(format=ModelFormat.SKOPS, inputs=inputs, outputs=outputs, refused=refusal.reason, **facts)
    return kept.pack(subject.estimator, manifest)


def classes_of(estimator: Any) -> tuple[str | int, ...]:
    """As JSON has them; a yes or no is 1 or 0, as in the ONNX file."""
    plain = (each.item() if isinstance(each, np.generic) else each for each in getattr(estimator, "classes_", ()))
    return tuple(each if isinstance(each, str) else int(each) for each in plain)


def finite(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None
