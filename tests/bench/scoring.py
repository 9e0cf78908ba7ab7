"""The scoring door, against a plain FastAPI + onnxruntime handler and against MLServer, with the same model and the same calls.

Every server has one process on one core, the load comes from another; one turn each, in rounds."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import onnxruntime as ort

from deploy.installation import settings
from deploy.running import ROOT, Program, as_text, free_port
from deploy.tokens import mint
from services.analysis.app import MIGRATIONS
from services.analysis.models import PLUMBING, Base, Grant, GrantState, ReleasedModel
from shared import migrate
from shared.clock import now
from shared.contracts import ModelFormat
from shared.db import Database
from shared.storage import Storage
from tests.bench.figures import Bench, Figure, Promise, at_least, compared
from tests.bench.scoring_peers import FEATURES, INPUT, MODEL, OUTPUT, RUNTIME, TRITON

NAME = "bench.model"
CONNECTIONS = 16
REQUIREMENTS = ROOT / "requirements" / "bench-mlserver.txt"
MLSERVER = ROOT / "var" / "mlserver"
CORES = sorted(os.sched_getaffinity(0))
MINISTRY, CLIENT = "mohw", "scorer@mohw"


def hgb() -> bytes:
    """A boosting of 100 trees on 23 numbers, as ONNX."""
    from skl2onnx import to_onnx
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(7)
    rows = rng.normal(size=(20_000, FEATURES)).astype(np.float32)
    labels = (rows[:, 0] + rows[:, 1] * rows[:, 2] + rng.normal(size=len(rows)) > 0).astype(int)
    model = HistGradientBoostingClassifier(max_iter=100, random_state=7).fit(rows, labels)
    converted = to_onnx(model, rows[:1], target_opset={"": 21, "ai.onnx.ml": 3}, options={"zipmap": False})
    return bytes(converted.SerializeToString())


@dataclass
class Server:
    """A server of the same model: where it listens and what it wants to be told."""

    name: str
    path: str
    program: Program
    port: int
    headers: dict[str, str] = field(default_factory=dict)

    async def start(self) -> None:
        await asyncio.to_thread(self.program.start)
        assert self.program.process is not None
        os.sched_setaffinity(self.program.process.pid, {CORES[0]})
        body = call(np.zeros((1, FEATURES), np.float32), binary=False)[0]
        async with asyncio.timeout(120), httpx.AsyncClient(trust_env=False) as client:
            while True:
                if self.program.ended is not None:
                    raise RuntimeError(f"{self.name} ended:\n{self.program.tail()}")
                try:
                    answer = await client.post(f"http://127.0.0.1:{self.port}{self.path}", content=body, headers=self.headers)
                    if answer.status_code == 200:
                        return
                    if answer.status_code < 500 and answer.status_code != 404:
                        raise RuntimeError(f"{self.name}: {answer.status_code} {answer.text[:300]}")
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)

    def request(self, body: bytes, length: int | None) -> bytes:
        kind = "application/json" if length is None else "application/octet-stream"
        headers = {"Host": "127.0.0.1", "Content-Type": kind, "Content-Length": str(len(body)), **self.headers}
        if length is not None:
            headers["Inference-Header-Content-Length"] = str(length)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def call(rows: np.ndarray[Any, Any], *, binary: bool) -> tuple[bytes, int | None]:
    """A call's body and, if it is binary, where its JSON ends."""
    given: dict[str, Any] = {"name": INPUT, "shape": list(rows.shape), "datatype": "FP32"}
    if not binary:
        asked = {"inputs": [given | {"data": [float(str(value)) for value in rows.ravel()]}], "outputs": [{"name": OUTPUT}]}
        return json.dumps(asked).encode(), None
    given["parameters"] = {"binary_data_size": rows.nbytes}
    asked = {"inputs": [given], "outputs": [{"name": OUTPUT, "parameters": {"binary_data": True}}]}
    head = json.dumps(asked).encode()
    return head + rows.tobytes(), len(head)


@dataclass
class Kitchen:
    """The model, its servers, and how fast each of them is."""

    bench: Bench
    folder: Path
    session: ort.InferenceSession
    seconds: float

    async def speed(self, server: Server, rows: np.ndarray[Any, Any], *, binary: bool) -> float:
        """Requests a second. Every answer must be a success and the last one what the model itself says."""
        file = self.folder / f"{server.name}.request"
        file.write_bytes(server.request(*call(rows, binary=binary)))
        arguments = ["-m", "tests.bench.scoring_load", str(server.port), str(self.seconds), str(CONNECTIONS), str(file)]
        process = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT, stdout=subprocess.PIPE)
        os.sched_setaffinity(process.pid, {CORES[-1]})
        told = json.loads((await process.communicate())[0])
        if told["faults"]:
            raise RuntimeError(f"{server.name}: {told['faults']} answers were errors")
        scores = read(bytes.fromhex(told["answer"]))
        wanted = self.session.run([OUTPUT], {INPUT: rows})[0]
        if not np.array_equal(scores, wanted):
            raise RuntimeError(f"{server.name} answered something else than the model")
        return float(told["requests"] / told["seconds"])

    async def ask_with_triton(self, door: Server) -> None:
        """The client of Triton, which MLServer brings along, reads from the door what the model says."""
        rows = np.random.default_rng(3).normal(size=(50, FEATURES)).astype(np.float32)
        file = self.folder / "rows.npy"
        np.save(file, rows)
        address, token = f"127.0.0.1:{door.port}/analysis/scoring", door.headers["Authorization"].removeprefix("Bearer ")
        command = [str(MLSERVER / "bin" / "python"), "-c", TRITON, address, NAME, token, str(file)]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        read = (await process.communicate())[0].decode().split()
        if read != [self.session.run([OUTPUT], {INPUT: rows})[0].tobytes().hex()] * 2:
            raise RuntimeError("Triton's client read something else than the model gives")

    async def figure(
        self, ours: Server, peer: Server, count: int, promise: Promise, *, binary: bool, theirs_binary: bool | None = None
    ) -> Figure:
        rows = np.random.default_rng(count).normal(size=(count, FEATURES)).astype(np.float32)
        theirs = binary if theirs_binary is None else theirs_binary
        form = "binary" if binary else "JSON"
        what = f"scoring {count} rows as {form}, to {peer.name}" if count > 1 else f"scoring 1 row as {form}, to {peer.name}"
        pair = await compared(
            self.bench, what, lambda: self.speed(ours, rows, binary=binary), lambda: self.speed(peer, rows, binary=theirs),
            rounds=max(3, self.bench.size.rounds),
        )  # fmt: skip
        mine, other = pair.medians
        return Figure(what, f"{mine:,.0f} requests/s; {peer.name} {other:,.0f}", tuple(pair.ratios), promise)


def read(answer: bytes) -> np.ndarray[Any, Any]:
    """The scores in an answer, JSON or binary."""
    head, _, body = answer.partition(b"\r\n\r\n")
    found = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"inference-header-content-length")]
    told = json.loads(body[: int(found[0])] if found else body)["outputs"][0]
    if found:
        return np.frombuffer(body[int(found[0]) :], np.float32).reshape(told["shape"])
    return np.array(told["data"], dtype=np.float32).reshape(told["shape"])


async def ours(folder: Path, data: bytes) -> Server:
    """The door as it is deployed, on a database with one released model and one grant."""
    port = free_port()
    values = settings(folder, f"http://127.0.0.1:{port}")["analysis"]
    names = ("database_url", "storage_url", "jwks", "issuer", "audience", "public_url")
    environment = {f"SCORING_{name.upper()}": as_text(values[name]) for name in names}
    await asyncio.to_thread(migrate.upgrade, MIGRATIONS, values["database_url"])
    stored = await Storage(values["storage_url"]).put_bytes(data, "application/octet-stream")
    db = Database(values["database_url"], Base.metadata, PLUMBING, "analysis")
    model = ReleasedModel(
        name=NAME, release=1, ministry=MINISTRY, method_name="bench", method_release="1.0.0", format=ModelFormat.ONNX,
        sha256=stored.sha256, size=stored.size,
    )  # fmt: skip
    async with db.transaction() as session:
        session.add(model)
        await session.flush()
        session.add(grant_on(model.id))
    await db.close()
    token = mint(folder, "requester", MINISTRY, CLIENT)
    program = serving("the door", "services.analysis.scoring.app:main", port, folder, environment)
    path = f"/analysis/scoring/v2/models/{NAME}/infer"
    return Server("the door", path, program, port, {"Authorization": f"Bearer {token}"})


def grant_on(model_id: UUID) -> Grant:
    return Grant(
        model_id=model_id, ministry=MINISTRY, client=CLIENT, purpose="To be measured.", legal_basis="None.", asked_by=CLIENT,
        valid_from=now() - timedelta(days=1), valid_until=now() + timedelta(days=1), rows_per_day=2**31 - 1,
        state=GrantState.GRANTED,
    )  # fmt: skip


def serving(name: str, factory: str, port: int, folder: Path, environment: dict[str, str]) -> Program:
    arguments = ["-m", "uvicorn", "--factory", factory, "--port", str(port), "--no-access-log", "--log-level", "warning"]
    return Program(name, arguments, folder / f"{name.replace(' ', '-')}.log", environment)


def plain(folder: Path, model: Path) -> Server:
    port = free_port()
    program = serving("a plain handler", "tests.bench.scoring_peers:plain", port, folder, {MODEL: str(model)})
    return Server("a plain handler", "/v2/models/bench/infer", program, port)


@dataclass
class Foreign(Program):
    """A program of another environment."""

    python: Path = Path(sys.executable)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.python, *self.arguments], cwd=self.log.parent, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(self.log.parent)}, start_new_session=True,
            )  # fmt: skip


async def mlserver(folder: Path, model: Path) -> Server:
    """MLServer in an environment of its own under var/, kept for the next time."""
    await asyncio.to_thread(install, MLSERVER)
    port = free_port()
    server = folder / "mlserver"
    server.mkdir()
    (server / "runtime.py").write_text(RUNTIME, encoding="utf-8")
    told = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port(), "parallel_workers": 0, "host": "127.0.0.1"}
    (server / "settings.json").write_text(json.dumps(told | {"debug": False}), encoding="utf-8")
    described = {"name": "bench", "implementation": "runtime.OrtModel", "parameters": {"uri": str(model)}}
    (server / "model-settings.json").write_text(json.dumps(described), encoding="utf-8")
    start = "import sys; sys.path.insert(0, '.'); from mlserver.cli import main; main()"
    program = Foreign("MLServer", ["-c", start, "start", "."], server / "server.log", python=MLSERVER / "bin" / "python")
    return Server("MLServer", "/v2/models/bench/infer", program, port)


def install(home: Path) -> None:
    """Into a virtual environment, once for each state of the requirements."""
    mark = home / "requirements.txt"
    if mark.exists() and mark.read_bytes() == REQUIREMENTS.read_bytes():
        return
    shutil.rmtree(home, ignore_errors=True)
    python, uv = str(home / "bin" / "python"), shutil.which("uv")
    venv.create(home, with_pip=uv is None)
    command = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    subprocess.run([*command, "-q", "--require-hashes", "-r", str(REQUIREMENTS)], check=True)
    shutil.copy(REQUIREMENTS, mark)


@asynccontextmanager
async def running(*servers: Server) -> AsyncIterator[None]:
    try:
        for server in servers:
            await server.start()
        yield
    finally:
        for server in servers:
            await asyncio.to_thread(server.program.stop)


async def opened(bench: Bench) -> tuple[Kitchen, Path, bytes]:
    folder = bench.folder / f"scoring-{len(list(bench.folder.iterdir()))}"
    folder.mkdir(parents=True)
    bench.console.doing("a model is being trained")
    data = await asyncio.to_thread(hgb)
    model = folder / "model.onnx"
    model.write_bytes(data)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return Kitchen(bench, folder, session, 1.0 if bench.size.rounds < 5 else 3.0), model, data


async def measure_plain(bench: Bench) -> list[Figure]:
    """Against what anybody would write in an afternoon."""
    kitchen, model, data = await opened(bench)
    door, peer = await ours(kitchen.folder, data), plain(kitchen.folder, model)
    async with running(door, peer):
        return [
            await kitchen.figure(door, peer, count, at_least(0.9), binary=binary)
            for count in (1, 100)
            for binary in (False, True)
        ]


async def measure_mlserver(bench: Bench) -> list[Figure]:
    """Against MLServer, whose HTTP door takes JSON alone: our binary calls are compared to its JSON ones."""
    kitchen, model, data = await opened(bench)
    bench.console.doing("MLServer is being installed")
    door, peer = await ours(kitchen.folder, data), await mlserver(kitchen.folder, model)
    async with running(door, peer):
        await kitchen.ask_with_triton(door)
        return [
            await kitchen.figure(door, peer, 1, at_least(2), binary=False),
            await kitchen.figure(door, peer, 100, at_least(1.6), binary=False),
            await kitchen.figure(door, peer, 1, at_least(2), binary=True, theirs_binary=False),
            await kitchen.figure(door, peer, 100, at_least(2), binary=True, theirs_binary=False),
        ]
