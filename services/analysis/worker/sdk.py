"""All that a method sees of Dure: the bundle it reads, the outputs it gives, and how it refuses its input."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import duckdb
import numpy as np
from numpy.typing import NDArray

from services.analysis.worker.asking import BLOCK as BLOCK
from services.analysis.worker.asking import Nodes, here
from services.analysis.worker.asking import Question as Question
from shared.contracts import MethodCard

# A method reads times by these, as prepare does; here they are loaded before the sandbox closes.
from shared.times import Precision as Precision
from shared.times import read_time as read_time

WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}
NUMERIC = {"BOOLEAN", "FLOAT", "DOUBLE", "DECIMAL", *WHOLE, *(f"U{kind}" for kind in WHOLE)}
TABLE_FILE = "linked.parquet"
CHAMPION_FILE = "champion.model"
TOGETHER = "dure_subjects_together"
"""Stands in a linked table of prepare: the rows of a subject are neighbours."""
BLOCKS_READ = 4
PIECE = 2 * BLOCK
# The progress bar is drawn on standard output, even into a pipe, and setting its time switches it on
# again; without UTC an instant is cast in the time zone of the host. As in shared/duck.py.
SILENT_IN_UTC = (
    "SET enable_progress_bar = false",
    "SET enable_progress_bar_print = false",
    "SET TimeZone = 'UTC'",
)
LIBRARIES_MB, LEAST_DATABASE_MB = 96, 32
Report = Callable[[float, str], None]
Array = NDArray[Any]


class MethodError(Exception):
    """A method refuses its input: a stable code, and a sentence that holds no cell value, for the people who asked."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Means:
    """What a run may use: memory and room on the disk (MiB), threads, and the private folder that the room is in."""

    memory_mb: int = 1024
    disk_mb: int = 4096
    threads: int = 1
    work: Path | None = None

    def database_mb(self, share: float) -> int:
        """The database's share of what the libraries leave; the rest is for arrays and models."""
        return max(int((self.memory_mb - LIBRARIES_MB) * share), LEAST_DATABASE_MB)

    @property
    def folder(self) -> Path:
        return self.work or Path(tempfile.gettempdir())


@dataclass(frozen=True)
class Bundle:
    """The linked, pseudonymised table of one run, with its parameters."""

    folder: Path
    parameters: dict[str, Any] = field(default_factory=dict)
    match_rates: dict[str, float] = field(default_factory=dict)
    available_from: dict[str, str] = field(default_factory=dict)
    """`<input>__<column>` -> the first day (ISO 8601) for which its owner has the column."""
    means: Means = Means()
    nodes: Nodes | None = None

    @property
    def champion(self) -> Path | None:
        """The file of the released model that this round is also scored with, if the request names one."""
        path = self.folder / CHAMPION_FILE
        return path if path.exists() else None

    @property
    def subjects_together(self) -> bool:
        """Whether prepare says that the rows of each pseudonym are neighbours. Their order is one of contents: the same for
        every request of the same data, while the order of the pseudonyms is another one each time."""
        with self.database() as connection:
            path = _literal(self.folder / TABLE_FILE)
            query = f"SELECT count(*) FROM parquet_kv_metadata({path}) WHERE key = '{TOGETHER}'"  # noqa: S608 - our own words
            ((told,),) = connection.execute(query).fetchall()
            return bool(told)

    def columns(self, names: Iterable[str] | None = None, rows: range | None = None) -> dict[str, Array]:
        """Columns of the linked table in its row order, of these rows or of all: numbers and booleans as float64 (NaN for NULL),
        the rest as object arrays of str (None for NULL; dates and times in ISO 8601)."""
        with self.database() as connection:
            wanted = _present(connection, names)
            table = "linked" if rows is None else f"numbered WHERE file_row_number BETWEEN {rows.start} AND {rows.stop - 1}"
            query = f"SELECT {', '.join(map(quoted, wanted))} FROM {table}"  # noqa: S608 - quoted names of columns that are there
            return _fetch(connection, query) if wanted else {}

    def pieces(self, names: Iterable[str] | None = None, size: int | None = None) -> Iterator[dict[str, Array]]:
        """Columns as `columns` gives them, 262,144 rows (or `size`) at a time: so much stands in memory, and no more."""
        with self.database() as connection:
            wanted, step = ", ".join(map(quoted, _present(connection, names))), size or PIECE
            ((rows,),) = connection.execute("SELECT count(*) FROM linked").fetchall()
            query = f"SELECT {wanted} FROM numbered WHERE file_row_number >= $1 AND file_row_number < $2"  # noqa: S608 - as above
            for start in range(0, max(rows, 1), step):
                yield _fetch(connection, query, [start, start + step])

    @contextmanager
    def database(self, share: float = 0.6) -> Iterator[duckdb.DuckDBPyConnection]:
        """A DuckDB for work in bulk, with the linked table as the view `linked` and this share of the run's memory (at most 1).
        It reads the bundle, writes and spills into the run's private folder, and nothing else: no other path, no network, no
        extension, and no setting can be changed."""
        config: dict[str, Any] = {
            "threads": self.means.threads,
            "memory_limit": f"{self.means.database_mb(share)}MiB",
            "temp_directory": str(self.means.folder / f"spill-{uuid4().hex}"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
        }
        with duckdb.connect(":memory:", config=config) as connection:
            folders = ", ".join(_literal(path) for path in (self.folder, self.means.folder))
            connection.execute(
                f"SET max_temp_directory_size = '{self.means.disk_mb * 3 // 4}MiB'"
            )  # in `config` it has no effect
            for switch in SILENT_IN_UTC:
                connection.execute(switch)
            connection.execute(f"SET allowed_directories = [{folders}]")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            table = f"read_parquet({_literal(self.folder / TABLE_FILE)}, file_row_number = true)"
            connection.execute(f"CREATE TEMP VIEW linked AS SELECT * EXCLUDE (file_row_number) FROM {table}")  # noqa: S608
            connection.execute(f"CREATE TEMP VIEW numbered AS SELECT * FROM {table}")  # noqa: S608
            yield connection

    def sql(self, query: str, parameters: Sequence[Any] = ()) -> dict[str, Array]:
        """The columns of one SELECT over the table `linked`, as `columns` gives them; values come as parameters $1, $2 ..."""
        with self.database() as connection:
            return _fetch(connection, query, list(parameters))

    def blocks(self, features: Sequence[str]) -> Iterator[Array]:
        """These columns of the linked table in its row order, as float32 matrices of at most 131,072 rows; NaN for NULL."""
        with self.database() as connection:
            chosen = ", ".join(map(_float, _present(connection, features, numeric=True)))
            ((rows,),) = connection.execute("SELECT count(*) FROM linked").fetchall()
            query = f"SELECT {chosen} FROM numbered WHERE file_row_number >= $1 AND file_row_number < $2"  # noqa: S608
            for start in range(0, rows, BLOCK * BLOCKS_READ):
                found = connection.execute(query, [start, start + BLOCK * BLOCKS_READ]).fetchnumpy()
                matrix = np.empty((min(BLOCK * BLOCKS_READ, rows - start), len(features)), dtype=np.float32)
                for at, name in enumerate(features):
                    matrix[:, at] = found[name]
                yield from (matrix[at : at + BLOCK] for at in range(0, len(matrix), BLOCK))

    def score(self, model: Path | bytes, features: Sequence[str], *, output: str = "") -> Array:
        """What an ONNX model says of each row of the linked table, in its row order, float32: of a classifier the
        probability of its last class. The model takes one float matrix of these features, or each feature by its name."""
        return self.answers(model, self.blocks(features), Question(tuple(features), output))

    def answers(self, model: Path | bytes, blocks: Iterable[Array], question: Question) -> Array:
        """What an ONNX model says of each row of these float32 matrices [131,072 rows or fewer, features], float32. The nodes of
        an engine make it where the worker has one and there is more than one block; the bytes are the same."""
        body = model.read_bytes() if isinstance(model, Path) else model
        ask = self.nodes.answers if self.nodes else here
        return np.concatenate([np.empty(0, dtype=np.float32), *ask(body, question, blocks, self.means.threads)])

    def write(self, target: Path, columns: dict[str, Array]) -> Path:
        """A Parquet file in the run's private folder: the pseudonyms in row order, and beside each what was found of it."""
        with self.database() as connection:
            ((rows,),) = connection.execute("SELECT count(*) FROM linked").fetchall()
            if any(len(values) != rows for values in columns.values()):
                raise ValueError("every column has a value for each row of the linked table")
            connection.register("found", columns)
            beside = "SELECT * FROM (SELECT pseudonym FROM linked) POSITIONAL JOIN found"
            form = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
            connection.execute(f"COPY ({beside}) TO {_literal(target)} ({form})")
        return target


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


def _present(connection: duckdb.DuckDBPyConnection, names: Iterable[str] | None, *, numeric: bool = False) -> list[str]:
    """These columns, or all; refused if one is not there, or is no number although it has to be."""
    known = {str(row[0]): str(row[1]) for row in connection.execute("DESCRIBE linked").fetchall()}
    wanted = list(known if names is None else names)
    if missing := [name for name in wanted if name not in known]:
        raise MethodError("missing-column", f"The linked table has no column {missing[0][:100]}.")
    if numeric and (other := [name for name in wanted if known[name].partition("(")[0] not in NUMERIC]):
        raise MethodError("not-a-number", f"The column {other[0][:100]} of the linked table holds no numbers.")
    return wanted


def _fetch(connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()) -> dict[str, Array]:
    described = connection.execute(f"DESCRIBE {query}", parameters).fetchall()
    types = {str(row[0]): str(row[1]) for row in described}
    chosen = ", ".join(_cast(name, kind) for name, kind in types.items())
    found = connection.execute(f"SELECT {chosen} FROM ({query})", parameters).fetchnumpy()  # noqa: S608 - a method's own SQL
    return {name: _plain(found[name]) for name in types}


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _cast(name: str, kind: str) -> str:
    target = "DOUBLE" if kind.partition("(")[0] in NUMERIC else "VARCHAR"
    return f"CAST({quoted(name)} AS {target}) AS {quoted(name)}"


def _float(name: str) -> str:
    return f"coalesce(CAST({quoted(name)} AS FLOAT), 'nan'::FLOAT) AS {quoted(name)}"


def _plain(values: Array) -> Array:
    if values.dtype.kind == "f":
        return np.asarray(np.ma.filled(values, np.nan))
    texts = np.array(np.ma.getdata(values), dtype=object)
    texts[np.ma.getmaskarray(values)] = None
    return texts
