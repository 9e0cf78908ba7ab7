"""The servers that the bench asks: the door as it is deployed, a plain handler, and MLServer in an environment of its own."""

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

from deploy.installation import settings
from deploy.running import ROOT, Program, as_text, free_port
from deploy.tokens import mint
from services.analysis.app import MIGRATIONS
from services.analysis.models import PLUMBING, Base, Grant, GrantState, ReleasedModel
from shared import migrate
from shared.clock import now
from shared.contracts import ModelFormat
from shared.db import Database
from shared.members import keep_member
from shared.storage import Storage
from tests.bench.scoring_peers import FEATURES, INPUT, MODEL, OUTPUT, RUNTIME

NAME = "bench.model"
REQUIREMENTS = ROOT / "requirements" / "bench-mlserver.txt"
MLSERVER = ROOT / "var" / "mlserver"
CORES = sorted(os.sched_getaffinity(0))
MINISTRY, CLIENT = "mohw", "scorer@mohw"


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
        await keep_member(session, MINISTRY, 0)
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


def install(home: Path, requirements: Path = REQUIREMENTS) -> None:
    """Into a virtual environment, once for each state of the requirements."""
    mark = home / "requirements.txt"
    if mark.exists() and mark.read_bytes() == requirements.read_bytes():
        return
    shutil.rmtree(home, ignore_errors=True)
    python, uv = str(home / "bin" / "python"), shutil.which("uv")
    venv.create(home, with_pip=uv is None)
    command = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    subprocess.run([*command, "-q", "--require-hashes", "-r", str(requirements)], check=True)
    shutil.copy(requirements, mark)


@asynccontextmanager
async def running(*servers: Server) -> AsyncIterator[None]:
    try:
        for server in servers:
            await server.start()
        yield
    finally:
        for server in servers:
            await asyncio.to_thread(server.program.stop)
