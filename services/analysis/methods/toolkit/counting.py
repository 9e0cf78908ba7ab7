"""The baseline that a ministry has without a model: counting signs, turned into a probability by the training rows."""

from dataclasses import replace

import numpy as np

from services.analysis.methods.toolkit.arrays import Flags, Floats
from services.analysis.methods.toolkit.study import Study

PRIOR_WEIGHT = 10.0


def with_counts(study: Study, counts: Floats, name: str = "counting") -> Study:
    """The study with counting beside its models; it stands in the place of the base rate, which orders nothing."""
    share = np.full(len(counts), np.nan)
    for fold in study.split.folds:
        share[fold.test] = share_by_count(counts, study.rows.label, fold.train)[fold.test]
    scores = {name: share} | {model: score for model, score in study.scores.items() if model != "prior"}
    return replace(study, scores=scores, orders={**study.orders, name: counts})


def share_by_count(counts: Floats, label: Floats, train: Flags) -> Floats:
    """The share that received among training rows with as many signs, drawn a little to the overall share."""
    overall = float(label[train].mean())
    shares = np.full(len(counts), overall)
    for count in np.unique(counts):
        same = train & (counts == count)
        shares[counts == count] = (label[same].sum() + PRIOR_WEIGHT * overall) / (same.sum() + PRIOR_WEIGHT)
    return shares
