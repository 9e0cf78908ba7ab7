"""Proof by trial that the score only moves the way the card says: random households, one input raised at a time."""

import numpy as np

from services.analysis.methods.toolkit import monotone
from services.analysis.methods.toolkit.arrays import Floats
from services.analysis.methods.toolkit.models import Fitted
from services.analysis.methods.toolkit.splitting import SEED
from services.analysis.methods.welfare_blind_spots.columns import BENEFITS, SIGNS
from services.analysis.methods.welfare_blind_spots.features import Linked


def count_violations(fitted: Fitted, linked: Linked, *, cases: int, seed: int = SEED) -> tuple[int, int]:
    """Violations and trials, on the columns that were given: what is made of them must not move against them either."""

    def score(raw: monotone.Raw) -> Floats:
        nobody = np.full(len(raw[BENEFITS[0]]), "", dtype=object)
        mixed = Linked(pseudonym=nobody, raw=raw, region=nobody, area=nobody)
        return fitted.probability(fitted.encoding.matrix(mixed.rows()))

    return monotone.count_violations(score, linked.raw, SIGNS, cases=cases, seed=seed)
