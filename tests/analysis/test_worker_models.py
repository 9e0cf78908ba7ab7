"""A stock worker hosts models that bring no code: an ONNX file with a manifest, and a model on another server."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from shared.contracts import Outcome, OutputKind
from tests.analysis import onnx_models
from tests.analysis.worker_process import WorkerProcess
from tests.analysis.worker_stub import Stub, StubRun, eventually

pytestmark = pytest.mark.heavy


class InferenceServer(ThreadingHTTPServer):
    """An Open Inference Protocol server of somebody else, with the same model; `mood` makes it misbehave."""

    def __init__(self, body: bytes) -> None:
        self.session = onnxruntime.InferenceSession(body, providers=["CPUExecutionProvider"])
        self.mood = "well"
        self.asked: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: InferenceServer

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked | {"path": self.path})
        tensor = asked["inputs"][0]
        values = [np.nan if value is None else value for value in tensor["data"]]
        rows = np.array(values, np.float32).reshape(tensor["shape"])
        found = self.server.session.run([asked["outputs"][0]["name"]], {tensor["name"]: rows})[0]
        if self.server.mood == "short":
            found = found[:-1]
        output = {"name": "probabilities", "datatype": "FP32", "shape": list(found.shape), "data": found.ravel().tolist()}
        body = b"wages 51,234,000" if self.server.mood == "garbage" else json.dumps({"outputs": [output]}).encode()
        self.send_response(503 if self.server.mood == "away" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def body() -> bytes:
    return onnx_models.model()


@pytest.fixture(scope="module")
def elsewhere(body: bytes) -> Iterator[InferenceServer]:
    server = InferenceServer(body)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    stub = Stub().start()
    yield stub
    stub.stop()


@pytest.fixture(scope="module")
def worker(
    stub: Stub, elsewhere: InferenceServer, body: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WorkerProcess]:
    folder = tmp_path_factory.mktemp("hosting")
    models = folder / "models"
    onnx_models.write(models / "here", onnx_models.manifest(), body)
    remote = {"url": elsewhere.url, "model": "plant", "version": "3", "seconds": 5}
    onnx_models.write(models / "there", onnx_models.manifest(onnx_models.card("far_score"), remote=remote), None)
    onnx_models.write(models / "other_output", onnx_models.manifest(onnx_models.card("other_output"), output="nothing"), body)
    onnx_models.write(models / "no_column", onnx_models.manifest(features=[{"name": "x", "column": "income__x"}]), body)
    onnx_models.write(models / "no_model", onnx_models.manifest(onnx_models.card("no_model")), b"this is no ONNX file")
    worker = WorkerProcess(stub.url, folder / "worker", folder / "none", stub.worker_token, ("--models", str(models)), hosted=())
    try:
        worker.ready()
        yield worker
    finally:
        assert worker.end() == 0


def carried_out(stub: Stub, name: str, folder: Path, **parameters: Any) -> StubRun:
    files = {"linked.parquet": onnx_models.linked(folder)}
    run = stub.queue(StubRun(name, {"capacity": 50} | parameters, files, memory_mb=512))
    eventually(lambda: run.finish is not None)
    return run


def listed(run: StubRun) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.artefacts[OutputKind.RESTRICTED_LIST, "highest"].splitlines()]


def test_an_onnx_file_with_a_manifest_is_a_method(stub: Stub, worker: WorkerProcess, body: bytes, tmp_path: Path) -> None:
    run = carried_out(stub, "plant_score", tmp_path)
    assert run.finish is not None
    assert run.finish.outcome is Outcome.SUCCEEDED, run.finish.reason
    session = onnxruntime.InferenceSession(body, providers=["CPUExecutionProvider"])
    scores = session.run(["probabilities"], {"input": onnx_models.matrix()})[0][:, 1]
    rows = listed(run)
    assert len(rows) == 50
    assert {row["pseudonym"] for row in rows} == {f"{at:064x}" for at in np.argsort(-scores, kind="stable")[:50]}
    assert all(abs(row["score"] - scores[int(row["pseudonym"], 16)]) < 1e-5 for row in rows)
    assert all(1 <= len(row["reasons"]) <= 3 for row in rows)
    assert rows[0]["reasons"][0]["code"] == "input-wages"
    table = json.loads(run.artefacts[OutputKind.TABLE, "score_bands"])
    assert sum(row[1] for row in table["rows"]) == onnx_models.ROWS
    assert min(row[1] for row in table["rows"]) >= 10


def test_a_model_on_another_server_gives_the_same(
    stub: Stub, worker: WorkerProcess, elsewhere: InferenceServer, tmp_path: Path
) -> None:
    elsewhere.asked.clear()
    run = carried_out(stub, "far_score", tmp_path)
    assert run.finish is not None
    assert run.finish.outcome is Outcome.SUCCEEDED, run.finish.reason
    here = carried_out(stub, "plant_score", tmp_path)
    assert [(row["pseudonym"], row["score"]) for row in listed(run)] == [(row["pseudonym"], row["score"]) for row in listed(here)]
    assert {asked["path"] for asked in elsewhere.asked} == {"/v2/models/plant/versions/3/infer"}
    assert f"{5:064x}" not in json.dumps(elsewhere.asked), "no pseudonym leaves for the other server"


@pytest.mark.parametrize(
    ("mood", "told"),
    [("short", "one finite score for each row"), ("garbage", "not JSON"), ("away", "answered 503")],
)
def test_a_server_that_misbehaves_fails_its_run_alone(
    stub: Stub, worker: WorkerProcess, elsewhere: InferenceServer, tmp_path: Path, mood: str, told: str
) -> None:
    elsewhere.mood = mood
    try:
        run = carried_out(stub, "far_score", tmp_path)
    finally:
        elsewhere.mood = "well"
    assert run.finish is not None
    assert run.finish.reason is not None
    assert run.finish.reason.code == "remote-failed"
    assert told in run.finish.reason.detail
    assert "51,234,000" not in run.finish.reason.detail
    again = carried_out(stub, "far_score", tmp_path).finish
    assert again is not None
    assert again.outcome is Outcome.SUCCEEDED


def test_a_manifest_that_does_not_fit_is_not_announced(stub: Stub, worker: WorkerProcess) -> None:
    assert {name for name, _ in stub.methods} >= {"plant_score", "far_score", "other_output", "no_model"}
    refused = [line for line in worker.log if line["message"] == "a method cannot be hosted"]
    assert [Path(line["method"]).name for line in refused] == ["no_column"]


@pytest.mark.parametrize(("name", "code"), [("other_output", "method-refused-input"), ("no_model", "method-crashed")])
def test_a_model_that_is_none_fails_with_a_reason(
    stub: Stub, worker: WorkerProcess, tmp_path: Path, name: str, code: str
) -> None:
    run = carried_out(stub, name, tmp_path)
    assert run.finish is not None
    assert run.finish.reason is not None
    assert run.finish.reason.code == code
