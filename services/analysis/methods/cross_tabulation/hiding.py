"""Which cells of a cross-table may be shown beside its margins: none that is small, and none that would give a small one away."""

import numpy as np

from services.analysis.methods.toolkit.arrays import Flags, Whole
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL

Node = tuple[int, int]
Edge = tuple[int, int]


def may_be_shown(counts: Whole) -> Flags:
    """The sums of all rows and columns are known. What is hidden in one of them is nothing, or enough, and no small cell follows
    from the others: further cells are hidden for that, of as few subjects as possible."""
    shown = counts >= MINIMUM_CELL
    while told := given_away(counts, shown):
        before = shown.copy()
        for row, column in told:
            if (shown[row] == before[row]).all() and (shown[:, column] == before[:, column]).all():
                hide_beside(counts, shown, row, column)
        if (shown == before).all():
            return np.zeros_like(shown)
    return shown


def hide_beside(counts: Whole, shown: Flags, row: int, column: int) -> None:
    """Hides the corners of a rectangle, so that this cell may be more and the next ones less, or the other way round."""
    visible, hidden = np.where(shown, counts, 0), np.where(shown, 0, counts)
    cost = visible + visible[row][None, :] + visible[:, column][:, None]
    enough = (hidden[row].sum() + visible[row] >= MINIMUM_CELL)[None, :]
    enough = enough & (hidden[:, column].sum() + visible[:, column] >= MINIMUM_CELL)[:, None]
    fits = enough & (cost > 0)
    fits[row], fits[:, column] = False, False
    if fits.any():
        other, beside = np.unravel_index(np.where(fits, cost, np.iinfo(np.int64).max).argmin(), cost.shape)
        shown[row, beside] = shown[other, column] = shown[other, beside] = False
    else:
        shown[row], shown[:, column] = False, False


def given_away(counts: Whole, shown: Flags) -> list[Edge]:
    """Small hidden cells of which a reader could tell too much: alone in what is hidden of their row or column, with too few
    beside them there, or the only value that fits the sums."""
    hidden = np.where(shown, 0, counts)
    down, across = hidden.sum(axis=0), hidden.sum(axis=1)
    open_ = ~shown & (down[None, :] > 0) & (across[:, None] > 0)
    sole = bridges(open_)
    small = (hidden > 0) & (hidden < MINIMUM_CELL)
    return [
        (int(row), int(column))
        for row, column in np.argwhere(small)
        if across[row] < MINIMUM_CELL or down[column] < MINIMUM_CELL or (row, column) in sole
    ]


def bridges(open_: Flags) -> set[Edge]:
    """Unknown cells that the sums determine: taken as lines between their row and their column, those that are on no circle."""
    neighbours: dict[Node, list[Node]] = {}
    for row, column in np.argwhere(open_).tolist():
        neighbours.setdefault((0, row), []).append((1, column))
        neighbours.setdefault((1, column), []).append((0, row))
    found: set[Edge] = set()
    reached: dict[Node, int] = {}
    back: dict[Node, int] = {}

    def visit(node: Node, came_from: Node | None) -> None:
        reached[node] = back[node] = len(reached)
        for other in neighbours[node]:
            if other not in reached:
                visit(other, node)
                back[node] = min(back[node], back[other])
                if back[other] > reached[node]:
                    found.add((node[1], other[1]) if node[0] == 0 else (other[1], node[1]))
            elif other != came_from:
                back[node] = min(back[node], reached[other])

    for node in neighbours:
        if node not in reached:
            visit(node, None)
    return found
