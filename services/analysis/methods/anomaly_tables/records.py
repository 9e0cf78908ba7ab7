"""The linked table as numbers: amounts evened out, texts as codes; rows are records."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.analysis.methods.anomaly_tables.columns import LABEL, PEERS
from services.analysis.methods.deviation.robust import SIGMA, Codes, Floats, encode
from services.analysis.worker.sdk import Array, Bundle, MethodError

MINIMUM_ROWS = 12
MOST_COLUMNS = 60
LARGEST = 1e150
MOST_KINDS = 0.05
"""A text column with more different values than this share of the rows is a name, not a kind."""


@dataclass(frozen=True)
class Records:
    """Rows x columns, evened out: 0 is the median, 1 about a usual spread; NaN where nothing stands."""

    pseudonyms: Array
    names: list[str]
    numbers: Floats
    kinds: list[str]
    codes: Codes
    """Rows x kinds of text; -1 where nothing stands."""
    peers: Codes
    peer_names: list[str]
    label: Floats

    @property
    def rows(self) -> int:
        return len(self.pseudonyms)


def read(bundle: Bundle) -> Records:
    found = bundle.columns()
    if "pseudonym" not in found:
        raise MethodError("missing-column", "The linked table lacks the required column pseudonym.")
    if len(found["pseudonym"]) < MINIMUM_ROWS:
        raise MethodError("too-few-rows", f"Fewer than {MINIMUM_ROWS} rows; nothing can be compared.")
    return make_records(found)


def make_records(found: Mapping[str, Array]) -> Records:
    """From columns of equal length; a column that is always empty or always the same says nothing and is left out."""
    rows = len(found["pseudonym"])
    further = {name: values for name, values in found.items() if name not in ("pseudonym", PEERS, LABEL)}
    numbers = {name: even(values) for name, values in further.items() if values.dtype.kind in "fiub"}
    numbers = {name: values for name, values in numbers.items() if len(np.unique(values[np.isfinite(values)])) > 1}
    texts = {name: encode(values) for name, values in further.items() if values.dtype.kind not in "fiub"}
    kinds = {name: codes for name, (codes, names) in texts.items() if 1 < len(names) <= max(MOST_KINDS * rows, 2)}
    if not numbers and not kinds:
        raise MethodError("no-features", "Every further column is empty, the same for all rows, or different in every row.")
    peers, peer_names = encode(found[PEERS]) if PEERS in found else (np.full(rows, -1), [])
    return Records(
        pseudonyms=found["pseudonym"],
        names=[short(name) for name in numbers][:MOST_COLUMNS],
        numbers=stack(list(numbers.values())[:MOST_COLUMNS], rows),
        kinds=[short(name) for name in kinds][:MOST_COLUMNS],
        codes=stack(list(kinds.values())[:MOST_COLUMNS], rows).astype(np.int64),
        peers=peers,
        peer_names=peer_names,
        label=found[LABEL].astype(np.float64) if LABEL in found and found[LABEL].dtype.kind in "fiub" else np.full(rows, np.nan),
    )


def stack(columns: list[Floats] | list[Codes], rows: int) -> Floats:
    return np.column_stack(columns).astype(np.float64) if columns else np.zeros((rows, 0))


def short(name: str) -> str:
    return name.partition("__")[2] or name


def even(values: Array) -> Floats:
    """Amounts around their median, in usual spreads, large ones by their logarithm: one huge number does not hide the rest."""
    numbers = values.astype(np.float64)
    numbers = np.where(np.abs(numbers) < LARGEST, numbers, np.nan)
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        return numbers
    middle = float(np.median(known))
    spread = SIGMA * float(np.median(np.abs(known - middle)))
    if spread <= 0:
        spread = float(np.mean(np.abs(known - middle))) or 1.0
    return np.asarray(np.arcsinh((numbers - middle) / spread))
