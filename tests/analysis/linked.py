"""Linked tables for methods, as prepare would write them, out of columns."""

import hashlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import numpy as np
import pytest

from services.analysis.worker.sdk import Bundle, Outputs
from services.results.disclosure.figures import check_figure
from services.results.disclosure.metrics import check_metrics
from services.results.disclosure.rules import Rules
from services.results.disclosure.tables import check_table

RULES = Rules.load()


def pseudonyms(count: int) -> Any:
    return np.array([hashlib.sha256(f"a key of this request{at}".encode()).hexdigest() for at in range(count)], dtype=object)


def write(folder: Path, columns: dict[str, Any], role: str = "table", **more: Any) -> Bundle:
    """A bundle of these columns (None and NaN are NULL), of one role; `pseudonym` is made if it is not given."""
    count = len(next(iter(columns.values())))
    rows = {"pseudonym": columns.pop("pseudonym", None)} if "pseudonym" in columns else {"pseudonym": pseudonyms(count)}
    rows |= {f"{role}__{name}": np.asarray(values) for name, values in columns.items()}
    folder.mkdir(parents=True, exist_ok=True)
    chosen = ", ".join(
        f'CASE WHEN isnan("{name}") THEN NULL ELSE "{name}" END AS "{name}"' if values.dtype.kind == "f" else f'"{name}"'
        for name, values in rows.items()
    )
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"COPY (SELECT {chosen} FROM rows) TO '{folder / 'linked.parquet'}' (FORMAT parquet)")
    return Bundle(folder, **more)


def write_as_it_is(folder: Path, columns: dict[str, Any], **parameters: Any) -> Bundle:
    """A bundle of these columns under their own names, each value as it stands."""
    with duckdb.connect() as connection:
        connection.register("found", columns)
        connection.execute(f"COPY (SELECT * FROM found) TO '{folder / 'linked.parquet'}' (FORMAT parquet)")
    return Bundle(folder, parameters)


def generated(
    maker: ModuleType, role: str, key: str, table: Path, folder: Path, change: str, parameters: dict[str, Any]
) -> Bundle:
    """A bundle of a table that a maker of deploy/generate wrote, without its truth and with its columns changed."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"threads": 1}) as connection:
        source = f"(SELECT {change} FROM (SELECT * EXCLUDE ({', '.join(maker.TRUTH)}) FROM read_parquet('{table}')))"
        names = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
        chosen = ", ".join(f'"{name}" AS "{role}__{name}"' for name in names if name != key)
        connection.execute(f"COPY (SELECT sha256({key}) AS pseudonym, {chosen} FROM {source}) TO '{folder / 'linked.parquet'}'")
    since = {f"{role}__{name}": day for name, day in maker.AVAILABLE_FROM.items()}
    return Bundle(folder, parameters=parameters, available_from=since)


def run_and_keep(method: ModuleType, name: str, bundle: Bundle) -> tuple[Outputs, Any]:
    """The outputs of one run of this method, and what its function of this name returned in it."""
    module, kept = sys.modules[f"{method.__name__}.run"], []
    original = getattr(module, name)

    def keep(*args: Any, **more: Any) -> Any:
        kept.append(original(*args, **more))
        return kept[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, keep)
        outputs = method.run(bundle, silent)
    (study,) = kept
    return outputs, study


def silent(progress: float, message: str) -> None:
    """A report that nobody reads."""


def records(table: dict[str, Any]) -> list[dict[str, Any]]:
    names = [column["name"] for column in table["columns"]]
    return [dict(zip(names, row, strict=True)) for row in table["rows"]]


def value(outputs: Outputs, name: str) -> float:
    return float(next(one["value"] for one in outputs.metrics["summary"]["figures"] if one["name"] == name))


def withheld(outputs: Outputs) -> dict[str, Any]:
    """What the disclosure check finds in each table and in the metrics."""
    found = {name: check_table(table, RULES).findings for name, table in outputs.tables.items()}
    found |= {name: check_metrics(metrics, RULES).findings for name, metrics in outputs.metrics.items()}
    return {name: findings for name, findings in found.items() if findings}


def check_passes(outputs: Outputs) -> None:
    """Everything passes the disclosure check, and each figure draws columns that its table has."""
    assert withheld(outputs) == {}
    for name, spec in outputs.figures.items():
        table = outputs.tables[spec["data"]["name"]]
        assert drawn_columns(spec) <= {column["name"] for column in table["columns"]}
        assert check_figure(spec, name, {table["name"]: table}, RULES).findings == ()


def drawn_columns(value: Any) -> set[str]:
    """Every column that a figure draws, in either language."""
    if isinstance(value, list):
        return {name for part in value for name in drawn_columns(part)}
    if not isinstance(value, dict):
        return set()
    own = value.get("field", [])
    names = {own} if isinstance(own, str) else set(own.values()) if isinstance(own, dict) else set()
    return names | {name for part in value.values() for name in drawn_columns(part)}
