"""How strange each row is: column by column beside what the row's other columns let expect; and by an isolation forest."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from services.analysis.methods.anomaly_tables.records import Records
from services.analysis.methods.deviation.forest import isolate
from services.analysis.methods.deviation.residuals import expect
from services.analysis.methods.deviation.robust import SIGMA, Floats, group_mad, group_median, shrunk

SEED = 20241
MOST_LEARNED = 20_000
STRANGEST = 3
CLIP = 30.0
FLOOR = 0.02
TAIL, TAIL_SPREADS = 95.0, 2.0
RARE, RARE_SCORE = 0.001, 4.0
ALWAYS, MISSING_SCORE = 0.995, 4.0


class Why(StrEnum):
    ABOVE = "above-expected"
    BELOW = "below-expected"
    RARE = "rare-value"
    MISSING = "missing-value"


WORDS: dict[Why, tuple[str, str]] = {
    Why.ABOVE: ("다른 열로 기대한 값보다 훨씬 큼", "far above what the other columns let expect"),
    Why.BELOW: ("다른 열로 기대한 값보다 훨씬 작음", "far below what the other columns let expect"),
    Why.RARE: ("드문 값", "a value that is rare"),
    Why.MISSING: ("거의 항상 있는 값이 없음", "missing although it is nearly always there"),
}


@dataclass(frozen=True)
class Scores:
    """Rows x (number columns, then kinds): signed, in usual spreads; and of each row the whole, by three ways."""

    columns: list[str]
    each: Floats
    missing: Floats
    residual: Floats
    robust: Floats
    forest: Floats

    def why(self, row: int, column: int, numbers: int) -> Why:
        if self.missing[row, column] > 0:
            return Why.MISSING
        if column >= numbers:
            return Why.RARE
        return Why.ABOVE if self.each[row, column] > 0 else Why.BELOW


def score_rows(records: Records) -> Scores:
    matrix = np.column_stack([records.numbers, records.codes.astype(np.float64)])
    numbers = records.numbers.shape[1]
    residual = np.zeros(records.numbers.shape)
    for at in range(numbers):
        residual[:, at] = _beside_expected(records, matrix, at)
    rare = np.column_stack([_rare(codes) for codes in records.codes.T]) if records.codes.shape[1] else np.zeros((records.rows, 0))
    empty = np.column_stack([~np.isfinite(records.numbers), records.codes < 0])
    nearly = (empty.mean(axis=0) < 1 - ALWAYS) & empty.any(axis=0)
    missing = np.where(empty & nearly, MISSING_SCORE, 0.0)
    each = np.column_stack([np.nan_to_num(residual), rare]) + missing
    robust = np.column_stack([_beside_peers(records, column) for column in records.numbers.T] or [np.zeros(records.rows)])
    return Scores(
        columns=[*records.names, *records.kinds],
        each=each,
        missing=missing,
        residual=_whole(each),
        robust=_whole(robust),
        forest=isolate(matrix, seed=SEED),
    )


def _beside_expected(records: Records, matrix: Floats, at: int) -> Floats:
    """Out of fold by rows: no row takes part in what is expected of it."""
    target = matrix[:, at]
    others = np.column_stack([np.delete(matrix, at, axis=1), records.peers.astype(np.float64)])
    rows = np.arange(records.rows, dtype=np.int64)
    expected = expect(others, np.clip(target, -10, 10), rows, seed=SEED + at, rounds=60, most=MOST_LEARNED)
    return _spreads(target - expected)


def _spreads(residual: Floats) -> Floats:
    """In usual spreads; a column whose residuals often lie far out is drawn in, or it alone would fill the list."""
    known = residual[np.isfinite(residual)]
    if not len(known):
        return residual
    spread = max(SIGMA * float(np.median(np.abs(known - np.median(known)))), FLOOR)
    scaled = (residual - float(np.median(known))) / spread
    tail = float(np.percentile(np.abs(scaled[np.isfinite(scaled)]), TAIL))
    return np.asarray(np.clip(scaled * TAIL_SPREADS / max(tail, TAIL_SPREADS), -CLIP, CLIP))


def _beside_peers(records: Records, column: Floats) -> Floats:
    """Robust z within the peer group."""
    group = records.peers + 1
    many = int(group.max()) + 1
    middle = group_median(column, group, many)
    spread = shrunk(group_mad(column, group, middle), np.bincount(group, minlength=many), 10.0, FLOOR)
    return np.nan_to_num(np.clip((column - middle[group]) / spread[group], -CLIP, CLIP))


def _rare(codes: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
    """A score for values that hardly any row has, in columns whose other values are common."""
    known = codes >= 0
    count = np.bincount(codes[known])
    share = count / max(int(known.sum()), 1)
    rare = (share < RARE) & (count <= max(1, RARE * len(codes)))
    usual = share[rare].sum() < 10 * RARE
    return np.where(known & usual & rare[codes], RARE_SCORE, 0.0)


def _whole(each: Floats) -> Floats:
    """Of each row the strangest columns together: the root of the mean square of three."""
    strangest = np.sort(np.abs(each), axis=1)[:, ::-1][:, :STRANGEST]
    return np.asarray(np.sqrt((strangest**2).sum(axis=1) / min(STRANGEST, max(each.shape[1], 1))))
