"""The linked table, stored: the rows of all series, and the panel of those that are asked for."""

from dataclasses import dataclass

import numpy as np

from services.analysis.methods.anomaly_series.columns import LABEL, TIME, VALUE
from services.analysis.methods.anomaly_series.panel import Panel, drivers, lay, plain
from services.analysis.methods.anomaly_series.times import Grid, read_grid
from services.analysis.methods.deviation.cells import Cells
from services.analysis.methods.deviation.parameters import most_texts
from services.analysis.methods.deviation.robust import Codes, Floats
from services.analysis.methods.toolkit.stored import Subjects, Table
from services.analysis.worker.sdk import Bundle, MethodError

MINIMUM_ROWS = 12
MOST_CELLS = 60_000_000
"""Series times times in all."""
SEED = 20241


@dataclass(frozen=True)
class Series:
    """Numbers as they are, texts as codes in their order, times as places on one grid."""

    grid: Grid
    subjects: Subjects
    own: Codes
    """By row: its series, numbered in the order of the first rows."""
    cells: Cells
    columns: list[str]
    """The time first."""

    @property
    def every(self) -> int:
        return len(self.subjects.first)

    @property
    def labelled(self) -> bool:
        return LABEL in self.columns

    def parts(self) -> list[Codes]:
        """All series in their order, in parts of about equal size that stand in memory one at a time."""
        return np.array_split(np.arange(self.every), -(-self.every // self.grid.at_a_time))

    def sample(self) -> Codes:
        """As many series as stand in memory at a time."""
        return np.sort(np.random.default_rng(SEED).choice(self.every, self.grid.at_a_time, replace=False))

    def panel(self, chosen: Codes) -> Panel:
        """These series."""
        position = np.full(self.every, -1)
        position[chosen] = np.arange(len(chosen))
        position = position[self.own]
        rows = np.flatnonzero(position >= 0)
        low, high = int(rows[0]), int(rows[-1]) + 1

        def of_rows(name: str) -> Floats:
            return self.cells.part(self.columns.index(name), low, high)[rows - low]

        place = of_rows(TIME).astype(np.int64)
        return lay(self.grid, chosen, self.every, position[rows], place, self.columns[1:], of_rows)


def read(bundle: Bundle) -> Series:
    ((rows,),) = bundle.sql("SELECT count(*) AS rows FROM linked").values()
    table = Table(bundle, most_texts=most_texts(int(rows)), but=TIME)
    for name in (TIME, VALUE):
        if name not in table.levels:
            raise MethodError("missing-column", f"The linked table lacks the required column {name}.")
    if table.is_text(VALUE):
        raise MethodError("wrong-type", "The column value must hold numbers.")
    if table.rows < MINIMUM_ROWS:
        raise MethodError("too-few-rows", f"Fewer than {MINIMUM_ROWS} rows; nothing can be compared.")
    grid, place = read_grid(table.read(TIME))
    if len(table.subjects.first) * grid.count > MOST_CELLS:
        raise MethodError("too-many-cells", "Series times times are more than this method can judge: ask for fewer.")
    cells = Cells(table.rows, bundle.means.folder)
    cells.add(place)
    columns = [VALUE, *drivers(table), *({LABEL} & set(table))]
    for name in columns:
        cells.add(plain(table.read(name)))
    return Series(grid, table.subjects, table.ranks, cells, [TIME, *columns])
