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
    """Of each feature that both rounds have, the most moved first, and before them of the score."""
    places = {name: place for place, name in enumerate(encoding.names)}
    found = []
    for name, spread in reference.features.items():
        if name in places and comparable(spread, encoding, name):
            values = recoded(matrix[:, places[name]], encoding.codes.get(name, ()), spread.levels)
            found.append(Drift(name, stability(spread, reference.rows, values), reference.rows, len(matrix)))
    score = Drift(SCORE, stability(reference.scores, reference.rows, scores), reference.rows, len(scores))
    return [score, *sorted(found, key=lambda each: -each.psi)]


def comparable(spread: Spread, encoding: Encoding, name: str) -> bool:
    return bool(spread.levels) == (name in encoding.codes)


def recoded(values: Matrix, ours: tuple[str, ...], theirs: tuple[str, ...]) -> Floats:
    """Our category codes as those of the previous round."""
    if not theirs:
        return values.astype(np.float64)
    place = {level: float(code) for code, level in enumerate(theirs)}
    table = np.array([*(place.get(level, np.nan) for level in ours), np.nan])
    return np.asarray(table[np.where(np.isfinite(values), values, len(ours)).astype(np.int64)])


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
