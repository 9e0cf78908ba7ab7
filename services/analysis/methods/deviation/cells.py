"""Columns of numbers in a file of the run's own: what is asked for stands in memory, and nothing else."""

import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.analysis.methods.deviation.robust import Codes, Floats
from services.analysis.worker.sdk import Array

CELL = 8


class Cells:
    """Rows x columns of float64, column beside column."""

    def __init__(self, rows: int, folder: Path | None = None) -> None:
        self.rows, self.columns = rows, 0
        self.file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - open as long as this is there
        weakref.finalize(self, self.file.close)

    def add(self, values: Array) -> int:
        """A further column; its number."""
        self.file.seek(self.columns * self.rows * CELL)
        values.astype(np.float64, copy=False).tofile(self.file)
        self.columns += 1
        return self.columns - 1

    def column(self, at: int) -> Floats:
        return self.part(at, 0, self.rows)

    def part(self, at: int, low: int, high: int) -> Floats:
        """Neighbouring rows of a column."""
        self.file.seek((at * self.rows + low) * CELL)
        return np.fromfile(self.file, np.float64, high - low)


@dataclass(frozen=True)
class Chosen:
    """Some columns as features, rows of which are read when they are asked for."""

    cells: Cells
    columns: Sequence[int]

    def __getitem__(self, places: Codes, /) -> Floats:
        matrix = np.empty((len(places), len(self.columns)))
        low, high = (int(places.min()), int(places.max()) + 1) if len(places) else (0, 0)
        for at, column in enumerate(self.columns):
            matrix[:, at] = self.cells.part(column, low, high)[places - low]
        return matrix
