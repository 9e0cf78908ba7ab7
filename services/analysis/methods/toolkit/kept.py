"""What of a study outlives it: the estimator that is exported, and all that is needed to score later rows with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from services.analysis.methods.toolkit.arrays import Matrix
from services.analysis.methods.toolkit.quantities import NumberStudy
from services.analysis.methods.toolkit.reference import Reference, make_reference
from services.analysis.methods.toolkit.study import Study

MOST_ROWS = 20_000


@dataclass(frozen=True)
class Kept:
    """A plain scikit-learn estimator on one float32 matrix with these columns."""

    model: str
    estimator: Any
    columns: tuple[str, ...]
    codes: Mapping[str, tuple[str, ...]]
    """Category columns: a category's code is its place; one that is not there is NaN, like a gap."""
    masks: Mapping[str, int]
    """Feature -> days since 1970 of its first day; its column `available__<feature>` is 1 from then on, else 0."""
    reference: Reference
    sample: Matrix
    """Rows of the study to hold an exported file against, with one row of gaps and one of unknown categories."""


def kept_of(study: Study | NumberStudy) -> Kept:
    encoding = study.encoding
    scores = study.scores[study.best][study.split.scored]
    return Kept(
        model=study.best,
        estimator=study.final.estimator,
        columns=encoding.columns,
        codes=encoding.codes,
        masks=encoding.masks,
        reference=make_reference(encoding, study.matrix, scores),
        sample=sample_of(study),
    )


def sample_of(study: Study | NumberStudy) -> Matrix:
    rows = study.matrix[:MOST_ROWS]
    gaps = np.full((1, rows.shape[1]), np.nan, dtype=np.float32)
    strange = rows[:1].copy()
    for place, name in enumerate(study.encoding.columns):
        if name in study.encoding.codes:
            strange[:, place] = np.nan
    return np.vstack([rows, gaps, strange])
