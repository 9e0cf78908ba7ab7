"""Expected values out of fold: gradient boosting that never saw the group whose value it expects."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from services.analysis.methods.deviation.robust import Codes, Flags, Floats
from services.analysis.methods.toolkit.arrays import Matrix

FOLDS = 3
MOST_LEARNED = 60_000
FEWEST = 60
LEAVES, ROUNDS = 15, 80
Fold = NDArray[np.int8]
BLOCK = 131_072
"""Rows whose features stand in memory at a time."""


class Features(Protocol):
    """Rows of features by their places: a matrix, or what makes one when it is asked for."""

    def __getitem__(self, places: Codes, /) -> Floats: ...


@dataclass(frozen=True)
class Taught:
    """What the known rows let expect: the overall median, and of a fold what the other folds taught."""

    middle: float
    models: dict[int, tuple[Any, Flags]]
    """By fold: the model, and the features that it uses."""

    def expect(self, features: Features, fold: Fold) -> Floats:
        expected = np.full(len(fold), self.middle)
        for each, (model, used) in self.models.items():
            judge = np.flatnonzero(fold == each)
            for start in range(0, len(judge), BLOCK):
                block = judge[start : start + BLOCK]
                expected[block] = model.predict(features[block][:, used])
        return expected


def expect(
    features: Features,
    target: Floats,
    group: Codes,
    *,
    seed: int,
    leaves: int = LEAVES,
    rounds: int = ROUNDS,
    most: int = MOST_LEARNED,
) -> Floats:
    """The expected value of each row, learned from other groups where the target is known; the overall median where too few
    teach."""
    random = np.random.default_rng(seed)
    fold = divide(group, int(group.max(initial=0)) + 1, random)
    return learn(features, target, fold, random, seed=seed, leaves=leaves, rounds=rounds, most=most).expect(features, fold)


def divide(group: Codes, groups: int, random: np.random.Generator) -> Fold:
    """The fold of each row: one for all rows of a group."""
    return (random.permutation(groups) % FOLDS).astype(np.int8)[group]


def learn(
    features: Features,
    target: Floats,
    fold: Fold,
    random: np.random.Generator,
    *,
    seed: int,
    leaves: int,
    rounds: int,
    most: int = MOST_LEARNED,
) -> Taught:
    known = np.flatnonzero(np.isfinite(target))
    if not len(known):
        return Taught(np.nan, {})
    taught = Taught(float(np.median(target[known])), {})
    own = fold[known]
    if len(known) < FEWEST or (own == own[0]).all():
        return taught
    for each in range(FOLDS):
        teach = known[own != each]
        if len(teach) < FEWEST or not (fold == each).any():
            continue
        if len(teach) > most:
            teach = random.choice(teach, most, replace=False)
        matrix = features[teach]
        used = varied(matrix)
        if not used.any():
            continue
        model = boosting(seed=seed, leaves=leaves, rounds=rounds).fit(matrix[:, used], target[teach])
        taught.models[each] = (model, used)
    return taught


def boosting(*, seed: int, leaves: int = LEAVES, rounds: int = ROUNDS) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(
        max_iter=rounds,
        max_leaf_nodes=leaves,
        min_samples_leaf=20,
        learning_rate=0.1,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )


def varied(features: Floats | Matrix) -> Flags:
    """Columns that say anything: some number, and not always the same."""
    known = np.isfinite(features)
    low = np.where(known, features, np.inf).min(axis=0)
    high = np.where(known, features, -np.inf).max(axis=0)
    return np.asarray(known.any(axis=0) & (low < high))
