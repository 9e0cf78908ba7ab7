"""Tables written block by block into one Parquet file, so that memory does not grow with their size."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.duck import silent_duckdb

Block = Mapping[str, NDArray[Any]]
SUBJECTS = 20_000
LIMITS: dict[str, str | bool | int | float | list[str]] = {"threads": 1, "memory_limit": "1GB"}


def write(target: Path, blocks: Iterator[Block]) -> int:
    """Rows written. NaN, and None in text, become NULL; whole numbers with gaps stay numbers."""
    target.parent.mkdir(parents=True, exist_ok=True)
    rows = 0
    with TemporaryDirectory(dir=target.parent) as folder, silent_duckdb(Path(folder) / "made.db", **LIMITS) as connection:
        for number, made in enumerate(blocks):
            block = {name: _known(values) for name, values in made.items()}
            chosen = ", ".join(_cell(name, values) for name, values in block.items())
            make = "CREATE TABLE made AS" if number == 0 else "INSERT INTO made"
            connection.execute(f"{make} SELECT {chosen} FROM block")  # noqa: S608 - our own names
            rows += len(next(iter(block.values())))
        connection.execute(f"COPY made TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    return rows


def _known(values: NDArray[Any]) -> NDArray[Any]:
    """Days in a unit that DuckDB reads."""
    return values.astype("datetime64[us]") if values.dtype.kind == "M" else values


def _cell(name: str, values: NDArray[Any]) -> str:
    if values.dtype.kind == "f":
        return f'CASE WHEN isnan("{name}") THEN NULL ELSE "{name}" END AS "{name}"'
    return f'CAST("{name}" AS DATE) AS "{name}"' if values.dtype.kind == "M" else f'"{name}"'


def sizes(subjects: int) -> Iterator[tuple[int, int, int]]:
    """Number, first subject and count of each block."""
    for number, first in enumerate(range(0, subjects, SUBJECTS)):
        yield number, first, min(SUBJECTS, subjects - first)


def month_starts(first: str, count: int, step: int = 1) -> NDArray[np.datetime64]:
    return (np.datetime64(first, "M") + np.arange(0, count * step, step)).astype("datetime64[D]")


def logistic(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-odds)))
