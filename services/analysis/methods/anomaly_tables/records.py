"""The linked table as numbers: amounts evened out, texts as codes; rows are records."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.analysis.methods.anomaly_tables.columns import LABEL, PEERS
from services.analysis.methods.deviation.cells import Cells
from services.analysis.methods.deviation.parameters import most_texts
from services.analysis.methods.deviation.robust import SIGMA, Codes, Floats, encode
from services.analysis.methods.toolkit.arrays import LARGEST_AMOUNT, appearing
from services.analysis.methods.toolkit.stored import Columns, Table
from services.analysis.worker.sdk import Array, Bundle, MethodError

MINIMUM_ROWS = 12
MOST_COLUMNS = 60
MOST_KINDS = 0.05
"""A text column with more different values than this share of the rows is a name, not a kind."""


@dataclass(frozen=True)
class Records:
    """Rows x columns, stored. Numbers are evened out: 0 is the median, 1 about a usual spread; NaN where nothing stands."""

    cells: Cells
    numbers: dict[int, str]
    """Column -> its name."""
    kinds: dict[int, str]
    """The same of texts as codes; -1 where nothing stands."""
    peer_column: int
    peer_names: list[str]
    label_column: int
    """-1 if nobody knows."""
    ranks: Codes
    """Of each row: the number of its subject."""
    names: Callable[[Codes], Array]
    """The pseudonyms of some ranks."""

    @property
    def rows(self) -> int:
        return self.cells.rows

    @property
    def features(self) -> list[int]:
        return [*self.numbers, *self.kinds]

    @property
    def peers(self) -> Codes:
        return self.cells.column(self.peer_column).astype(np.int64)

    @property
    def label(self) -> Floats:
        return np.full(self.rows, np.nan) if self.label_column < 0 else self.cells.column(self.label_column)


def read(bundle: Bundle) -> Records:
    ((rows,),) = bundle.sql("SELECT count(*) AS rows FROM linked").values()
    table = Table(bundle, most_texts=most_texts(int(rows)))
    if table.rows < MINIMUM_ROWS:
        raise MethodError("too-few-rows", f"Fewer than {MINIMUM_ROWS} rows; nothing can be compared.")
    found = Columns(table, {name: name for name in table})
    return store(found, table.ranks, table.subjects.names, bundle.means.folder)


def make_records(found: Mapping[str, Array]) -> Records:
    """From columns of equal length."""
    ranks, first = appearing(found["pseudonym"])
    return store(found, ranks, found["pseudonym"][first].__getitem__)


def store(found: Mapping[str, Array], ranks: Codes, names: Callable[[Codes], Array], folder: Path | None = None) -> Records:
    """A column that is always empty or always the same says nothing and is left out."""
    cells = Cells(len(ranks), folder)
    numbers: dict[int, str] = {}
    kinds: dict[int, str] = {}
    for name in found:
        if name in ("pseudonym", PEERS, LABEL):
            continue
        values = found[name]
        if values.dtype.kind in "fiub":
            if len(numbers) < MOST_COLUMNS and varies(evened := even(values)):
                numbers[cells.add(evened)] = short(name)
        elif len(kinds) < MOST_COLUMNS:
            codes, texts = encode(values)
            if 1 < len(texts) <= max(MOST_KINDS * len(ranks), 2):
                kinds[cells.add(codes)] = short(name)
    if not numbers and not kinds:
        raise MethodError("no-features", "Every further column is empty, the same for all rows, or different in every row.")
    peers, peer_names = encode(found.get(PEERS, np.full(len(ranks), None)))
    label = found.get(LABEL, np.empty(0, dtype=object))
    return Records(
        cells=cells,
        numbers=numbers,
        kinds=kinds,
        peer_column=cells.add(peers),
        peer_names=peer_names,
        label_column=cells.add(label) if label.dtype.kind in "fiub" else -1,
        ranks=ranks,
        names=names,
    )


def varies(numbers: Floats) -> bool:
    known = numbers[np.isfinite(numbers)]
    return len(known) > 0 and bool(known.min() < known.max())


def short(name: str) -> str:
    return name.partition("__")[2] or name


def even(values: Array) -> Floats:
    """Amounts around their median, in usual spreads, large ones by their logarithm: one huge number does not hide the rest."""
    numbers = values.astype(np.float64)
    numbers = np.where(np.abs(numbers) < LARGEST_AMOUNT, numbers, np.nan)
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        return numbers
    middle = float(np.median(known))
    spread = SIGMA * float(np.median(np.abs(known - middle)))
    if spread <= 0:
        spread = float(np.mean(np.abs(known - middle))) or 1.0
    return np.asarray(np.arcsinh((numbers - middle) / spread))
