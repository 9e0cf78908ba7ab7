"""The study of some series: expected values, scores of points, windows, and the unsupervised baseline."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from services.analysis.methods.anomaly_series.expected import Expected, Fit, fit_expected
from services.analysis.methods.anomaly_series.panel import Panel
from services.analysis.methods.anomaly_series.windows import Windows, find_flat, find_windows, point_scores
from services.analysis.methods.deviation.forest import Forest, grow
from services.analysis.methods.deviation.parameters import Parameters
from services.analysis.methods.deviation.robust import Floats

SEED = 20241


@dataclass(frozen=True)
class Lessons:
    """What some series taught that others are judged by; nothing of it if these teach themselves."""

    fits: tuple[Fit, ...] = ()
    forest: Forest | None = None


ALONE = Lessons()


@dataclass(frozen=True)
class Study:
    panel: Panel
    lessons: Lessons
    expected: Expected
    score: Floats
    """Of every point, higher is more abnormal; NaN where nothing stands."""
    windows: Windows
    """The likeliest first."""

    @cached_property
    def forest(self) -> Floats:
        """The same by an isolation forest on the raw columns."""
        known, matrix = np.isfinite(self.panel.value), raw(self.panel)
        scores = np.full(self.panel.shape, np.nan)
        if len(matrix):
            scores[known] = (self.lessons.forest or grow(matrix, len(matrix), seed=SEED)).score(matrix, len(matrix))
        return scores


def conduct(panel: Panel, parameters: Parameters, lessons: Lessons = ALONE) -> Study:
    flat = find_flat(panel)
    found = fit_expected(panel, flat, lessons.fits)
    score = point_scores(panel, found, flat)
    return Study(panel, lessons, found, score, find_windows(panel, found, flat, score, parameters.threshold))


def teach(panel: Panel, *, forest: bool) -> Lessons:
    fits = fit_expected(panel, find_flat(panel)).fits
    matrix = raw(panel) if forest else np.zeros((0, 1))
    return Lessons(fits, grow(matrix, len(matrix), seed=SEED) if len(matrix) else None)


def raw(panel: Panel) -> Floats:
    known = np.isfinite(panel.value)
    return np.column_stack([one[known] for one in (panel.value, *panel.drivers.values())])
