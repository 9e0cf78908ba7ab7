"""All that a method sees of Dure: the bundle it reads, the outputs it gives, and how it refuses its input."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import duckdb
import numpy as np
from numpy.typing import NDArray

from shared.contracts import MethodCard

WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}
NUMERIC = {"BOOLEAN", "FLOAT", "DOUBLE", "DECIMAL", *WHOLE, *(f"U{kind}" for kind in WHOLE)}
TABLE_FILE = "linked.parquet"
CHAMPION_FILE = "champion.model"
Report = Callable[[float, str], None]
Array = NDArray[Any]


class MethodError(Exception):
    """A method refuses its input: a stable code, and a sentence that holds no cell value, for the people who asked."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Bundle:
    """The linked, pseudonymised table of one run, with its parameters."""

    folder: Path
    parameters: dict[str, Any] = field(default_factory=dict)
    match_rates: dict[str, float] = field(default_factory=dict)
    available_from: dict[str, str] = field(default_factory=dict)
    """`<input>__<column>` -> the first day (ISO 8601) for which its owner has the column."""

    @property
    def champion(self) -> Path | None:
        """The file of the released model that this round is also scored with, if the request names one."""
        path = self.folder / CHAMPION_FILE
        return path if path.exists() else None

    def columns(self, names: Iterable[str] | None = None) -> dict[str, Array]:
        """Columns of the linked table in its row order: numbers and booleans as float64 (NaN for NULL), the rest as
        object arrays of str (None for NULL; dates and times in ISO 8601)."""
        with _open(self.folder) as connection:
            source = [str(self.folder / TABLE_FILE)]
            described = connection.execute("DESCRIBE SELECT * FROM read_parquet($1)", source).fetchall()
            types = {str(row[0]): str(row[1]) for row in described}
            wanted = list(types) if names is None else list(names)
            if missing := [name for name in wanted if name not in types]:
                raise MethodError("missing-column", f"The linked table has no column {missing[0][:100]}.")
            if not wanted:
                return {}
            chosen = ", ".join(_cast(name, types[name]) for name in wanted)
            query = f"SELECT {chosen} FROM read_parquet($1)"  # noqa: S608 - quoted names of columns that are there
            found = connection.execute(query, source).fetchnumpy()
        return {name: _plain(found[name]) for name in wanted}


@dataclass
class Outputs:
    """What a method gives back: tables, figures and metrics by name, the restricted list and the models if it makes any.

    A model is the bytes of an ONNX or skops file. Each alarm (`{"code", "detail", "feature"}`) holds the result until a
    person has answered it."""

    tables: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    restricted_list: list[dict[str, Any]] | None = None
    models: dict[str, bytes] = field(default_factory=dict)
    alarms: list[dict[str, Any]] = field(default_factory=list)


class Method(Protocol):
    """A module (or object) that an entry point of the group `dure.methods` names."""

    CARD: MethodCard

    def run(self, bundle: Bundle, report: Report) -> Outputs: ...


def _open(folder: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB that reads this folder and nothing else, with one thread."""
    connection = duckdb.connect(":memory:", config={"threads": 1})
    quoted = str(folder).replace("'", "''")
    connection.execute(f"SET allowed_directories = ['{quoted}']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _cast(name: str, kind: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    target = "DOUBLE" if kind.partition("(")[0] in NUMERIC else "VARCHAR"
    return f"CAST({quoted} AS {target}) AS {quoted}"


def _plain(values: Array) -> Array:
    if values.dtype.kind == "f":
        return np.asarray(np.ma.filled(values, np.nan))
    texts = np.array(np.ma.getdata(values), dtype=object)
    texts[np.ma.getmaskarray(values)] = None
    return texts
