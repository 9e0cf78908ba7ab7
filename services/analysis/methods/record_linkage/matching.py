"""Fellegi-Sunter: the weights that EM learns from the patterns of agreement, and how likely a pair is the same subject."""

from dataclasses import dataclass

import numpy as np

from services.analysis.methods.record_linkage.pairs import AGREES, DIFFERS, MISSING, Patterns, Seen
from services.analysis.methods.toolkit.arrays import Floats

STEPS = 50


@dataclass(frozen=True)
class Weights:
    """What agreement tells: how often it agrees for the same (m) and for different subjects (u), and how many are the same."""

    m: Floats
    u: Floats
    same: float


def learn(patterns: Patterns, apart: Floats, pairs: int) -> Weights:
    """EM on the patterns of the compared pairs, out of all `pairs` that there are: pairs that no block made are taken to differ.

    `apart` [fields]: how often different subjects agree, known from the values themselves."""
    seen, counts = patterns.seen, patterns.counts
    m, u, same = np.full(seen.shape[1], 0.9), np.clip(apart, 1e-6, 0.999), int(counts.sum()) / pairs / 100
    for _ in range(STEPS):
        posterior = probability(seen, Weights(m, u, same))
        weight = posterior * counts
        same = float(np.clip(weight.sum() / pairs, 1e-12, 0.999))
        for at in range(seen.shape[1]):
            known = seen[:, at] != MISSING
            total = weight[known].sum()
            if total > 0:
                m[at] = np.clip(weight[known & (seen[:, at] == AGREES)].sum() / total, 0.5, 0.999)
    return Weights(m, u, same)


def log_odds(seen: Seen, weights: Weights, u: Floats | None = None) -> Floats:
    """[pairs]; `u` [pairs, fields] in place of the field's own: agreement on a rare value tells more."""
    by_chance = weights.u[None, :] if u is None else u
    agrees = np.log(weights.m / np.clip(by_chance, 1e-9, 0.999))
    differs = np.log((1 - weights.m) / (1 - np.clip(by_chance, 1e-9, 0.999)))
    told = np.where(seen == AGREES, agrees, np.where(seen == DIFFERS, differs, 0.0))
    return np.asarray(told.sum(axis=1) + np.log(weights.same / (1 - weights.same)))


def probability(seen: Seen, weights: Weights, u: Floats | None = None) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds(seen, weights, u), -50, 50))))
