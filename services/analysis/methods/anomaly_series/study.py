"""One study: expected values, scores of points, windows within the budget, and the unsupervised baseline."""

from dataclasses import dataclass

import numpy as np

from services.analysis.methods.anomaly_series.expected import Expected, fit_expected
from services.analysis.methods.anomaly_series.panel import Panel
from services.analysis.methods.anomaly_series.windows import Windows, find_flat, find_windows, point_scores
from services.analysis.methods.deviation.forest import isolate
from services.analysis.methods.deviation.parameters import Parameters
from services.analysis.methods.deviation.robust import Floats

SEED = 20241


@dataclass(frozen=True)
class Study:
    panel: Panel
    parameters: Parameters
    expected: Expected
    score: Floats
    """Of every point, higher is more abnormal; NaN where nothing stands."""
    forest: Floats
    """The same by an isolation forest on the raw columns."""
    windows: Windows
    listed: int

    @property
    def within(self) -> Windows:
        return self.windows.take(np.arange(self.listed))


def conduct(panel: Panel, parameters: Parameters) -> Study:
    flat = find_flat(panel)
    found = fit_expected(panel, flat)
    score = point_scores(panel, found, flat)
    windows = find_windows(panel, found, flat, score, parameters.threshold)
    places = parameters.places(int(panel.present.sum()))
    listed = int(np.searchsorted(np.cumsum(windows.points), places, side="right"))
    return Study(panel, parameters, found, score, by_forest(panel), windows, listed)


def by_forest(panel: Panel) -> Floats:
    known = np.isfinite(panel.value)
    columns = [panel.value, *panel.drivers.values()]
    scores = np.full(panel.shape, np.nan)
    scores[known] = isolate(np.column_stack([one[known] for one in columns]), seed=SEED)
    return scores
