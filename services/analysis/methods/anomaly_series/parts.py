"""Very many points in parts of whole series: each is judged by what a sample of series taught, windows are ranked among all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.analysis.methods.anomaly_series.reading import Series, read
from services.analysis.methods.anomaly_series.study import ALONE, Study, conduct, teach
from services.analysis.methods.anomaly_series.windows import Windows, ranked
from services.analysis.methods.deviation.parameters import Parameters
from services.analysis.methods.deviation.robust import Codes, Flags, Floats
from services.analysis.worker.sdk import Bundle, Report


@dataclass(frozen=True)
class Known:
    """Points of which somebody knows: of how many series, 1 if they are wrong, and how abnormal two ways find them."""

    series: int
    label: Floats
    residual: Floats
    forest: Floats


@dataclass(frozen=True)
class Part:
    """What of a part is still asked for when its windows are known."""

    series: Codes
    points: int
    bits: NDArray[np.uint8]
    windows: Windows
    known: Known | None

    def present(self, times: int) -> Flags:
        return np.unpackbits(self.bits, axis=1, count=times).view(bool)


@dataclass(frozen=True)
class Search:
    """What came of all series."""

    series: Series
    parts: list[Part]
    windows: Windows
    """Of all parts, the likeliest first."""
    listed: int

    @property
    def points(self) -> int:
        return sum(part.points for part in self.parts)

    @property
    def within(self) -> Windows:
        return self.windows.take(np.arange(self.listed))


def search(bundle: Bundle, parameters: Parameters, report: Report) -> Search:
    report(0.05, "reading the series")
    series = read(bundle)
    cuts = series.parts()
    lessons = ALONE if len(cuts) == 1 else teach(series.panel(series.sample()), forest=series.labelled)
    parts = []
    for at, chosen in enumerate(cuts):
        report(0.2 + 0.7 * at / len(cuts), "expecting each value out of fold")
        parts.append(keep(conduct(series.panel(chosen), parameters, lessons), labelled=series.labelled))
    windows = ranked([part.windows for part in parts])
    places = parameters.places(sum(part.points for part in parts))
    return Search(series, parts, windows, int(np.searchsorted(np.cumsum(windows.points), places, side="right")))


def keep(study: Study, *, labelled: bool) -> Part:
    panel = study.panel
    bits = np.packbits(panel.present, axis=1)
    return Part(panel.series, int(panel.present.sum()), bits, study.windows, known(study) if labelled else None)


def known(study: Study) -> Known:
    told = np.isfinite(study.panel.label) & np.isfinite(study.score) & np.isfinite(study.forest)
    return Known(int(told.any(axis=1).sum()), study.panel.label[told], study.score[told], study.forest[told])
