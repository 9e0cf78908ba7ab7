"""Drift against the previous round: how far features and scores have moved, by the population stability index."""

from dataclasses import dataclass

import numpy as np

from services.analysis.methods.toolkit.arrays import Floats, Matrix
from services.analysis.methods.toolkit.encoding import Encoding
from services.analysis.methods.toolkit.reference import Reference, Spread

MINIMUM_BIN = 10
STEADY, MOVED = 0.1, 0.25
SCORE = "score"


@dataclass(frozen=True)
class Drift:
    """PSI of one feature, or of the score. Below .1 steady, above .25 moved, by common use."""

    name: str
    psi: float
    before: int
    now: int

    @property
    def verdict(self) -> str:
        return "steady" if self.psi < STEADY else "watch" if self.psi < MOVED else "moved"


def find_drift(reference: Reference, encoding: Encoding, matrix: Matrix, scores: Floats) -> list[Drift]:
    """Of each feature, the most moved first, and before them of the score; the reference is of the same encoding."""
    found = []
    for place, name in enumerate(encoding.names):
        moved = stability(reference.features[name], reference.rows, matrix[:, place].astype(np.float64))
        found.append(Drift(name, moved, reference.rows, len(matrix)))
    score = Drift(SCORE, stability(reference.scores, reference.rows, scores), reference.rows, len(scores))
    return [score, *sorted(found, key=lambda each: -each.psi)]


def stability(spread: Spread, rows: int, values: Floats) -> float:
    """Sum of (q - p) ln(q / p) over bins; bins of fewer than ten rows in either round are joined to a neighbour."""
    before, now = joined(np.asarray(spread.shares) * rows, spread.counts(values))
    p, q = (np.maximum(counts, 0.5) / max(counts.sum(), 1.0) for counts in (before, now))
    return round(float(((q - p) * np.log(q / p)).sum()), 4)


def joined(before: Floats, now: Floats) -> tuple[Floats, Floats]:
    pairs: list[list[float]] = []
    for one, two in zip(before, now, strict=True):
        if pairs and min(pairs[-1]) < MINIMUM_BIN and sum(pairs[-1]) < 2 * MINIMUM_BIN:
            pairs[-1] = [pairs[-1][0] + one, pairs[-1][1] + two]
        else:
            pairs.append([one, two])
    if len(pairs) > 1 and sum(pairs[-1]) < 2 * MINIMUM_BIN:
        last = pairs.pop()
        pairs[-1] = [pairs[-1][0] + last[0], pairs[-1][1] + last[1]]
    made = np.array(pairs)
    return made[:, 0], made[:, 1]
