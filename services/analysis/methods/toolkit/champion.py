"""The released model beside the new one: loaded safely, given the new table in its own order, compared on the same rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from services.analysis.methods.toolkit.export import RefusedError, open_session, read_manifest, unpack
from services.analysis.methods.toolkit.export.coding import Columns, matrix_of
from services.analysis.methods.toolkit.export.scoring import by_estimator, single
from services.analysis.methods.toolkit.export.spread import shift
from services.analysis.worker.sdk import MethodError
from shared.contracts import FeatureKind, ModelFormat, ModelManifest, ModelReference

BATCH: Final = 131_072
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Champion:
    """What the released model says of the new rows; higher means more likely, larger, or more unusual."""

    scores: Floats
    manifest: ModelManifest
    score_shift: float | None
    """Population stability index of its scores, now against its training."""
    feature_shift: dict[str, float]
    absent: tuple[str, ...]
    """Features that the new table does not have: missing in every row."""
    unknown: dict[str, float]
    """Share of rows with a category that it never saw, by feature, where there are any."""

    @property
    def reference(self) -> ModelReference:
        return self.manifest.reference


@dataclass(frozen=True)
class Figures:
    """How good a score is on rows whose outcome is known; None where it has no meaning."""

    roc_auc: float | None
    pr_auc: float | None
    brier: float | None
    precision_at_k: float | None


@dataclass(frozen=True)
class SideBySide:
    champion: Figures
    challenger: Figures
    rows: int
    places: int


def trained_by(path: Path, method: str) -> ModelManifest:
    """What the released model says of itself. MethodError if the file cannot be read, or if another method trained it."""
    try:
        manifest = read_manifest(path.read_bytes())
    except RefusedError as refused:
        raise unreadable(refused) from None
    if manifest.method.name != method:
        raise MethodError("champion-other-method", "The released model was trained by another method.")
    return manifest


def unreadable(refused: RefusedError) -> MethodError:
    return MethodError("champion-unreadable", f"The released model cannot be used: {refused.detail}")


def score_champion(path: Path, columns: Columns) -> Champion:
    """Score the new table with the released model in this file.

    `columns`: feature name -> values, all of one length; numbers as floats, categories as they are written (not as codes).
    A feature that is not there is missing, a category that it never saw gets its code for that. MethodError if the file
    cannot be used.
    """
    rows = len(next(iter(columns.values()))) if columns else 0
    try:
        model = path.read_bytes()
        manifest = read_manifest(model)
        matrix = matrix_of(manifest.features, columns, rows)
        answer = by_skops if manifest.format is ModelFormat.SKOPS else by_session
        scores = answer(model, manifest, matrix)
    except RefusedError as refused:
        raise unreadable(refused) from None
    reference = manifest.reference
    return Champion(
        scores=scores,
        manifest=manifest,
        score_shift=shift(reference.score, scores) if reference.score and rows else None,
        feature_shift={
            feature.name: shift(reference.features[feature.name], matrix[:, at])
            for at, feature in enumerate(manifest.features)
            if feature.name in reference.features and rows
        },
        absent=tuple(feature.name for feature in manifest.features if feature.name not in columns),
        unknown=unknown_shares(manifest, matrix),
    )


def by_session(model: bytes, manifest: ModelManifest, matrix: NDArray[np.float32]) -> Floats:
    session = open_session(model)
    where = manifest.score
    if len(manifest.inputs) != 1 or manifest.inputs[0].datatype != "FP32":
        raise RefusedError("champion-shape", "It does not take one matrix of numbers.")
    parts = [np.zeros(0)]
    for at in range(0, len(matrix), BATCH):
        found = answered(session, where.output, {manifest.inputs[0].name: matrix[at : at + BATCH]})
        parts.append(where.sign * one_column(found, where.column))
    return np.concatenate(parts)


def answered(session: Any, output: str, given: Mapping[str, NDArray[np.float32]]) -> NDArray[Any]:
    try:
        return np.asarray(session.run([output], given)[0])
    except Exception as fault:
        # onnxruntime raises classes of its own, whose words may hold values.
        raise RefusedError("champion-shape", f"It does not answer: {type(fault).__name__}.") from None


def one_column(found: NDArray[Any], column: int | None) -> Floats:
    """Of several classes the probability of the likeliest."""
    flat = found.reshape(len(found), -1)
    return np.asarray(flat.max(axis=1) if column is None else flat[:, column], dtype=np.float64)


def by_skops(model: bytes, manifest: ModelManifest, matrix: NDArray[np.float32]) -> Floats:
    estimator = unpack(model)
    if not len(matrix):
        return np.zeros(0)
    blocks = (matrix[at : at + BATCH] for at in range(0, len(matrix), BATCH))
    try:
        return np.concatenate([single(manifest.task, by_estimator(estimator, manifest.task, block)) for block in blocks])
    except Exception as fault:
        # scikit-learn raises whatever it stumbles over; the words may hold values, the type does not.
        raise RefusedError("champion-shape", f"It does not answer: {type(fault).__name__}.") from None


def unknown_shares(manifest: ModelManifest, matrix: NDArray[np.float32]) -> dict[str, float]:
    found = {
        feature.name: float(np.mean(matrix[:, at] == np.float32(feature.unknown)))
        for at, feature in enumerate(manifest.features)
        if feature.kind is FeatureKind.CATEGORY and len(matrix)
    }
    return {name: share for name, share in found.items() if share}


def side_by_side(label: Floats, champion: Floats, challenger: Floats, places: int) -> SideBySide:
    """Both on the same rows: those whose outcome (0 or 1, NaN if unknown) is known. `places`: how many cases can be followed."""
    known = np.isfinite(label)
    outcome, most = label[known], min(places, int(known.sum()))
    old, new = (figures_of(outcome, scores[known], most) for scores in (champion, challenger))
    return SideBySide(old, new, rows=int(known.sum()), places=most)


def figures_of(outcome: Floats, scores: Floats, places: int) -> Figures:
    both = len(np.unique(outcome)) == 2
    shares = len(scores) > 0 and scores.min() >= 0 and scores.max() <= 1
    first = np.argsort(-scores, kind="stable")[:places]
    return Figures(
        roc_auc=float(roc_auc_score(outcome, scores)) if both else None,
        pr_auc=float(average_precision_score(outcome, scores)) if both else None,
        brier=float(np.mean((scores - outcome) ** 2)) if shares else None,
        precision_at_k=float(outcome[first].mean()) if places else None,
    )
