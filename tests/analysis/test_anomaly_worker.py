"""The built-in searches for anomalies in a real worker's confined child; and a model of one round beside the next one there."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import numpy as np
import pytest

from deploy.evaluate import ghg
from services.analysis.methods import anomaly_series, anomaly_tables, ghg_anomalies
from services.analysis.worker import hosting
from services.analysis.worker.sdk import CHAMPION_FILE
from services.results.disclosure import Rules, check_figure, check_metrics, check_table, read_line
from shared.contracts import Outcome, OutputKind
from tests.analysis.worker_process import WorkerProcess
from tests.analysis.worker_stub import Stub, StubRun, eventually

pytestmark = pytest.mark.heavy

PATIENCE = 280
HOSTED = ("ghg_anomalies", "anomaly_tables", "anomaly_series", "forecasting")


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory, cards: Path) -> Iterator[Stub]:
    """With one worker."""
    stub = Stub().start()
    folder = tmp_path_factory.mktemp("worker")
    worker = WorkerProcess(stub.url, folder, folder / "none", stub.worker_token, hosted=HOSTED, cards=cards)
    try:
        worker.ready()
        yield stub
    finally:
        code = worker.end()
        stub.stop()
    assert code == 0


def finished(stub: Stub, method: str, linked: bytes, *, memory_mb: int, champion: bytes | None = None) -> StubRun:
    files = {"linked.parquet": linked} | ({CHAMPION_FILE: champion} if champion else {})
    run = stub.queue(StubRun(method, {}, files, seconds=PATIENCE, memory_mb=memory_mb))
    eventually(lambda: run.finish is not None, seconds=PATIENCE)
    assert run.finish is not None
    assert run.finish.reason is None
    assert run.finish.outcome is Outcome.SUCCEEDED
    return run


def check_leaves(run: StubRun) -> None:
    """All of it passes disclosure control as the results service holds it."""
    rules = Rules.load()
    named = {kind: {name: body for (which, name), body in run.artefacts.items() if which is kind} for kind in OutputKind}
    tables = {name: check_table(json.loads(body), rules) for name, body in named[OutputKind.TABLE].items()}
    assert tables
    assert {name: verdict.findings for name, verdict in tables.items() if not verdict.passed} == {}
    assert all(check_metrics(json.loads(body), rules).passed for body in named[OutputKind.METRICS].values())
    assert all(check_figure(json.loads(body), name, tables, rules).passed for name, body in named[OutputKind.FIGURE].items())
    lines = [read_line(line) for body in named[OutputKind.RESTRICTED_LIST].values() for line in body.splitlines()]
    assert len(lines) > 5
    assert all(line.reasons for line in lines)


def parquet(folder: Path, columns: Mapping[str, object]) -> bytes:
    with duckdb.connect() as connection:
        connection.register("found", columns)
        connection.execute(f"COPY (SELECT * FROM found) TO '{folder / 'linked.parquet'}' (FORMAT parquet)")
    return (folder / "linked.parquet").read_bytes()


def test_they_are_announced_with_what_they_share(stub: Stub) -> None:
    for method in (ghg_anomalies, anomaly_tables, anomaly_series):
        announced = stub.announced(method.CARD.name)
        assert announced.card == method.CARD
        code = hosting.locate(method.__name__)
        assert announced.digest == code.digest
        assert "services/analysis/methods/deviation/__init__.py" in code.files
    assert any(name.endswith("data/fuels.json") for name in hosting.locate(ghg_anomalies.__name__).files)


def test_a_hundred_thousand_statements_are_searched_within_their_memory(stub: Stub, tmp_path: Path) -> None:
    bundle, truth = ghg.link(tmp_path, 100_000, 21)
    run = finished(stub, "ghg_anomalies", (bundle.folder / "linked.parquet").read_bytes(), memory_mb=700)
    check_leaves(run)
    listed = {json.loads(line)["pseudonym"] for line in run.artefacts[OutputKind.RESTRICTED_LIST, "review_list"].splitlines()}
    planted = {one["pseudonym"] for one in truth}
    assert len(listed & planted) > 0.85 * len(planted)
    assert {kind for kind, _ in run.artefacts} == set(OutputKind) - {OutputKind.LOG}


def test_records_and_series_are_searched(stub: Stub, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    names = np.array([f"{at:064x}" for at in range(3000)], dtype=object)
    size = np.exp(random.normal(8, 1, 3000))
    power = np.where(random.random(3000) < 0.02, 8.0, 1.0) * size
    table = {"pseudonym": names, "records__sales": size, "records__staff": np.round(size / 90), "records__power": power}
    check_leaves(finished(stub, "anomaly_tables", parquet(tmp_path, table), memory_mb=500))
    hours = (np.datetime64("2024-01-01T00:00", "m") + 60 * np.arange(480)).astype(str).astype(object)
    value = 50 + 20 * np.sin(np.arange(480) * np.pi / 12) + random.normal(0, 1, (20, 480))
    value[:15, 200:230] *= 0.5
    series = {"pseudonym": np.repeat(names[:20], 480), "series__time": np.tile(hours, 20), "series__value": value.ravel()}
    check_leaves(finished(stub, "anomaly_series", parquet(tmp_path, series), memory_mb=500))


def test_the_model_of_one_round_lies_beside_the_next(stub: Stub, tmp_path: Path) -> None:
    at = np.repeat(np.arange(60), 12)
    months = {
        "pseudonym": np.tile(np.array([f"{person:064x}" for person in range(12)], dtype=object), 60),
        "series__period": (np.datetime64("2019-01") + at).astype("datetime64[D]").astype(str).astype(object),
        "series__value": 50 + 9 * np.sin(at * np.pi / 6) + np.random.default_rng(6).normal(0, 1, 720),
    }
    early = {name: values[: 12 * 50] for name, values in months.items()}
    statements = [(ghg.link(tmp_path, 2500, seed)[0].folder / "linked.parquet").read_bytes() for seed in (24, 25)]
    rounds = {
        ("ghg_anomalies", "expected_model"): statements,
        ("forecasting", "forecast_model"): [parquet(tmp_path, early), parquet(tmp_path, months)],
    }
    for (method, name), (first, second) in rounds.items():
        model = finished(stub, method, first, memory_mb=600).artefacts[OutputKind.MODEL, name]
        run = finished(stub, method, second, memory_mb=600, champion=model)
        table = json.loads(run.artefacts[OutputKind.TABLE, "champion"])
        assert [row[0] for row in table["rows"]] == ["champion", "challenger"]
        assert check_table(table, Rules.load()).passed
