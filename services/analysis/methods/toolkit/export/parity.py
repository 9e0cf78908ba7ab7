"""The gate: an ONNX file counts only if it answers as its estimator does, also where values are missing or unknown."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.analysis.methods.toolkit.export.conversion import open_session
from services.analysis.methods.toolkit.export.refusal import RefusedError
from services.analysis.methods.toolkit.export.scoring import Answer, by_estimator, by_onnx
from shared.contracts import FeatureKind, ModelFeature, ModelTask, Parity

ROWS: Final = 12_000
LARGEST_DIFFERENCE: Final = 1e-5
MISSING_SHARE: Final = 0.08
UNKNOWN_SHARE: Final = 0.08
SEED: Final = 20_261
Matrix = NDArray[np.float32]


def compare(estimator: Any, task: ModelTask, model: bytes, sample: Matrix, features: Sequence[ModelFeature]) -> Parity:
    """RefusedError unless scores differ by at most 1e-5 (as a share of those beyond 1), and no label differs."""
    rows = challenge(sample, features)
    session = open_session(model)
    try:
        expected, found = by_estimator(estimator, task, rows), by_onnx(session, task, rows)
    except Exception as fault:
        raise RefusedError("not-comparable", f"It does not answer rows with missing values: {type(fault).__name__}.") from fault
    unknown = np.zeros(len(rows), dtype=bool)
    for at, feature in enumerate(features):
        if feature.kind is FeatureKind.CATEGORY:
            unknown |= rows[:, at] == np.float32(feature.unknown)
    differ = np.zeros(len(rows), dtype=bool) if expected.labels is None else expected.labels != found.labels
    tied = ties(task, expected)
    parity = Parity(
        rows=len(rows),
        rows_with_missing=int(np.isnan(rows).any(axis=1).sum()),
        rows_with_unknown=int(unknown.sum()),
        largest_difference=difference(expected, found),
        labels_differing=int((differ & ~tied).sum()),
        labels_tied=int((differ & tied).sum()),
    )
    if parity.largest_difference > LARGEST_DIFFERENCE or parity.labels_differing:
        raise RefusedError("answers-differ", f"{told(parity)} at most {LARGEST_DIFFERENCE:g} is let through.")
    return parity


def ties(task: ModelTask, answer: Answer) -> NDArray[np.bool_]:
    """Rows where the estimator itself stands between two labels, closer than the difference that is let through."""
    if task is ModelTask.ANOMALY:
        return np.asarray(np.abs(answer.scores[:, 0]) <= LARGEST_DIFFERENCE)
    if answer.scores.shape[1] < 2:
        return np.zeros(len(answer.scores), dtype=bool)
    ordered = np.sort(answer.scores if task is ModelTask.CLUSTERING else -answer.scores, axis=1)
    return np.asarray(ordered[:, 1] - ordered[:, 0] <= LARGEST_DIFFERENCE)


def told(parity: Parity) -> str:
    apart = f"differs by up to {parity.largest_difference:.1e} and in {parity.labels_differing:,} labels"
    return f"On {parity.rows:,} rows the ONNX file {apart};"


def difference(expected: Answer, found: Answer) -> float:
    """The largest one of any score; infinite counts as the largest float."""
    if expected.scores.shape != found.scores.shape:
        return float(np.finfo(np.float64).max)
    wanted = expected.scores.astype(np.float64)
    apart = np.abs(wanted - found.scores) / np.maximum(1.0, np.abs(wanted))
    return float(np.nan_to_num(apart, nan=np.finfo(np.float64).max).max(initial=0.0))


def challenge(sample: Matrix, features: Sequence[ModelFeature], rows: int = ROWS) -> Matrix:
    """Rows drawn from the sample: a third as they are, a third with each column shuffled by itself, a third beside the
    splits (half way between neighbours, pushed a little, or far outside); then some cells missing, some codes unknown."""
    random = np.random.default_rng(SEED)
    drawn = sample[random.integers(0, len(sample), rows)].copy()
    third = rows // 3
    for at, feature in enumerate(features):
        drawn[third : 2 * third, at] = random.permutation(drawn[third : 2 * third, at])
        if feature.kind is FeatureKind.NUMBER:
            drawn[2 * third :, at] = beside(sample[:, at], rows - 2 * third, random)
    holes = random.random(drawn.shape) < MISSING_SHARE
    holes[: third // 4] = False
    drawn[holes] = np.nan
    for at, feature in enumerate(features):
        if feature.kind is FeatureKind.CATEGORY:
            drawn[random.random(rows) < UNKNOWN_SHARE, at] = feature.unknown
    return drawn


def beside(column: Matrix, rows: int, random: np.random.Generator) -> Matrix:
    """Values where a tree's answer may turn: middles of neighbouring values, and values moved by a hair or by far."""
    known = np.unique(column[np.isfinite(column)]).astype(np.float64)
    if not len(known):
        return np.zeros(rows, dtype=np.float32)
    middles = (known[:-1] + known[1:]) / 2 if len(known) > 1 else known
    spread = float(known[-1] - known[0]) or 1.0
    near = random.choice(known, rows) * (1 + random.normal(scale=1e-6, size=rows))
    far = random.choice(known, rows) + random.normal(scale=spread, size=rows)
    chosen = random.integers(0, 3, rows)
    return np.choose(chosen, [random.choice(middles, rows), near, far]).astype(np.float32)
