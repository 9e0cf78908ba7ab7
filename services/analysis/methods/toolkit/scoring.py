"""Scores of very many rows: their matrix is made block by block, so that memory does not grow with them."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from services.analysis.methods.toolkit.arrays import Flags, Floats, Matrix
from services.analysis.methods.toolkit.encoding import Encoding
from services.analysis.methods.toolkit.rows import Rows

BLOCK: Final = 131_072
Score = Callable[[Matrix], Floats]


def score_rows(encoding: Encoding, rows: Rows, member: Flags, by_name: Mapping[str, Score]) -> dict[str, Floats]:
    """What each model says of these rows, in their order."""
    places = np.flatnonzero(member)
    found = {name: np.empty(len(places)) for name in by_name}
    for start in range(0, len(places), BLOCK):
        matrix = encoding.matrix(rows.at(places[start : start + BLOCK]))
        for name, score in by_name.items():
            found[name][start : start + BLOCK] = score(matrix)
    return found
