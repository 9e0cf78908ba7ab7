"""The population stability index of two rounds, and what chance alone gives at their sizes.

Formula and thresholds: Siddiqi, Credit Risk Scorecards (2006). Expectation and its use beside fixed thresholds: Yurdakul and
Naranjo, Statistical properties of the population stability index (2020), https://doi.org/10.21314/JRMV.2020.227.
"""

from dataclasses import dataclass

import numpy as np

from services.analysis.methods.toolkit.arrays import Floats

STEADY, MOVED = 0.1, 0.25
# An empty bin counts as half a row of its own round: its logarithm has to be finite, and a round of 100 rows that lacks a bin
# says less than one of 100,000.
EMPTY = 0.5


@dataclass(frozen=True)
class Stability:
    """The index (0: the same shares), and its mean for two samples of these sizes from one population."""

    psi: float
    by_chance: float

    @property
    def verdict(self) -> str:
        """By common use of what lies above chance: below .1 steady, above .25 moved."""
        above = self.psi - self.by_chance
        return "steady" if above < STEADY else "watch" if above < MOVED else "moved"


def stability(before: Floats, now: Floats) -> Stability:
    """Of the rows in each bin of two rounds, which have the same bins: sum of (q - p) ln(q / p).

    By chance: (bins - 1) (1/n + 1/m), over the bins that either round has rows in. 0 for a round without rows.
    """
    filled = (before > 0) | (now > 0)
    rows = before.sum(), now.sum()
    if min(rows) == 0:
        return Stability(0.0, 0.0)
    p, q = (np.maximum(counts[filled], EMPTY) / counts.sum() for counts in (before, now))
    psi = float(((q - p) * np.log(q / p)).sum())
    return Stability(round(psi, 4), round(float((filled.sum() - 1) * (1 / rows[0] + 1 / rows[1])), 4))
