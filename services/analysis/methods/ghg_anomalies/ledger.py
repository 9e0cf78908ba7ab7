"""What the layers found, and which cells are explained by it: a later layer does not stumble over what an earlier one named."""

from dataclasses import dataclass, field

import numpy as np

from services.analysis.methods.deviation.robust import Codes, Flags, Floats
from services.analysis.methods.ghg_anomalies.reasons import LAYERS, REASONS, Layer, Reason


@dataclass(frozen=True)
class Findings:
    """A finding a row: the stream, its first and last period, why, by which layer, tCO2e and how likely."""

    stream: Codes
    first: Codes
    last: Codes
    reason: Codes
    layer: Codes
    reported: Floats
    expected: Floats
    probability: Floats

    def __len__(self) -> int:
        return len(self.stream)

    @property
    def difference(self) -> Floats:
        return self.reported - self.expected

    @property
    def weight(self) -> Floats:
        """Expected tCO2e in question: how large times how likely."""
        return np.abs(self.difference) * self.probability

    @property
    def periods(self) -> Codes:
        return self.last - self.first + 1

    def take(self, chosen: Codes | Flags) -> "Findings":
        return Findings(**{name: values[chosen] for name, values in vars(self).items()})

    def of(self, *reasons: Reason) -> Flags:
        return np.isin(self.reason, [REASONS.index(one) for one in reasons])


def join(parts: list[Findings]) -> Findings:
    if not parts:
        empty, none = np.zeros(0, dtype=np.int64), np.zeros(0)
        return Findings(empty, empty, empty, empty, empty, none, none, none)
    return Findings(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})


@dataclass
class Ledger:
    """The findings of all layers so far."""

    shape: tuple[int, int]
    parts: list[Findings] = field(default_factory=list)
    explained: Flags = field(init=False)

    def __post_init__(self) -> None:
        self.explained = np.zeros(self.shape, dtype=bool)

    def enter(
        self, cells: Flags, reason: Reason, layer: Layer, reported: Floats, expected: Floats, probability: Floats, *, gap: int = 0
    ) -> None:
        """Cells of one reason become findings: neighbouring cells of a stream, over gaps this short, are one."""
        cells = cells & ~self.explained
        if not cells.any():
            return
        stream, period = np.nonzero(cells)
        opens = np.ones(len(stream), dtype=bool)
        opens[1:] = (np.diff(stream) != 0) | (np.diff(period) > gap + 1)
        group = np.cumsum(opens) - 1
        starts, ends = np.flatnonzero(opens), np.append(np.flatnonzero(opens)[1:], len(stream)) - 1
        many = len(starts)
        told: Floats = np.bincount(group, np.nan_to_num(reported[cells]), many).astype(np.float64)
        hoped: Floats = np.bincount(group, np.nan_to_num(expected[cells]), many).astype(np.float64)
        likely = np.zeros(many)
        np.maximum.at(likely, group, np.nan_to_num(probability[cells]))
        kind, by = (np.full(many, which) for which in (REASONS.index(reason), LAYERS.index(layer)))
        self.parts.append(Findings(stream[starts], period[starts], period[ends], kind, by, told, hoped, likely))
        self.explained |= cells

    def note(self, streams: Codes, reason: Reason, layer: Layer, probability: float) -> None:
        """Findings about streams of which no period can be told."""
        none, many = np.zeros(len(streams)), len(streams)
        start, kind, by = (np.full(many, which) for which in (0, REASONS.index(reason), LAYERS.index(layer)))
        self.parts.append(Findings(streams, start, start, kind, by, none, none, np.full(many, probability)))

    @property
    def findings(self) -> Findings:
        return join(self.parts)
