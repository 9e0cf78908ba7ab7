"""Writes the file that readers get, where the one that was sent is not in the form that all of them take."""

from collections.abc import Mapping
from pathlib import Path

from duckdb import DuckDBPyConnection

from services.catalog.profile.engine import name, text
from services.catalog.schemas.reports import Fault

CONVERTED = "converted"


class UnreadableError(Exception):
    """Two readings of a file disagree."""

    fault = Fault.UNREADABLE


def even_out(path: Path, target: Path, *, blank_from: int | None) -> None:
    """A copy whose records end in LF; from line `blank_from` on there are only blank lines, which go.

    Only for a file whose quotation marks are sound: a line break within them stays as it is."""
    inside = False
    with path.open("rb") as source, target.open("wb") as file:
        for number, line in enumerate(source, start=1):
            if blank_from is not None and number >= blank_from:
                break
            inside ^= line.count(b'"') % 2 == 1
            file.write(line if inside else line.removesuffix(b"\n").removesuffix(b"\r") + b"\n")


def write_csv(engine: DuckDBPyConnection, source: str, cells: Mapping[str, str], target: Path, rows: int) -> None:
    """CSV as RFC 4180 has it: UTF-8, commas, LF, the machine names as header, empty for NULL."""
    # A single column would make a blank line of NULL, which no reader takes for a row.
    alone = len(cells) == 1
    values = {column: f"coalesce({sql}, '')" if alone else sql for column, sql in cells.items()}
    wanted = ", ".join(f"{sql} AS {name(column)}" for column, sql in values.items())
    quotes = ", FORCE_QUOTE *" if alone else ""
    options = f"FORMAT csv, HEADER true, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR ''{quotes}"
    written = engine.execute(f"COPY (SELECT {wanted} FROM {source}) TO {text(str(target))} ({options})").fetchone()  # noqa: S608  column names are checked, the path is ours
    if written != (rows,):
        raise UnreadableError


def write_parquet(engine: DuckDBPyConnection, source: str, cells: Mapping[str, str], target: Path, rows: int) -> None:
    """Parquet with the columns of the table, in its types."""
    wanted = ", ".join(f"{sql} AS {name(column)}" for column, sql in cells.items())
    options = "FORMAT parquet, ROW_GROUP_SIZE 122880, COMPRESSION zstd"
    written = engine.execute(f"COPY (SELECT {wanted} FROM {source}) TO {text(str(target))} ({options})").fetchone()  # noqa: S608  as above
    if written != (rows,):
        raise UnreadableError
