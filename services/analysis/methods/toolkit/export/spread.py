"""How features and scores are spread in training: the reference that later rounds are compared with."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.analysis.methods.toolkit.arrays import Floats
from services.analysis.methods.toolkit.psi import Stability, stability
from shared.contracts import FeatureKind, Histogram, ModelFeature, ModelReference

BINS: Final = 10
MOST_CATEGORIES: Final = 50
Values = NDArray[np.floating]


def reference(features: Sequence[ModelFeature], sample: Values, scores: Values) -> ModelReference:
    told = {feature.name: histogram(sample[:, at], edges_of(feature, sample[:, at])) for at, feature in enumerate(features)}
    return ModelReference(features=told, score=histogram(scores, deciles(scores)))


def edges_of(feature: ModelFeature, values: Values) -> tuple[float, ...]:
    """Deciles of a number; of a category, a bin for each code and one before them for the unknown."""
    if feature.kind is FeatureKind.NUMBER:
        return deciles(values)
    return tuple(code - 0.5 for code in range(min(len(feature.categories), MOST_CATEGORIES)))


def deciles(values: Values) -> tuple[float, ...]:
    known = values[np.isfinite(values)].astype(np.float64)
    if not len(known):
        return ()
    return tuple(float(edge) for edge in np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])))


def histogram(values: Values, edges: tuple[float, ...]) -> Histogram:
    known = values[np.isfinite(values)].astype(np.float64)
    counts = np.bincount(np.searchsorted(np.array(edges), known, side="left"), minlength=len(edges) + 1)
    shares = counts / max(len(known), 1)
    return Histogram(edges=edges, shares=tuple(map(float, shares)), missing=1 - len(known) / max(len(values), 1))


def shift(before: Histogram, rows: int, values: Values) -> Stability:
    """How far these values have moved from a reference of `rows` rows. What is missing counts as a bin of its own."""
    now = histogram(values, before.edges)
    return stability(with_missing(before, rows), with_missing(now, len(values)))


def with_missing(histogram: Histogram, rows: int) -> Floats:
    """Rows in each bin, the last of them those without a value."""
    known = (share * (1 - histogram.missing) for share in histogram.shares)
    return np.array([*known, histogram.missing]) * rows
