"""Proof by trial that a score only moves the way the card says: random rows, one input raised at a time."""

from collections.abc import Callable, Mapping

import numpy as np

from services.analysis.methods.toolkit.arrays import Floats, Matrix
from services.analysis.methods.toolkit.models import Fitted
from services.analysis.methods.toolkit.splitting import SEED

TOLERANCE = 1e-9
Raw = Mapping[str, Floats]
Score = Callable[[Raw], Floats]


def count_violations(score: Score, raw: Raw, signs: Mapping[str, int], *, cases: int, seed: int = SEED) -> tuple[int, int]:
    """Violations and trials. Each case mixes the values of many rows, so that unlikely ones are tried too."""
    random = np.random.default_rng(seed)
    mixed = {name: draw(values, cases, random) for name, values in raw.items()}
    before = score(mixed)
    violations = trials = 0
    for name, sign in signs.items():
        if sign and np.isfinite(mixed[name]).any():
            moved = score({**mixed, name: mixed[name] + steps(mixed[name], cases, random)}) - before
            violations += int((sign * moved < -TOLERANCE).sum())
            trials += cases
    return violations, trials


def of_matrix(fitted: Fitted, matrix: Matrix, signs: Mapping[str, int], *, cases: int, seed: int = SEED) -> tuple[int, int]:
    """The same for a model whose inputs are the columns of its matrix; a gap stays a gap."""
    columns = fitted.encoding.columns
    raw = {name: matrix[:, place].astype(np.float64) for place, name in enumerate(columns)}
    held = {name: sign for name, sign in signs.items() if name in columns and name not in fitted.encoding.codes}

    def score(mixed: Raw) -> Floats:
        return fitted.probability(np.column_stack([mixed[name] for name in columns]).astype(np.float32))

    return count_violations(score, raw, held, cases=cases, seed=seed)


def draw(values: Floats, cases: int, random: np.random.Generator) -> Floats:
    known = values[np.isfinite(values)]
    return random.choice(known, cases) if len(known) else np.full(cases, np.nan)


def steps(values: Floats, cases: int, random: np.random.Generator) -> Floats:
    """Rises of every size, from one unit to beyond the largest value seen."""
    return np.asarray(np.ceil(np.expm1(random.uniform(0.0, np.log1p(np.nanmax(np.abs(values)) + 1.0), cases))))
