"""What data without any kinds would give: the silhouettes of tables drawn from three nulls, beside the table's own.

After the gap statistic (Tibshirani, Walther, Hastie 2001, https://doi.org/10.1111/1467-9868.00293), with the
silhouette in place of the within-cluster sum of squares, and three references instead of one.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.preprocessing import PowerTransformer

from services.analysis.methods.clustering.members import silhouette
from services.analysis.methods.toolkit.arrays import Floats, Matrix

# Rows that the table and each draw are compared on. Silhouettes cost the square of it.
ROWS = 600
DRAWS = 8
# Standard errors above each null. Of 45 tables without kinds (Gaussian, uniform, skewed, counts, flags, one common
# factor) none reached 4; of 30 with kinds that a person sees in a plot, iris and wine among them, none was below 6.
LEAST = 5.0
# Below it the draws of a null are one value, and the difference of two roundings would count.
SMALLEST = 1e-6

Null = Callable[[Matrix, np.random.Generator], Floats]


@dataclass(frozen=True)
class Chance:
    """Of one number of clusters: the mean silhouette under the null that explains most, and the excess over it.

    `excess` is in standard errors of that null, the smallest over all three.
    """

    silhouette: float
    excess: float

    @property
    def beaten(self) -> bool:
        return self.excess > LEAST


def one_spread(rows: Matrix, rng: np.random.Generator) -> Floats:
    """One Gaussian with the covariance of the columns, each made symmetric by a power before and skewed back after.

    Yeo-Johnson 2000, as scikit-learn fits it: one mode stays one mode, two stay two.
    """
    power = PowerTransformer().fit(rows.astype(np.float64))
    plain = power.transform(rows.astype(np.float64))
    drawn = rng.multivariate_normal(np.zeros(plain.shape[1]), np.atleast_2d(np.cov(plain.T)), len(rows), method="eigh")
    low, high = rows.min(axis=0), rows.max(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what no value of the column leads to is not a number
        back = power.inverse_transform(drawn)
    bounded: Floats = np.where(np.isfinite(back), np.clip(back, low, high), np.where(drawn > 0, high, low))
    return bounded


def one_box(rows: Matrix, rng: np.random.Generator) -> Floats:
    """Uniform in the box along the principal axes, the second reference of the gap statistic."""
    centre = rows.mean(axis=0, dtype=np.float64)
    axes = np.linalg.svd(rows - centre, full_matrices=False)[2]
    along = (rows - centre) @ axes.T
    drawn: Floats = rng.uniform(along.min(axis=0), along.max(axis=0), along.shape) @ axes + centre
    return drawn


def shuffled(rows: Matrix, rng: np.random.Generator) -> Floats:
    """Each column by itself: flags, counts and ties as they are, nothing that holds columns together."""
    return np.column_stack([rng.permutation(column) for column in rows.T])


NULLS: Sequence[Null] = (one_spread, one_box, shuffled)


def by_chance(rows: Matrix, numbers: Sequence[int], report: Callable[[float], None]) -> list[Chance]:
    """For each number of clusters what the nulls give; `report` hears the share that is done."""
    rng = np.random.default_rng(0)
    if len(rows) > ROWS:
        rows = rows[rng.choice(len(rows), ROWS, replace=False)]
    own = np.array([silhouette(rows, number) for number in numbers])
    drawn = np.empty((len(NULLS), DRAWS, len(numbers)))
    for place, null in enumerate(NULLS):
        for draw in range(DRAWS):
            table = null(rows, rng).astype(np.float32)
            drawn[place, draw] = [silhouette(table, number) for number in numbers]
            report((place * DRAWS + draw + 1) / (len(NULLS) * DRAWS))
    mean = drawn.mean(axis=1)
    error = drawn.std(axis=1, ddof=1) * np.sqrt(1 + 1 / DRAWS) + SMALLEST
    excess = (own - mean) / error
    harshest = excess.argmin(axis=0)
    return [Chance(float(mean[null, at]), float(excess[null, at])) for at, null in enumerate(harshest)]
