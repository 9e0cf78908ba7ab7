"""How features and scores are spread in training: the reference that later rounds are compared with."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.contracts import FeatureKind, Histogram, ModelFeature, ModelReference

BINS: Final = 10
MOST_CATEGORIES: Final = 50
EMPTY: Final = 1e-4
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


def shift(before: Histogram, values: Values) -> float:
    """The population stability index of these values against a reference; 0 is the same, above .25 is another population.

    What is missing counts as a bin of its own; an empty bin counts as one in 10,000."""
    now = histogram(values, before.edges)
    old, new = (np.maximum(shares_with_missing(one), EMPTY) for one in (before, now))
    return float(np.sum((new - old) * np.log(new / old)))


def shares_with_missing(told: Histogram) -> Values:
    return np.array([*(share * (1 - told.missing) for share in told.shares), told.missing])
