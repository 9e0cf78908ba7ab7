"""How well scores separate what is known to be abnormal."""

import numpy as np

from services.analysis.methods.deviation.robust import Flags, Floats


def separation(wrong: Flags, score: Floats) -> tuple[float, float]:
    """ROC-AUC and average precision; there has to be something wrong, and something else."""
    cases, others = np.sort(score[wrong]), np.sort(score[~wrong])
    lower = np.searchsorted(others, cases, "left")
    area = (lower + np.searchsorted(others, cases, "right")).mean() / 2 / len(others)
    found = len(cases) - np.searchsorted(cases, cases, "left")
    return float(area), float((found / (found + len(others) - lower)).mean())
