"""Proof by trial that the score only moves the way the card says: random households, one input raised at a time."""

import numpy as np

from services.analysis.methods.welfare_blind_spots.columns import BENEFITS, SIGNS
from services.analysis.methods.welfare_blind_spots.features import Floats, Linked
from services.analysis.methods.welfare_blind_spots.models import SEED, Fitted

TOLERANCE = 1e-12


def count_violations(fitted: Fitted, linked: Linked, *, cases: int, seed: int = SEED) -> tuple[int, int]:
    """Violations and trials. Each case mixes the values of many households, so that unlikely ones are tried too."""
    random = np.random.default_rng(seed)
    raw = {name: _draw(values, cases, random) for name, values in linked.raw.items()}
    before = _score(fitted, raw)
    violations = trials = 0
    for name, sign in SIGNS.items():
        if sign and np.isfinite(raw[name]).any():
            moved = _score(fitted, raw | {name: raw[name] + _steps(raw[name], cases, random)}) - before
            violations += int((sign * moved < -TOLERANCE).sum())
            trials += cases
    return violations, trials


def _draw(values: Floats, cases: int, random: np.random.Generator) -> Floats:
    known = values[np.isfinite(values)]
    return random.choice(known, cases) if len(known) else np.full(cases, np.nan)


def _steps(values: Floats, cases: int, random: np.random.Generator) -> Floats:
    """Rises of every size, from one unit to beyond the largest value seen."""
    return np.ceil(np.expm1(random.uniform(0.0, np.log1p(np.nanmax(np.abs(values)) + 1.0), cases)))


def _score(fitted: Fitted, raw: dict[str, Floats]) -> Floats:
    nobody = np.full(len(raw[BENEFITS[0]]), "", dtype=object)
    return fitted.probability(Linked(pseudonym=nobody, raw=raw, region=nobody, area=nobody).matrix())
