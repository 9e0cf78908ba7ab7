"""Tables as bundles: what prepare would hand to a method, without the columns that hold the truth."""

from pathlib import Path

from services.analysis.worker.sdk import TABLE_FILE, Bundle
from shared.duck import silent_duckdb

Parameters = dict[str, object]


def bundle_of(
    source: str, folder: Path, *, role: str, key: str, parameters: Parameters, since: dict[str, str] | None = None
) -> Bundle:
    """`source` is SQL that selects the columns of one role; the key becomes a pseudonym."""
    folder.mkdir(parents=True, exist_ok=True)
    with silent_duckdb(threads=1) as connection:
        names = [row[0] for row in connection.execute(f"DESCRIBE {source}").fetchall()]
        chosen = ", ".join(f'"{name}" AS "{role}__{name}"' for name in names if name != key)
        connection.execute(
            f"COPY (SELECT sha256('evaluate' || \"{key}\") AS pseudonym, {chosen} FROM ({source})) "  # noqa: S608 - our own SQL
            f"TO '{folder / TABLE_FILE}' (FORMAT parquet)"
        )
    available = {f"{role}__{name}": day for name, day in (since or {}).items()}
    return Bundle(folder, parameters=parameters, available_from=available)


def silent(progress: float, message: str) -> None:
    """Nobody waits for a report here."""
