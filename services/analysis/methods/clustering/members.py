"""What the model of the clusters learns from, and which cluster each row is of."""

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from services.analysis.methods.clustering.space import Space
from services.analysis.methods.toolkit.arrays import Floats, Matrix, Whole
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL

LARGEST = 200_000
BLOCK = 131_072
Members = NDArray[np.int8]


def learned(space: Space) -> Matrix:
    """All rows; of very many a seeded sample."""
    if space.rows <= LARGEST:
        return space.block(range(space.rows))
    return space.at(np.random.default_rng(0).choice(space.rows, LARGEST, replace=False))


def fit(matrix: Matrix, clusters: int, seed: int = 0) -> KMeans:
    return KMeans(clusters, n_init=4, random_state=seed).fit(matrix)


def silhouette(rows: Matrix, clusters: int) -> float:
    """Mean silhouette (-1 to 1) of k-means with so many clusters; 0 where all rows fall into one."""
    if len(np.unique(rows, axis=0)) <= clusters:
        return 0.0
    label = fit(rows, clusters).labels_
    return float(silhouette_score(rows, label)) if len(set(label)) > 1 else 0.0


def members(model: KMeans, space: Space) -> Members:
    """The cluster of each row, told block by block."""
    sizes, sums = np.zeros(model.n_clusters, dtype=np.int64), np.zeros((model.n_clusters, len(space.scales)))
    member = np.empty(space.rows, dtype=np.int8)
    for at, block in enumerate(space.blocks(BLOCK)):
        label = model.predict(block)
        member[at * BLOCK : at * BLOCK + len(block)] = label
        sizes += np.bincount(label, minlength=model.n_clusters)
        sums += [block[label == code].sum(axis=0, dtype=np.float64) for code in range(model.n_clusters)]
    return joined(sizes, sums)[member]


def joined(sizes: Whole, sums: Floats) -> Members:
    """What each cluster is called: from 1, the largest first; those of fewer than ten join the nearest."""
    sizes, sums, becomes = sizes.copy(), sums.copy(), np.arange(len(sizes))
    while len(codes := np.flatnonzero(sizes)) > 1 and sizes[codes].min() < MINIMUM_CELL:
        small = codes[sizes[codes].argmin()]
        others = codes[codes != small]
        distance = ((sums[others] / sizes[others, None] - sums[small] / sizes[small]) ** 2).sum(axis=1)
        near = others[distance.argmin()]
        sizes[near], sums[near], sizes[small] = sizes[near] + sizes[small], sums[near] + sums[small], 0
        becomes[becomes == small] = near
    called = np.zeros(len(sizes), dtype=np.int8)
    called[codes[np.argsort(-sizes[codes], kind="stable")]] = np.arange(1, len(codes) + 1)
    return called[becomes]
