"""Measures of a ranking: how well it separates, how well it is calibrated, and what it finds at a capacity."""

import math
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score, roc_curve

from services.analysis.methods.toolkit.arrays import Flags, Floats, Texts, Whole, sortable

MINIMUM_CELL = 10
LEAKAGE_AUC = 0.95
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Quality:
    roc_auc: float
    pr_auc: float
    brier: float
    ks: float


@dataclass(frozen=True)
class Bin:
    """Neighbouring scores, together wide enough to be counted."""

    rows: int
    cases: int
    mean_score: float


def measure(label: Floats, order: Floats, probability: Floats) -> Quality:
    wrong, right, _ = roc_curve(label, order)
    return Quality(
        roc_auc=float(roc_auc_score(label, order)),
        pr_auc=float(average_precision_score(label, order)),
        brier=float(brier_score_loss(label, np.clip(probability, 0.0, 1.0))),
        ks=float(np.max(right - wrong)),
    )


def top(order: Floats, pseudonym: Texts | Whole, places: int) -> Flags:
    """The rows with the highest scores; equal scores in the order of the subjects, which is as good as a lot."""
    ranked = np.lexsort((sortable(pseudonym), -order))
    chosen = np.zeros(len(order), dtype=bool)
    chosen[ranked[:places]] = True
    return chosen


def places_at(capacity: float, rows: int) -> int:
    """A capacity as a number of rows: below 1 it is a share of them."""
    return max(1, math.ceil(capacity * rows)) if capacity < 1 else min(int(capacity), rows)


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share: honest for small numbers and near 0 and 1, where the usual one is not."""
    if of == 0:
        return 0.0, 1.0
    share, square = hits / of, Z95**2 / of
    middle = (share + square / 2) / (1 + square)
    half = Z95 * math.sqrt(share * (1 - share) / of + square / (4 * of)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def calibration_bins(label: Floats, probability: Floats, bins: int = 10) -> list[Bin]:
    """Tenths by score; neighbours are joined until each holds enough cases and enough others."""
    ranked = np.argsort(probability, kind="stable")
    joined: list[list[int]] = []
    for tenth in np.array_split(ranked, bins):
        if joined and not wide_enough(label[joined[-1]]):
            joined[-1].extend(tenth)
        else:
            joined.append(list(tenth))
    if len(joined) > 1 and not wide_enough(label[joined[-1]]):
        last = joined.pop()
        joined[-1].extend(last)
    return [Bin(len(part), int(label[part].sum()), float(probability[part].mean())) for part in joined]


def calibration_error(bins: list[Bin]) -> float:
    """Mean gap between the score and the observed share, weighted by rows."""
    return sum(abs(part.mean_score * part.rows - part.cases) for part in bins) / sum(part.rows for part in bins)


def wide_enough(label: Floats) -> bool:
    cases = int(label.sum())
    return cases >= MINIMUM_CELL and len(label) - cases >= MINIMUM_CELL


def single_auc(column: Floats, label: Floats) -> float:
    """How well one column alone tells the outcome, whichever way it points."""
    known = np.isfinite(column)
    if known.sum() == 0 or len(np.unique(label[known])) < 2:
        return 0.5
    auc = float(roc_auc_score(label[known], column[known]))
    return max(auc, 1 - auc)
