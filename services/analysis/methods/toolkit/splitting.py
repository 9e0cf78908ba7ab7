"""Who is learned from and who is measured: by time where there is time, by group where there are groups."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from services.analysis.methods.toolkit.arrays import Flags, Floats, Texts, Whole, appearing
from services.analysis.methods.toolkit.periods import NEVER, day_of, iso
from services.analysis.methods.toolkit.rows import Rows
from services.analysis.worker.sdk import MethodError

SEED = 20241
TEST_SHARE = 0.25
FEW_GROUPS = 1000
MINIMUM_ROWS = 100
MINIMUM_CASES = 10


class SplitKind(StrEnum):
    TIME = "time"
    GROUPED = "grouped"
    FOLDS = "folds"


@dataclass(frozen=True)
class Fold:
    """Rows that are learned from (all of known outcome), and rows that are scored."""

    train: Flags
    test: Flags


@dataclass(frozen=True)
class Split:
    kind: SplitKind
    folds: tuple[Fold, ...]
    cut: str = ""

    @cached_property
    def scored(self) -> Flags:
        return np.asarray(np.logical_or.reduce([fold.test for fold in self.folds]))

    @cached_property
    def train(self) -> Flags:
        return np.asarray(np.logical_or.reduce([fold.train for fold in self.folds]))


def split_rows(rows: Rows, *, kind: str = "", test_from: str | None = None, folds: int = 5, gap_days: int = 0) -> Split:
    """A split that tells the truth; another `kind` than the data ask for is refused.

    `gap_days`: an outcome that takes so long to be known must be known before the cut, so nearer rows are not learned from.
    """
    if rows.has_time:
        if kind not in ("", SplitKind.TIME):
            raise MethodError("split-by-time", "Rows have a time: models must learn from earlier rows than they are tried on.")
        return split_by_time(rows, test_from, gap_days)
    if kind == SplitKind.TIME or test_from:
        raise MethodError("no-time", "A split by time needs rows of known outcome at two points in time or more.")
    if rows.entity is not None:
        if kind == SplitKind.FOLDS:
            raise MethodError("split-by-group", "Rows belong together: no group may stand on both sides of a fold.")
        return split_by_fold(rows, SplitKind.GROUPED, fold_by_group(rows.entity, rows.label, folds))
    if kind == SplitKind.GROUPED:
        raise MethodError("no-group", "There is no column by which rows belong together.")
    return split_by_fold(rows, SplitKind.FOLDS, fold_by_label(rows.label, folds))


def split_by_time(rows: Rows, test_from: str | None, gap_days: int) -> Split:
    assert rows.day is not None
    cut = last_quarter(rows.day, rows.known) if test_from is None else day_of(test_from)
    if cut is None:
        raise MethodError("period-unreadable", "The parameter test_from names no day.")
    train = rows.known & (rows.day != NEVER) & (rows.day < cut - gap_days)
    test = rows.day >= cut
    if not train.any() or not (test & rows.known).any():
        raise MethodError("time-order", "There are no rows of known outcome before the cut, or none after it.")
    return Split(SplitKind.TIME, (Fold(train, test),), iso(cut))


def last_quarter(day: Whole, known: Flags) -> int:
    """The latest day after which at least a quarter of the known outcomes lie; one day at least stays before it."""
    distinct, counts = np.unique(day[known & (day != NEVER)], return_counts=True)
    later = np.cumsum(counts[::-1])[::-1] / counts.sum()
    return int(distinct[max(1, int(np.flatnonzero(later >= TEST_SHARE)[-1]))])


def split_by_fold(rows: Rows, kind: SplitKind, fold: Whole) -> Split:
    parts = [Fold(rows.known & (fold != each), fold == each) for each in np.unique(fold)]
    return Split(kind, tuple(parts))


def fold_by_label(label: Floats, folds: int, seed: int = SEED) -> Whole:
    """Folds with like shares of each outcome (of each fifth, where it is a number)."""
    random = np.random.default_rng(seed)
    level = np.nan_to_num(label, nan=-1.0)
    order = np.lexsort((random.random(len(label)), level))
    fold = np.empty(len(label), dtype=np.int64)
    fold[order] = np.arange(len(label)) % folds
    return fold


def fold_by_group(group: Texts | Whole, label: Floats, folds: int, seed: int = SEED) -> Whole:
    # By appearance: a group may be named by a pseudonym, and the order of these is another one in each request.
    place, distinct = appearing(group)
    if len(distinct) < folds:
        raise MethodError("too-few-groups", f"Fewer than {folds} groups: no fold can be kept apart from the others.")
    if len(distinct) > FEW_GROUPS or len(np.unique(label)) > MINIMUM_CASES:
        return np.asarray((np.random.default_rng(seed).permutation(len(distinct)) % folds)[place])
    fold = np.empty(len(label), dtype=np.int64)
    cutter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for each, (_, test) in enumerate(cutter.split(np.zeros(len(label)), np.nan_to_num(label), place)):
        fold[test] = each
    return fold


def check_enough(rows: Rows, split: Split, *, classes: bool = True) -> None:
    """Refuses what nothing can be learned from, or measured on."""
    parts = [(fold.train, "the rows to learn from") for fold in split.folds]
    for part, words in [*parts, (split.scored & rows.known, "the rows to measure on")]:
        label = rows.label[part]
        if len(label) < MINIMUM_ROWS:
            raise MethodError("too-few-rows", f"Fewer than {MINIMUM_ROWS} of {words} have a known outcome.")
        if len(np.unique(label)) < 2:
            raise MethodError("one-class", f"All of {words} have the same outcome; nothing can be learned.")
        if classes and min((label > 0).sum(), (label <= 0).sum()) < MINIMUM_CASES:
            raise MethodError("too-few-cases", f"Fewer than {MINIMUM_CASES} of {words} have one of the two outcomes.")
