"""The supervised methods inside a worker's confined child: announced, claimed, run, every output taken, alarms carried."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from deploy.generate import business, welfare
from deploy.generate.blocks import write as generate
from services.analysis.methods import BUILT_IN
from shared.contracts import Outcome, OutputKind
from tests.analysis.linked import write
from tests.analysis.worker_process import WorkerProcess
from tests.analysis.worker_stub import Stub, StubRun, eventually

pytestmark = pytest.mark.heavy


@pytest.fixture
def stub(tmp_path: Path, cards: Path) -> Iterator[Stub]:
    stub = Stub().start()
    worker = WorkerProcess(stub.url, tmp_path / "worker", tmp_path / "none", stub.worker_token, hosted=list(MAKERS), cards=cards)
    try:
        worker.ready()
        yield stub
    finally:
        worker.end()
        stub.stop()


def table(folder: Path) -> bytes:
    random = np.random.default_rng(1)
    debt, income = random.exponential(size=600), random.normal(size=600)
    outcome = random.random(600) < 1 / (1 + np.exp(1 - debt + income))
    columns = {
        "period": np.repeat([2021, 2022, 2023], 200),
        "outcome": outcome,
        "target": debt + income,
        "debt": debt,
        "income": income,
        "closing": outcome + 0.01 * random.normal(size=600),
        "trade": random.choice(["food", "repair"], 600).astype(object),
    }
    write(folder, columns)
    return (folder / "linked.parquet").read_bytes()


def generated(folder: Path, maker: Any, role: str, key: str) -> bytes:
    generate(folder / "table.parquet", maker.blocks(12_000, 4))
    with duckdb.connect() as connection:
        source = f"(SELECT * EXCLUDE ({', '.join(maker.TRUTH)}) FROM read_parquet('{folder / 'table.parquet'}'))"
        names = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
        chosen = ", ".join(f'"{name}" AS "{role}__{name}"' for name in names if name != key)
        target = folder / "linked.parquet"
        connection.execute(f"COPY (SELECT sha256({key}) AS pseudonym, {chosen} FROM {source}) TO '{target}'")
    return target.read_bytes()


MAKERS: dict[str, Callable[[Path], bytes]] = {
    "risk_scoring": table,
    "regression": table,
    "welfare_indicators": lambda folder: generated(folder, welfare, "indicators", "subject_key"),
    "small_business_crisis": lambda folder: generated(folder, business, "business", "biz_key"),
}


def test_every_method_runs_in_a_confined_child_and_its_outputs_are_taken(stub: Stub, tmp_path: Path) -> None:
    assert {name.rpartition(".")[2] for name in BUILT_IN} >= set(MAKERS)
    runs = {}
    for name, make in MAKERS.items():
        (tmp_path / name).mkdir()
        parameters = {"left_out": ["target" if name == "risk_scoring" else "outcome"]} if make is table else {}
        files = {"linked.parquet": make(tmp_path / name)}
        runs[name] = stub.queue(StubRun(name, parameters, files, memory_mb=1024))
    eventually(lambda: all(run.finish for run in runs.values()), seconds=240)
    for name, run in runs.items():
        assert run.finish
        assert run.finish.outcome is Outcome.SUCCEEDED, (name, run.finish)
        kinds = {kind for kind, _ in run.artefacts}
        assert {OutputKind.TABLE, OutputKind.FIGURE, OutputKind.METRICS, OutputKind.RESTRICTED_LIST} <= kinds
        assert json.loads(run.artefacts[OutputKind.METRICS, "summary"])["figures"]
    alarms = runs["risk_scoring"].finish.alarms if runs["risk_scoring"].finish else []
    assert {alarm.feature for alarm in alarms} == {None, "closing"}
