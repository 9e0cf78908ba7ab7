"""The scoring door as it is deployed, a process of its own: what well-known clients send, bodies without end, crashes.

`clients/*.http` is what the unmodified Python clients of Triton and KServe sent to the door, byte for byte; only the token is
written in. `make bench` runs the client of Triton itself."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvloop
from sqlmodel import select

from deploy.running import Program, free_port, wait_ready
from services.analysis.app import MIGRATIONS
from services.analysis.models import PLUMBING, Base, ScoringBatch
from shared import migrate
from shared.db import Database
from shared.keys import KeyPair
from shared.storage import Storage
from tests.analysis.scoring import BASE, NAME, Furniture, echo, expected, linear, tensor
from tests.conftest import AUDIENCE, ISSUER, MEMBERS, let_join

pytestmark = pytest.mark.heavy

CLIENTS = sorted((Path(__file__).parent / "clients").glob("*.http"))
ROWS = [[1.0, 2.0, 3.0], [4.0, 0.5, -1.0]]
PATH = f"{BASE}/v2/models/{NAME}/infer"


@dataclass
class Server:
    program: Program
    port: int
    token: str
    database: str

    def start(self) -> None:
        self.program.start()
        wait_ready(self.program, f"http://127.0.0.1:{self.port}{BASE}/v2/health/ready", tell=lambda _: None)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send bytes as they are, and read one answer."""
        with closing(self.connect()) as connection:
            connection.sendall(request.replace(b"TOKEN", self.token.encode()))
            return answered(connection)

    def score(self) -> tuple[int, Any]:
        body = json.dumps(tensor(ROWS)).encode()
        status, _, data = self.ask(head(f"Content-Length: {len(body)}") + body)
        return status, json.loads(data)

    def rows(self) -> int:
        async def count() -> int:
            db = Database(self.database, Base.metadata, PLUMBING, "analysis")
            async with db.reading() as session:
                found = sum((await session.exec(select(ScoringBatch.rows))).all())
            await db.close()
            return found

        return int(uvloop.run(count()))


def head(*lines: str) -> bytes:
    told = "".join(f"{line}\r\n" for line in lines)
    return f"POST {PATH} HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer TOKEN\r\nConnection: close\r\n{told}\r\n".encode()


def answered(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    response = HTTPResponse(connection)
    response.begin()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, identity: KeyPair) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("door")
    database = f"sqlite+aiosqlite:///{folder}/analysis.db"
    migrate.upgrade(MIGRATIONS, database)

    async def furnish() -> None:
        db = Database(database, Base.metadata, PLUMBING, "analysis")
        furniture = Furniture(db, Storage((folder / "objects").as_uri()))
        await furniture.grant(await furniture.release(linear()))
        await furniture.grant(await furniture.release(echo(), name="demo.echo"))
        await let_join(db, MEMBERS)
        await db.close()

    uvloop.run(furnish())
    environment = {
        "SCORING_DATABASE_URL": database, "SCORING_STORAGE_URL": (folder / "objects").as_uri(), "SCORING_ISSUER": ISSUER,
        "SCORING_JWKS": str(identity.jwks_path), "SCORING_AUDIENCE": AUDIENCE, "SCORING_BODY_LIMIT": str(4 * 1024 * 1024),
    }  # fmt: skip
    port = free_port()
    arguments = ["-m", "uvicorn", "--factory", "services.analysis.scoring.app:main", "--port", str(port), "--no-access-log"]
    token = identity.mint(issuer=ISSUER, audience=AUDIENCE, subject="scorer.mohw", ministry="mohw", roles=["requester"], ttl=3600)
    found = Server(Program("door", arguments, folder / "door.log", environment), port, token, database)
    found.start()
    yield found
    found.program.stop()


# Clients that were written for others


def requests(file: Path) -> list[bytes]:
    """The requests of a recording, one by one."""
    found, data = [], file.read_bytes()
    while data:
        first, _, rest = data.partition(b"\r\n\r\n")
        lengths = [line.split(b": ")[1] for line in first.split(b"\r\n") if line.lower().startswith(b"content-length")]
        size = int(lengths[0]) if lengths else 0
        found.append(first + b"\r\n\r\n" + rest[:size])
        data = rest[size:]
    return found


def outputs(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """What an answer gives, JSON or binary, as lists."""
    length = int(headers.get("inference-header-content-length", len(body)))
    told, at, found = json.loads(body[:length]), length, {}
    for each in told["outputs"]:
        size = each.get("parameters", {}).get("binary_data_size")
        if size is None:
            found[each["name"]] = each["data"]
        else:
            found[each["name"]] = body[at : at + size]
            at += size
    assert at == len(body)
    return found


SCORES = expected(ROWS).ravel()
ECHO: dict[str, np.generic] = {
    "f_out": np.float32(0.5),
    "d_out": np.float64(1.5),
    "i_out": np.int32(7),
    "l_out": np.int64(2**40),
    "b_out": np.bool(True),
}


def check(name: str, given: dict[str, Any]) -> None:
    if "demo.echo" in name:
        assert [given[each] in (value.tobytes(), [value.item()]) for each, value in ECHO.items()] == [True] * 5
        assert given["s_out"] in (b"\x06\0\0\0" + "한글".encode(), ["한글"])
    else:
        assert given["score"] in (SCORES.tobytes(), SCORES.tolist())
        assert given.get("flagged", b"\0\x01") in (b"\0\x01", [False, True])


@pytest.mark.parametrize("file", CLIENTS, ids=[file.stem for file in CLIENTS])
def test_what_a_client_sends_is_answered(server: Server, file: Path) -> None:
    scored = 0
    for request in requests(file):
        line = request.split(b"\r\n", 1)[0].decode()
        status, headers, body = server.ask(request)
        if "nothing" in line:
            assert (status, json.loads(body)["error"]) == (404, "There is no such model.")
            continue
        assert status == 200, (line, body)
        if line.startswith("POST"):
            check(line, outputs(headers, body))
            scored += 1
        elif "ready" in line:
            assert json.loads(body)["ready"] is True
        elif "live" in line:
            assert json.loads(body)["live"] is True
    assert scored >= 4


# Bodies without end

GIGABYTE = 1 << 30


def test_a_gigabyte_that_is_announced(server: Server) -> None:
    with closing(server.connect()) as connection:
        connection.sendall(head(f"Content-Length: {GIGABYTE}").replace(b"TOKEN", server.token.encode()) + b"[" * 1000)
        status, _, body = answered(connection)
    assert (status, json.loads(body)["limit_bytes"]) == (413, 4 * 1024 * 1024)
    assert server.score()[0] == 200


def test_a_gigabyte_that_is_not_announced(server: Server) -> None:
    """It is cut at the limit: of a gigabyte little more than the limit and what the network holds is taken."""
    chunk = b"10000\r\n" + b"[" * 0x10000 + b"\r\n"
    sent = 0
    with closing(server.connect()) as connection:
        connection.sendall(head("Transfer-Encoding: chunked").replace(b"TOKEN", server.token.encode()))
        try:
            while sent < GIGABYTE:
                connection.sendall(chunk)
                sent += 0x10000
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert 4 * 1024 * 1024 <= sent < GIGABYTE // 2
    assert server.score()[0] == 200


def test_callers_who_leave_in_the_middle(server: Server) -> None:
    for part in (b"", b"{", b'{"inputs":' * 100):
        with closing(server.connect()) as connection:
            connection.sendall(head("Content-Length: 100000").replace(b"TOKEN", server.token.encode()) + part)
    assert server.score()[0] == 200


# Crashes


def wait_for(look: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not look():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_counts_survive_a_crash_and_the_last_ones_an_orderly_end(server: Server) -> None:
    wait_for(lambda: server.score()[0] == 200)
    before = server.rows()
    wait_for(lambda: server.rows() > before)
    kept = server.rows()
    process = server.program.process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert server.rows() >= kept
    kept = server.rows()
    server.start()
    for _ in range(5):
        assert server.score()[0] == 200
    server.program.stop()
    assert server.rows() == kept + 5 * len(ROWS)
    server.start()
