"""The same request on the same data gives the same figures, whatever key its pseudonyms are made with."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from deploy.generate import business, welfare
from deploy.generate.blocks import write as generate
from services.analysis.methods import (
    BUILT_IN,
    anomaly_series,
    anomaly_tables,
    clustering,
    cross_tabulation,
    forecasting,
    ghg_anomalies,
    record_linkage,
    regression,
    risk_scoring,
    small_business_crisis,
    welfare_blind_spots,
    welfare_indicators,
)
from services.analysis.prepare.bundle import Builder
from services.analysis.prepare.plan import plan_linkage
from services.analysis.prepare.readers import PARQUET, Limits
from services.analysis.worker.sdk import Bundle, Outputs
from shared.contracts import ApprovedInput, Column, MethodCard
from tests.analysis.examples import both, card, given
from tests.analysis.linked import silent
from tests.analysis.test_anomaly_methods import records, series
from tests.analysis.test_generic_methods import kinds, months, people, register
from tests.analysis.test_risk_scoring import subjects
from tests.analysis.test_welfare_small import survey

Raw = dict[str, Path]
TYPES = {
    "VARCHAR": "string",
    "BIGINT": "integer",
    "INTEGER": "integer",
    "HUGEINT": "integer",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "datetime",
}


def of_columns(folder: Path, columns: dict[str, Any], role: str = "table") -> Raw:
    """One input of these columns, whose subjects are known by their numbers."""
    rows = dict(columns)
    who = rows.pop("pseudonym", np.arange(len(next(iter(columns.values())))))
    found = {name.partition("__")[2] or name: np.asarray(values) for name, values in rows.items()} | {"who": who}
    with duckdb.connect() as connection:
        connection.register("found", found)
        chosen = ", ".join(cell(name, values) for name, values in found.items() if name != "who")
        rows_of = f"SELECT 'no ' || who AS subject, {chosen} FROM found ORDER BY hash(subject)"
        connection.execute(f"COPY ({rows_of}) TO '{folder}/{role}.input' (FORMAT parquet)")
    return {role: folder / f"{role}.input"}


def cell(name: str, values: Any) -> str:
    return f'CASE WHEN isnan("{name}") THEN NULL ELSE "{name}" END AS "{name}"' if values.dtype.kind == "f" else f'"{name}"'


def of_query(folder: Path, role: str, query: str) -> Raw:
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{folder}/{role}.input' (FORMAT parquet)")
    return {role: folder / f"{role}.input"}


def table_of(path: Path) -> tuple[Column, ...]:
    with duckdb.connect() as connection:
        described = connection.execute(f"DESCRIBE SELECT * FROM read_parquet('{path}')").fetchall()
    kinds_of = {str(name): TYPES.get(str(kind), "number") for name, kind, *_ in described}
    return tuple(
        Column(
            name=name,
            type=kind,
            role="key" if name == "subject" else "attribute",
            key_domain="facility" if name == "subject" else None,
        )
        for name, kind in kinds_of.items()
    )


def asked(raw: Raw, folder: Path, keyed_by: tuple[str, ...], parameters: dict[str, Any]) -> Bundle:
    """What a worker gets of one request for these inputs: linked under a key of the request's own."""
    inputs: list[dict[str, Any]] = []
    approved: list[ApprovedInput] = []
    for role, path in raw.items():
        table = table_of(path)
        columns = [each.model_dump(include={"name", "type", "role", "key_domain"}) for each in table]
        inputs.append({"name": role, "title": both("표"), "columns": columns, "keyed_by": keyed_by})
        approved.append(given(role, table, {each.name: each.name for each in table}, b"", media_type=PARQUET))
    linkage = {"key_domain": "facility", "base": next(iter(raw))}
    method = MethodCard.model_validate(card().model_dump() | {"inputs": inputs, "linkage": linkage})
    folder.mkdir()
    for role, path in raw.items():
        (folder / f"{role}.input").write_bytes(path.read_bytes())
    paths = {role: folder / f"{role}.input" for role in raw}
    Builder(folder, Limits(memory_mb=512)).build(plan_linkage(method, tuple(approved)), paths, secrets.token_bytes(32))
    for path in paths.values():
        path.unlink()
    return Bundle(folder, parameters=parameters)


def figures_of(outputs: Outputs) -> dict[str, Any]:
    """Whatever a method gives, but for the pseudonyms and the models' files."""
    lines = outputs.restricted_list or []
    listed = [(line["score"], [each for each in line["reasons"] if not each["code"].startswith("same-as-")]) for line in lines]
    return {
        "tables": outputs.tables,
        "figures": outputs.figures,
        "metrics": outputs.metrics,
        "list": listed,
        "alarms": outputs.alarms,
    }


def generated(maker: Any, rows: int, role: str, key: str) -> Callable[[Path], Raw]:
    def make(folder: Path) -> Raw:
        generate(folder / "made.parquet", maker.blocks(rows, 5))
        query = (
            f"SELECT {key} AS subject, * EXCLUDE ({', '.join([key, *maker.TRUTH])}) FROM read_parquet('{folder}/made.parquet')"
        )
        return of_query(folder, role, query)

    return make


def surveyed(folder: Path) -> Raw:
    (folder / "survey").mkdir()
    path = survey(folder / "survey", size=900).folder
    made: Raw = {}
    with duckdb.connect() as connection:
        names = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM read_parquet('{path}/linked.parquet')").fetchall()]
    for role in ("household", "income", "benefits"):
        own = ", ".join(f'"{name}" AS "{name.partition("__")[2]}"' for name in names if name.startswith(f"{role}__"))
        made |= of_query(folder, role, f"SELECT 'no ' || pseudonym AS subject, {own} FROM read_parquet('{path}/linked.parquet')")
    return made


def emissions(folder: Path) -> Raw:
    """Forty facilities, two streams each, three years; one number in fifty is wrong."""
    random = np.random.default_rng(3)
    facility, stream, month = (each.ravel() for each in np.meshgrid(np.arange(40), np.arange(2), np.arange(36), indexing="ij"))
    amount = (
        (facility + 5.0)
        * (stream + 1)
        * np.exp(random.normal(0, 0.1, len(facility)))
        * np.where(random.random(len(facility)) < 0.02, 10, 1)
    )
    columns = {
        "pseudonym": facility,
        "stream": np.array([f"S{one}" for one in stream], dtype=object),
        "period": np.array([f"{2020 + one // 12}-{one % 12 + 1:02d}" for one in month], dtype=object),
        "reported_tco2e": amount,
        "activity_qty": amount * 2.5 * np.exp(random.normal(0, 0.05, len(facility))),
    }
    return of_columns(folder, columns, "statements")


def numbered(folder: Path) -> Raw:
    columns = subjects(800)
    random = np.random.default_rng(1)
    columns["target"] = columns["income"] * 3 + random.normal(size=800)
    del columns["outcome"], columns["period"]
    return of_columns(folder, columns)


def without_time(folder: Path) -> Raw:
    return of_columns(folder, {name: values for name, values in subjects(800).items() if name != "period"})


def plain(columns: dict[str, Any], role: str = "table") -> Callable[[Path], Raw]:
    return lambda folder: of_columns(folder, columns, role)


CROSSED = {"rows": "region", "columns": "aid", "measure": "wages"}
CASES: dict[str, tuple[Any, Callable[[Path], Raw], tuple[str, ...], dict[str, Any]]] = {
    "cross_tabulation": (cross_tabulation, plain(people(800)), (), CROSSED),
    "clustering": (clustering, plain(kinds(600)), (), {}),
    "forecasting": (forecasting, plain(months(), "series"), ("period",), {}),
    "record_linkage": (record_linkage, plain(register(600, 60)[0]), (), {}),
    "risk_scoring": (risk_scoring, without_time, (), {}),
    "regression": (regression, numbered, (), {}),
    "anomaly_tables": (anomaly_tables, plain(records(600)[0], "records"), (), {}),
    "anomaly_series": (anomaly_series, plain(series(count=24, hours=240)[0], "series"), ("time",), {}),
    "ghg_anomalies": (ghg_anomalies, emissions, ("stream", "period"), {}),
    "welfare_blind_spots": (welfare_blind_spots, surveyed, (), {"train_years": [2013], "test_year": 2014}),
    "welfare_indicators": (welfare_indicators, generated(welfare, 7_200, "indicators", "subject_key"), ("as_of_month",), {}),
    "small_business_crisis": (small_business_crisis, generated(business, 9_000, "business", "biz_key"), ("as_of_month",), {}),
}


def test_every_method_that_is_built_in_is_asked() -> None:
    assert {name.rpartition(".")[2] for name in BUILT_IN} == CASES.keys()


# Three whole runs of each method; those that fit the most are left to .ci/run.
LONG = ("risk_scoring", "regression", "small_business_crisis", "welfare_indicators")


@pytest.mark.timeout(900)
@pytest.mark.fit
@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in CASES])
def test_three_requests_on_one_version_of_the_data_get_the_same_figures(tmp_path: Path, name: str) -> None:
    module, make, keyed_by, parameters = CASES[name]
    raw = make(tmp_path)
    found, names = [], []
    for at in range(3):
        bundle = asked(raw, tmp_path / f"request-{at}", keyed_by, parameters)
        names.append(set(bundle.columns(["pseudonym"])["pseudonym"].tolist()))
        found.append(figures_of(module.run(bundle, silent)))
    assert not names[0] & names[1], "each request has pseudonyms of its own"
    assert found[0] == found[1] == found[2]
