"""The released model beside the new one: loaded safely, given the new table in its own order, compared on the same rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from services.analysis.methods.toolkit.export import RefusedError, read_manifest, unpack
from services.analysis.methods.toolkit.export.coding import Columns, matrix_of
from services.analysis.methods.toolkit.export.scoring import by_estimator, single
from services.analysis.methods.toolkit.export.spread import shift
from services.analysis.methods.toolkit.psi import Stability
from services.analysis.worker.sdk import BLOCK, CHAMPION_FILE, Bundle, MethodError, Question
from shared.contracts import FeatureKind, ModelFormat, ModelManifest, ModelReference

Floats = NDArray[np.float64]
Blocks = Iterator[NDArray[np.float32]]
Part = Callable[[NDArray[np.intp]], Columns]


@dataclass(frozen=True)
class Champion:
    """What the released model says of the new rows; higher means more likely, larger, or more unusual."""

    scores: Floats
    manifest: ModelManifest
    score_shift: Stability | None
    """Population stability index of its scores, now against its training."""
    feature_shift: dict[str, Stability]
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


def trained_by(bundle: Bundle, method: str) -> ModelManifest:
    """What the released model of this run says of itself. MethodError if it cannot be read, or if another method trained it."""
    try:
        manifest = read_manifest((bundle.folder / CHAMPION_FILE).read_bytes())
    except RefusedError as refused:
        raise unreadable(refused) from None
    if manifest.method.name != method:
        raise MethodError("champion-other-method", "The released model was trained by another method.")
    return manifest


def unreadable(refused: RefusedError) -> MethodError:
    return MethodError("champion-unreadable", f"The released model cannot be used: {refused.detail}")


def score_champion(bundle: Bundle, columns: Columns, part: Part | None = None) -> Champion:
    """Score the new table with the released model of this run.

    `columns`: feature name -> values, all of one length; numbers as floats, categories as they are written (not as codes).
    `part`: these rows of the columns, where the columns do not stand in memory: one of them does at a time, and one block.
    A feature that is not there is missing, a category that it never saw gets its code for that. MethodError if the file
    cannot be used.
    """
    rows = len(next(iter(columns.values()))) if columns else 0
    taken = part or (lambda places: {name: values[places] for name, values in columns.items()})
    try:
        model = (bundle.folder / CHAMPION_FILE).read_bytes()
        manifest = read_manifest(model)
        blocks = blocks_of(manifest, taken, rows)
        skops = manifest.format is ModelFormat.SKOPS
        scores = by_skops(model, manifest, blocks) if skops else by_onnx(model, manifest, blocks, bundle)
    except RefusedError as refused:
        raise unreadable(refused) from None
    reference, moved, unknown = manifest.reference, dict[str, Stability](), dict[str, float]()
    learned = max(manifest.training.rows, 0)
    for feature in manifest.features if rows else ():
        values = matrix_of([feature], columns, rows)[:, 0]
        if feature.name in reference.features:
            moved[feature.name] = shift(reference.features[feature.name], learned, values)
        if feature.kind is FeatureKind.CATEGORY and (share := float(np.mean(values == np.float32(feature.unknown)))):
            unknown[feature.name] = share
    return Champion(
        scores=scores,
        manifest=manifest,
        score_shift=shift(reference.score, learned, scores) if reference.score and rows else None,
        feature_shift=moved,
        absent=tuple(feature.name for feature in manifest.features if feature.name not in columns),
        unknown=unknown,
    )


def blocks_of(manifest: ModelManifest, part: Part, rows: int) -> Blocks:
    for start in range(0, rows, BLOCK):
        places = np.arange(start, min(start + BLOCK, rows))
        yield matrix_of(manifest.features, part(places), len(places))


def by_onnx(model: bytes, manifest: ModelManifest, blocks: Blocks, bundle: Bundle) -> Floats:
    where = manifest.score
    if len(manifest.inputs) != 1 or manifest.inputs[0].datatype != "FP32":
        raise RefusedError("champion-shape", "It does not take one matrix of numbers.")
    question = Question(tuple(feature.name for feature in manifest.features), where.output, where.column)
    try:
        return where.sign * bundle.answers(model, blocks, question).astype(np.float64)
    except Exception as fault:
        # onnxruntime raises classes of its own, whose words may hold values.
        raise RefusedError("champion-shape", f"It does not answer: {type(fault).__name__}.") from None


def by_skops(model: bytes, manifest: ModelManifest, blocks: Blocks) -> Floats:
    estimator = unpack(model)
    try:
        found = [single(manifest.task, by_estimator(estimator, manifest.task, block)) for block in blocks]
    except Exception as fault:
        # scikit-learn raises whatever it stumbles over; the words may hold values, the type does not.
        raise RefusedError("champion-shape", f"It does not answer: {type(fault).__name__}.") from None
    return np.concatenate([np.zeros(0), *found])


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
