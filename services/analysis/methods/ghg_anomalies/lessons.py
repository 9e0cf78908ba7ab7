"""The cells that expected activity was learned from, under names that mean the same in every round."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from services.analysis.methods.deviation.robust import Codes, Flags, Floats
from services.analysis.methods.ghg_anomalies import titles
from services.analysis.methods.ghg_anomalies.layers.expected import Expected
from services.analysis.methods.ghg_anomalies.panel import Panel
from services.analysis.methods.ghg_anomalies.periods import Periods
from services.analysis.worker.sdk import Array

SEED = 20241
SEASON, FUEL, SECTOR = "season", "fuel", "sector"
TEXTS = {FUEL: "fuel_type", SECTOR: "ksic_code"}


@dataclass(frozen=True)
class Lessons:
    """A row a cell (stream and period) whose activity is known and that nothing else explains."""

    periods: Periods
    columns: Mapping[str, Array]
    """Feature -> values: what drives activity as logarithms or shares beside the usual, the place in the year from 0, fuel and
    sector as they are written."""
    target: Floats
    """Logarithm of activity beside the stream's usual and what its drivers alone let expect; cut."""
    expected: Floats
    """The same as this round's boosting said it out of fold."""
    facility: Codes
    period: Codes
    """Its place in the calendar."""

    def __len__(self) -> int:
        return len(self.target)

    @property
    def facilities(self) -> int:
        return len(np.unique(self.facility))

    @cached_property
    def given(self) -> dict[str, Array]:
        """The features that some cell has."""
        return {name: values for name, values in self.columns.items() if any(known(values))}

    def title(self, name: str) -> tuple[str, str]:
        return titles.FEATURES[name]

    def at(self, places: Codes) -> "Lessons":
        """These cells alone."""
        columns = {name: values[places] for name, values in self.columns.items()}
        target, expected = self.target[places], self.expected[places]
        return Lessons(self.periods, columns, target, expected, self.facility[places], self.period[places])

    def drawn(self, most: int) -> "Lessons":
        """All cells; of more than so many a seeded sample."""
        if len(self) <= most:
            return self
        return self.at(np.sort(np.random.default_rng(SEED).choice(len(self), most, replace=False)))


def lessons_of(panel: Panel, found: Expected, explained: Flags) -> Lessons:
    """Of a study whose findings are known: all that they explain is left out."""
    stream, period = np.nonzero(np.isfinite(found.target) & ~explained)
    columns: dict[str, Array] = {name: one[stream, period] for name, one in found.drivers.items()}
    columns[SEASON] = ((panel.periods.first + period) % panel.periods.a_year).astype(np.float64)
    for feature, column in TEXTS.items():
        codes, names = panel.of_stream(column)
        columns[feature] = np.array([*names, None], dtype=object)[codes[stream]]
    said, facility = found.boosted[stream, period], panel.facility[stream]
    return Lessons(panel.periods, columns, found.target[stream, period], said, facility, period)


def join(parts: Sequence[Lessons]) -> Lessons:
    """Those of all parts, which share one calendar and no facility."""
    starts = np.cumsum([0, *(int(part.facility.max(initial=-1)) + 1 for part in parts)])
    return Lessons(
        periods=parts[0].periods,
        columns={name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns},
        target=np.concatenate([part.target for part in parts]),
        expected=np.concatenate([part.expected for part in parts]),
        facility=np.concatenate([part.facility + start for part, start in zip(parts, starts, strict=False)]),
        period=np.concatenate([part.period for part in parts]),
    )


def known(values: Array) -> Iterable[bool]:
    return (value is not None and value == value for value in values.tolist())
