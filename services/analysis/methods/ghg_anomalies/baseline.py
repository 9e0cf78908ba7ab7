"""The unsupervised layer, reported by itself: an isolation forest on the raw columns of the statements."""

import numpy as np

from services.analysis.methods.deviation.forest import isolate
from services.analysis.methods.deviation.robust import Flags, Floats
from services.analysis.methods.ghg_anomalies.panel import Panel
from services.analysis.methods.ghg_anomalies.study import Study

SEED = 20241


def strangeness(panel: Panel) -> Floats:
    """How strange the forest finds each row."""
    return isolate(np.column_stack(list(panel.numbers.values())), panel.rows, seed=SEED)


def strangest(strange: Floats, places: int) -> Flags:
    """As many rows as people can look at."""
    found = np.zeros(len(strange), dtype=bool)
    found[np.argsort(-strange, kind="stable")[:places]] = True
    return found


def rows_found(study: Study) -> Flags:
    """The rows that the listed findings are about."""
    panel, within = study.panel, study.within
    marks = np.zeros((panel.shape[0], panel.shape[1] + 1))
    np.add.at(marks, (within.stream, within.first), 1)
    np.add.at(marks, (within.stream, within.last + 1), -1)
    cells = np.cumsum(marks, axis=1)[:, :-1] > 0
    inside = ~panel.outside
    found = np.zeros(panel.rows, dtype=bool)
    found[inside] = cells[panel.row_stream[inside], panel.row_period[inside]]
    return found
