"""Drift against the previous round: how far features and scores have moved, by the population stability index."""

from dataclasses import dataclass

import numpy as np

from services.analysis.methods.toolkit.arrays import Floats, Matrix
from services.analysis.methods.toolkit.encoding import Encoding
from services.analysis.methods.toolkit.psi import Stability, stability
from services.analysis.methods.toolkit.reference import Reference

SCORE = "score"


@dataclass(frozen=True)
class Drift:
    """How far one feature, or the score, has moved since a round of `before` rows."""

    name: str
    index: Stability
    before: int
    now: int

    @property
    def psi(self) -> float:
        return self.index.psi


def find_drift(reference: Reference, encoding: Encoding, matrix: Matrix, scores: Floats) -> list[Drift]:
    """Of each feature, the most moved first, and before them of the score; the reference is of the same encoding."""
    found = []
    for place, name in enumerate(encoding.names):
        spread = reference.features[name]
        moved = stability(spread.rows(reference.rows), spread.counts(matrix[:, place].astype(np.float64)))
        found.append(Drift(name, moved, reference.rows, len(matrix)))
    of_score = stability(reference.scores.rows(reference.rows), reference.scores.counts(scores))
    score = Drift(SCORE, of_score, reference.rows, len(scores))
    return [score, *sorted(found, key=lambda each: -each.psi)]
