"""Fellegi-Sunter: candidate pairs by blocks, agreement by field, and the weights that EM learns from them."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from services.analysis.methods.toolkit.arrays import Floats, Texts, Whole

LARGEST_BLOCK = 200
MOST_PAIRS = 5_000_000
MISSING, DIFFERS, AGREES = -1, 0, 1
STEPS = 50


@dataclass(frozen=True)
class Weights:
    """What agreement tells: how often it agrees for the same (m) and for different subjects (u), and how many are the same."""

    m: Floats
    u: Floats
    same: float


def codes(values: Texts) -> Whole:
    """Texts as numbers; -1 where nothing is known."""
    known = np.array([value is not None for value in values])
    made = np.full(len(values), MISSING, dtype=np.int64)
    if known.any():
        made[known] = np.unique(values[known].astype(str), return_inverse=True)[1]
    return made


def candidates(blocks: list[Whole], source: Whole | None) -> Whole:
    """Pairs of rows [pairs, 2] that agree on one of the blocks, each once; None of one source if there are sources."""
    found: list[Whole] = []
    for block in blocks:
        order = np.argsort(block, kind="stable")
        order = order[block[order] != MISSING]
        for group in np.split(order, np.flatnonzero(np.diff(block[order])) + 1):
            if 2 <= len(group) <= LARGEST_BLOCK:
                found.append(np.array(list(combinations(np.sort(group), 2)), dtype=np.int64))
    if not found:
        return np.empty((0, 2), dtype=np.int64)
    pairs = np.unique(np.concatenate(found), axis=0)
    if source is not None:
        pairs = pairs[source[pairs[:, 0]] != source[pairs[:, 1]]]
    return pairs[:MOST_PAIRS]


def agreement(fields: list[Whole], pairs: Whole) -> Whole:
    """[pairs, fields]: 1 agrees, 0 differs, -1 where either is missing."""
    made = []
    for field in fields:
        one, other = field[pairs[:, 0]], field[pairs[:, 1]]
        made.append(np.where((one == MISSING) | (other == MISSING), MISSING, np.where(one == other, AGREES, DIFFERS)))
    return np.column_stack(made)


def chance(field: Whole) -> Floats:
    """For each row: how often another record agrees with it by chance."""
    known = field[field != MISSING]
    share = np.bincount(known) / max(len(known), 1) if len(known) else np.zeros(1)
    return np.where(field == MISSING, np.nan, share[np.maximum(field, 0)])


def learn(found: Whole, apart: Floats, pairs: int) -> Weights:
    """EM on the patterns of the compared pairs, out of all `pairs` that there are: pairs that no block made are taken to differ.

    `apart` [fields]: how often different subjects agree, known from the values themselves."""
    patterns, counts = np.unique(found, axis=0, return_counts=True)
    m, u, same = np.full(found.shape[1], 0.9), np.clip(apart, 1e-6, 0.999), len(found) / pairs / 100
    for _ in range(STEPS):
        posterior = probability(patterns, Weights(m, u, same))
        weight = posterior * counts
        same = float(np.clip(weight.sum() / pairs, 1e-12, 0.999))
        for at in range(found.shape[1]):
            known = patterns[:, at] != MISSING
            total = weight[known].sum()
            if total > 0:
                m[at] = np.clip(weight[known & (patterns[:, at] == AGREES)].sum() / total, 0.5, 0.999)
    return Weights(m, u, same)


def log_odds(found: Whole, weights: Weights, u: Floats | None = None) -> Floats:
    """[pairs]; `u` [pairs, fields] in place of the field's own: agreement on a rare value tells more."""
    by_chance = weights.u[None, :] if u is None else u
    agrees = np.log(weights.m / np.clip(by_chance, 1e-9, 0.999))
    differs = np.log((1 - weights.m) / (1 - np.clip(by_chance, 1e-9, 0.999)))
    told = np.where(found == AGREES, agrees, np.where(found == DIFFERS, differs, 0.0))
    return np.asarray(told.sum(axis=1) + np.log(weights.same / (1 - weights.same)))


def probability(found: Whole, weights: Weights, u: Floats | None = None) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds(found, weights, u), -50, 50))))
