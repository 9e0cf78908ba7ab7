"""How strange each row is: column by column beside what the row's other columns let expect; and by an isolation forest."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from services.analysis.methods.anomaly_tables.records import Records
from services.analysis.methods.deviation.cells import Chosen
from services.analysis.methods.deviation.forest import isolate
from services.analysis.methods.deviation.residuals import expect
from services.analysis.methods.deviation.robust import SIGMA, Codes, Floats, group_mad, group_median, shrunk

SEED = 20241
MOST_LEARNED = 20_000
STRANGEST, SMALLEST = 3, 2.0
CLIP = 30.0
FLOOR = 0.02
TAIL, TAIL_SPREADS = 95.0, 2.0
RARE, RARE_SCORE = 0.001, 4.0
ALWAYS, MISSING_SCORE = 0.995, 4.0
Small = NDArray[np.int16]


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
WHYS = tuple(Why)


class Strangest:
    """Of each row the columns that are strangest, kept up column by column; of equal ones the first."""

    def __init__(self, rows: int) -> None:
        self.size = np.zeros((STRANGEST, rows))
        self.code = np.full((STRANGEST, rows), -1, dtype=np.int16)
        self.columns = 0

    def add(self, size: Floats, code: Small) -> None:
        """How strange a further column is in each row, in usual spreads, and the code of column and reason."""
        goes_down = np.zeros(len(size), dtype=bool)
        for sizes, codes in zip(self.size, self.code, strict=True):
            goes_down |= size > sizes
            sizes[goes_down], size[goes_down] = size[goes_down], sizes[goes_down]
            codes[goes_down], code[goes_down] = code[goes_down], codes[goes_down]
        self.columns += 1

    def whole(self) -> Floats:
        """The strangest columns together: the root of the mean square of three."""
        squares = np.zeros(self.size.shape[1])
        for size in self.size:
            squares += size**2
        return np.sqrt(squares / min(STRANGEST, max(self.columns, 1)))


@dataclass(frozen=True)
class Scores:
    """Of each row how strange it is, by three ways, and which columns make it so."""

    columns: list[str]
    codes: Small
    """The strangest columns of each row and their reasons, the strangest first."""
    reasons: Small
    """How many of these are far enough to be told."""
    residual: Floats
    robust: Floats
    forest: Floats


def score_rows(records: Records) -> Scores:
    found = Strangest(records.rows)
    for at, column in enumerate(records.features):
        _add_column(found, records, at, column)
    whole, codes = found.whole(), found.code
    reasons = (found.size >= SMALLEST).sum(axis=0, dtype=np.int16)
    del found
    return Scores(
        columns=[*records.numbers.values(), *records.kinds.values()],
        codes=codes,
        reasons=reasons,
        residual=whole,
        robust=_robust(records),
        forest=isolate(Chosen(records.cells, records.features), records.rows, seed=SEED),
    )


def _robust(records: Records) -> Floats:
    found, group = Strangest(records.rows), records.peers + 1
    for column in records.numbers:
        size = np.abs(_beside_peers(records.cells.column(column), group))
        found.add(size, np.zeros(records.rows, dtype=np.int16))
    return found.whole()


def _add_column(found: Strangest, records: Records, at: int, column: int) -> None:
    """Numbers beside what was expected, texts that are rare; a gap where hardly any is counts too."""
    values = records.cells.column(column)
    if column in records.numbers:
        empty, size = ~np.isfinite(values), np.nan_to_num(_beside_expected(records, values, at))
        code = np.where(size > 0, WHYS.index(Why.ABOVE), WHYS.index(Why.BELOW)).astype(np.int16)
    else:
        empty, size = values < 0, _rare(values.astype(np.int64))
        code = np.full(len(values), WHYS.index(Why.RARE), dtype=np.int16)
    if 0 < empty.mean() < 1 - ALWAYS:
        size[empty] += MISSING_SCORE
        code[empty] = WHYS.index(Why.MISSING)
    found.add(np.abs(size), code + np.int16(at * len(WHYS)))


def _beside_expected(records: Records, target: Floats, at: int) -> Floats:
    """Out of fold by rows: no row takes part in what is expected of it."""
    features = records.features
    others = Chosen(records.cells, [*features[:at], *features[at + 1 :], records.peer_column])
    rows = np.arange(records.rows, dtype=np.int64)
    return _spreads(target - expect(others, np.clip(target, -10, 10), rows, seed=SEED + at, rounds=60, most=MOST_LEARNED))


def _spreads(residual: Floats) -> Floats:
    """In usual spreads; a column whose residuals often lie far out is drawn in, or it alone would fill the list."""
    known = residual[np.isfinite(residual)]
    if not len(known):
        return residual
    spread = max(SIGMA * float(np.median(np.abs(known - np.median(known)))), FLOOR)
    scaled = (residual - float(np.median(known))) / spread
    tail = float(np.percentile(np.abs(scaled[np.isfinite(scaled)]), TAIL))
    return np.asarray(np.clip(scaled * TAIL_SPREADS / max(tail, TAIL_SPREADS), -CLIP, CLIP))


def _beside_peers(column: Floats, group: Codes) -> Floats:
    """Robust z within the peer group."""
    many = int(group.max()) + 1
    middle = group_median(column, group, many)
    spread = shrunk(group_mad(column, group, middle), np.bincount(group, minlength=many), 10.0, FLOOR)
    return np.nan_to_num(np.clip((column - middle[group]) / spread[group], -CLIP, CLIP))


def _rare(codes: Codes) -> Floats:
    """A score for values that hardly any row has, in columns whose other values are common."""
    known = codes >= 0
    count = np.bincount(codes[known])
    share = count / max(int(known.sum()), 1)
    rare = (share < RARE) & (count <= max(1, RARE * len(codes)))
    usual = share[rare].sum() < 10 * RARE
    return np.where(known & usual & rare[codes], RARE_SCORE, 0.0)
