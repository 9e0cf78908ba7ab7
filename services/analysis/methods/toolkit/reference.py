"""How the features and scores of some rows were spread: what others are compared with."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.analysis.methods.toolkit.arrays import Flags, Floats, Matrix
from services.analysis.methods.toolkit.encoding import Encoding
from services.analysis.methods.toolkit.rows import Rows
from services.analysis.methods.toolkit.scoring import Score, score_rows

BINS = 10
OTHER = "other"
OWN = "own"


@dataclass(frozen=True)
class Spread:
    """Shares of rows by bin. Numbers: bins between `edges` (the outer ones open). Categories: one bin each, then other.

    The last share is of the rows without a value."""

    shares: tuple[float, ...]
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()

    def rows(self, size: int) -> Floats:
        """Rows in each bin of a round of this size."""
        return np.asarray(self.shares) * size

    def counts(self, values: Floats | Matrix) -> Floats:
        """Rows in each bin; categories come as codes of `levels`."""
        known = np.isfinite(values)
        if self.levels:
            place = np.where(known, values, len(self.levels)).astype(np.int64)
            return np.bincount(place, minlength=len(self.levels) + 1).astype(np.float64)
        # A value on an edge is below it: of a flag that few have, all deciles are 0, and 1 is beyond the last.
        place = np.searchsorted(np.asarray(self.edges), values[known], side="left")
        return np.append(np.bincount(place, minlength=len(self.edges) + 1), (~known).sum()).astype(np.float64)


@dataclass(frozen=True)
class Reference:
    """One round, in shares of bins: no value of a row stands in it."""

    rows: int
    features: Mapping[str, Spread]
    scores: Spread


def reference_of(encoding: Encoding, rows: Rows, member: Flags, score: Score) -> Reference:
    """The spread of these rows and of their scores, column by column: their matrix need not stand in memory as a whole."""
    features = {
        name: spread_of(encoding.column(name, rows.features[name])[member].astype(np.float32), encoding.codes.get(name, ()))
        for name in encoding.names
    }
    scores = score_rows(encoding, rows, member, {OWN: score})[OWN]
    return Reference(int(member.sum()), features, spread_of(scores))


def spread_of(values: Floats | Matrix, levels: tuple[str, ...] = ()) -> Spread:
    known = values[np.isfinite(values)].astype(np.float64)
    cuts = np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]) if len(known) and not levels else known[:0]
    empty = Spread((), tuple(float(cut) for cut in np.unique(cuts)), levels)
    counts = empty.counts(values)
    shares = tuple(round(float(share), 6) for share in counts / max(len(values), 1))
    return Spread(shares, empty.edges, levels)
