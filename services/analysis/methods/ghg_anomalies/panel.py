"""The linked table as a panel: streams x periods, a matrix for each column, cut out when it is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from services.analysis.methods.deviation.robust import Codes, Flags, Floats, encode
from services.analysis.methods.ghg_anomalies.columns import NUMBERS, TEXTS, places
from services.analysis.methods.ghg_anomalies.periods import Periods, read_periods
from services.analysis.methods.toolkit.arrays import appearing
from services.analysis.worker.sdk import Array, Bundle, MethodError

LARGEST, SMALLEST = 1e18, 1e-30
SMALL = 64 << 20
MINIMUM_ROWS = 12
MOST_CELLS = 200_000_000
LONGEST_TEXT = 60
Span = tuple[int, int]


@dataclass(frozen=True)
class Panel:
    """Statement rows by stream and period. A stream belongs to one facility."""

    periods: Periods
    pseudonyms: Array
    """By facility."""
    facility: Codes
    """By stream."""
    names: Array
    """Of the streams."""
    row_stream: Codes
    row_period: Codes
    first: Flags
    """Rows that fill their cell; the others say it a second time."""
    outside: Flags
    numbers: Mapping[str, Floats]
    texts: Mapping[str, tuple[Codes, list[str]]]

    @property
    def rows(self) -> int:
        return len(self.row_stream)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.facility), self.periods.count

    @property
    def facilities(self) -> int:
        return len(self.pseudonyms)

    def has(self, *names: str) -> bool:
        return all(name in self.numbers or name in self.texts for name in names)

    def lay(self, values: Array, empty: float = np.nan) -> Floats:
        """A value a row as streams x periods."""
        matrix = np.full(self.shape, empty)
        matrix[self.row_stream[self.first], self.row_period[self.first]] = values[self.first]
        return matrix

    def grid(self, name: str) -> Floats:
        """A number column as streams x periods; all NaN where nobody gave it."""
        return self.lay(self.numbers[name]) if name in self.numbers else np.full(self.shape, np.nan)

    @cached_property
    def present(self) -> Flags:
        return self.lay(np.ones(self.rows), 0.0) > 0

    def of_stream(self, name: str) -> tuple[Codes, list[str]]:
        """A text column by stream: the value that it starts with; -1 where there is none."""
        codes, names = self.texts.get(name, (np.full(self.rows, -1), []))
        known = np.flatnonzero(self.first & (codes >= 0))
        order = known[np.lexsort((self.row_period[known], self.row_stream[known]))][::-1]
        found = np.full(len(self.facility), -1, dtype=np.int64)
        found[self.row_stream[order]] = codes[order]
        return found, names

    def over_facility(self, matrix: Floats | Flags) -> Floats:
        """Sums over the streams of each facility: facilities x periods; NaN counts as nothing."""
        total = np.zeros((self.facilities, matrix.shape[1]))
        np.add.at(total, self.facility, np.nan_to_num(matrix.astype(np.float64)))
        return total


class Source:
    """Columns of the linked table, or of some neighbouring rows of it: all at once where they are few, else one by one, as they
    need not stand in memory together."""

    def __init__(self, bundle: Bundle, span: Span | None) -> None:
        self.bundle, self.span = bundle, span
        small = sum(file.stat().st_size for file in bundle.folder.iterdir() if file.suffix == ".parquet") < SMALL
        self.all = bundle.columns() if small and span is None else None
        self.known = set(bundle.sql("SELECT * FROM linked LIMIT 0"))

    def get(self, name: str) -> Array | None:
        """None if nobody gave it."""
        if self.all is not None:
            return self.all.get(name)
        if name not in self.known:
            return None
        if self.span is None:
            return self.bundle.columns([name])[name]
        rows = "file_row_number >= $1 AND file_row_number < $2"
        return self.bundle.sql(f'SELECT "{name}" FROM numbered WHERE {rows}', self.span)[name]  # noqa: S608 - our own names

    def need(self, name: str) -> Array:
        if (values := self.get(name)) is None:
            raise MethodError("missing-column", f"The linked table lacks the required column {name}.")
        return values


def read(bundle: Bundle, span: Span | None = None, calendar: Periods | None = None) -> Panel:
    """The bundle's columns, checked: what is required must be there, what is optional may be missing.

    `span`: only rows from the first to before the second; `calendar`: that of all rows."""
    source = Source(bundle, span)
    keys = {name: source.need(name) for name in ("pseudonym", "statements__stream", "statements__period")}
    source.need("statements__reported_tco2e")
    if len(keys["pseudonym"]) < MINIMUM_ROWS:
        raise MethodError("too-few-rows", f"Fewer than {MINIMUM_ROWS} rows of statements; nothing can be compared.")
    numbers = {name: values for name in NUMBERS if (values := _numbers(source, name)) is not None}
    if "reported_tco2e" not in numbers:
        raise MethodError("no-values", "The column reported_tco2e holds no number at all.")
    periods, place, outside = read_periods(keys["statements__period"], calendar)
    facility, first = appearing(keys["pseudonym"])
    stream, stream_names = encode(_short(keys["statements__stream"]))
    pairs, row_stream = np.unique(facility * (len(stream_names) + 1) + stream + 1, return_inverse=True)
    if len(pairs) * periods.count > MOST_CELLS:
        raise MethodError("too-many-cells", "Streams times periods are more than this method can hold: ask for fewer years.")
    labels = np.array([*stream_names, "?"], dtype=object)
    return Panel(
        periods=periods,
        pseudonyms=keys["pseudonym"][first],
        facility=pairs // (len(stream_names) + 1),
        names=labels[pairs % (len(stream_names) + 1) - 1],
        row_stream=row_stream.astype(np.int64),
        row_period=place,
        first=_first(row_stream, place, periods.count) & ~outside,
        outside=outside,
        numbers=numbers,
        texts={name: coded for name in TEXTS if (coded := _texts(source, name)) is not None},
    )


def _first(stream: Codes, place: Codes, count: int) -> Flags:
    """Of the rows of one cell the first."""
    first = np.zeros(len(stream), dtype=bool)
    first[np.unique(stream * (count + 1) + place + 1, return_index=True)[1]] = True
    return first


def _short(values: Array) -> Array:
    """Text is data: cut to a length that a list can carry, without characters that break a line."""
    known = {
        value: "".join(letter for letter in str(value) if letter.isprintable())[:LONGEST_TEXT] for value in set(values.tolist())
    }
    return np.array([None if value is None else known[value] for value in values.tolist()], dtype=object)


def _numbers(source: Source, name: str) -> Floats | None:
    """A number column from the first place that has it; later places fill what is unknown there."""
    found: Floats | None = None
    for values in (source.get(place) for place in places(name)):
        if values is None or (values.dtype.kind == "O" and all(one is None for one in values)):
            continue
        if values.dtype.kind not in "fiub":
            raise MethodError("wrong-type", f"The column {name} must hold numbers.")
        plain = values.astype(np.float64)
        plain[~(np.abs(plain) < LARGEST)] = np.nan
        plain[np.abs(plain) < SMALLEST] = 0.0
        found = plain if found is None else np.where(np.isfinite(found), found, plain)
    return found if found is not None and np.isfinite(found).any() else None


def _texts(source: Source, name: str) -> tuple[Codes, list[str]] | None:
    values = source.get(f"statements__{name}")
    if values is None:
        return None
    codes, names = encode(_short(values if values.dtype.kind == "O" else values.astype(str).astype(object)))
    return (codes, names) if names else None
