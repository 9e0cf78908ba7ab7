"""The newest checkpoint leaves by itself, to a folder or by HTTP, and is what the verifier takes."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.verify_audit import main
from shared.audit_seal import Sealer
from shared.audit_verify import Verdict, verify
from shared.checkpoints import Address, CheckpointSender, Folder, NotTaken, destination_of
from shared.db import Database
from shared.keys import SigningKey
from tests.conftest import Client
from tests.shared.test_audit import write
from tests.waiting import eventually


@dataclass
class Receiver:
    """Whoever takes checkpoints by HTTP: what came, and the status that it answers with."""

    status: int = 201
    url: str = ""
    bodies: list[Any] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            receiver.authorizations.append(self.headers["Authorization"])
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/checkpoints"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


async def test_each_is_a_file_that_is_never_replaced_and_verifies(db: Database, tmp_path: Path) -> None:
    key, place = SigningKey.ensure(tmp_path / "audit.pem"), tmp_path / "held" / "by" / "auditors"
    sealer, sender = Sealer(db, key), CheckpointSender(db, Folder(place), seconds=0)
    await sender.turn()
    assert not place.exists()  # nothing is sealed yet
    await write(db, 3, sealer)
    await sender.turn()
    (file,) = place.iterdir()
    assert file.name == "catalog-000000000003.json"
    file.write_text("not as it was")
    await sender.turn()
    await CheckpointSender(db, Folder(place), seconds=0).turn()  # as after a start, or of another process
    assert file.read_text() == "not as it was"
    file.unlink()
    await write(db, 2, sealer)
    await sender.turn()
    (file,) = place.iterdir()
    report = await verify(db, key.verify_key, [json.loads(file.read_bytes())])
    assert (report.verdict, report.compared) == (Verdict.WHOLE, 5)


async def test_it_is_sent_by_http_again_until_it_was_taken(db: Database, tmp_path: Path) -> None:
    sealer = Sealer(db, SigningKey.ensure(tmp_path / "audit.pem"))
    await write(db, 2, sealer)
    with receiving() as receiver:
        address = destination_of(receiver.url.replace("//", "//auditor:secret@"))
        assert isinstance(address, Address)
        sender = CheckpointSender(db, address, seconds=3600)
        receiver.status = 500
        for _ in range(2):
            with pytest.raises(NotTaken, match="status 500") as raised:
                await sender.turn()
            assert "secret" not in str(raised.value)
        assert sender.fault
        receiver.status = 201
        await sender.turn()
        assert not sender.fault
        await write(db, 1, sealer)
        await sender.turn()  # at most once in an hour
    assert [body["position"] for body in receiver.bodies] == [2, 2, 2]
    assert receiver.bodies[0].keys() == {"service", "position", "hash", "at", "key_id", "signature"}
    assert receiver.authorizations == ["Basic YXVkaXRvcjpzZWNyZXQ="] * 3


@pytest.mark.parametrize("text", ["ftp://held.by/auditors", "s3://bucket"])
def test_another_scheme_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="AUDIT_CHECKPOINTS"):
        destination_of(text)
    assert destination_of("file:///held%20by") == Folder(Path("/held by"))


async def test_a_service_sends_them_by_itself_and_says_when_it_cannot(
    serve: Callable[..., Awaitable[Client]], headers: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    client = await serve("catalog", audit_checkpoints=str(tmp_path / "file" / "in"), idle_seconds=0.05)
    await client.get("/catalog/ops/inbox", headers=headers("auditor", "bai"))

    async def degraded() -> bool:
        parts = (await client.get("/catalog/readyz")).json()["parts"]
        return any(part["name"] == "audit" and "could not be sent" in (part["detail"] or "") for part in parts)

    assert await eventually(degraded)
    (tmp_path / "file").unlink()
    assert await eventually(lambda: asyncio.sleep(0, list((tmp_path / "file" / "in").glob("catalog-*.json"))))


# The tool


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Exit code and output of `python -m deploy.verify_audit` with these arguments."""

    def run(*arguments: str | Path) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["verify_audit", *map(str, arguments)])
        code = main()
        return code, capsys.readouterr().out

    return run


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """A folder with the catalog's database, 3 rows in it, the public half of the key, and a checkpoint at position 2."""
    from services.catalog.models import PLUMBING, Base

    key = SigningKey.ensure(tmp_path / "elsewhere" / "audit.pem")
    (tmp_path / "audit.pub.pem").write_bytes(key.verify_key.pem())

    async def make() -> None:
        db = Database(f"sqlite+aiosqlite:///{tmp_path}/catalog.db", Base.metadata, PLUMBING, "catalog")
        async with db.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        sealer = Sealer(db, key)
        await write(db, 2, sealer)
        await CheckpointSender(db, Folder(tmp_path / "held"), seconds=0).turn()
        await write(db, 1, sealer)
        await db.close()

    asyncio.run(make())
    return tmp_path


def test_the_public_key_and_a_checkpoint_are_enough(chain: Path, verified: Callable[..., tuple[int, str]]) -> None:
    url = ("--url", f"catalog=sqlite+aiosqlite:///{chain}/catalog.db", "--key", chain / "audit.pub.pem")
    code, said = verified(*url, "--checkpoints", chain / "held")
    assert (code, said.split()[:2]) == (0, ["catalog", "whole"])
    assert "3 rows sealed; compared with a checkpoint at position 2" in said
    code, said = verified(*url, "--start", chain / "held")
    assert (code, "1 rows sealed after position 2" in said) == (0, True)
    code, said = verified(*url)
    assert (code, "cannot be told without a checkpoint" in said) == (2, True)
    (chain / "held" / "later.json").write_text("{}")
    code, said = verified(*url, "--checkpoints", chain / "held")
    assert (code, "later.json is no checkpoint" in said) == (2, True)
    code, said = verified(*url, "--checkpoints", chain / "nowhere")
    assert (code, "there are no checkpoints at" in said) == (2, True)


def test_of_a_folder_it_verifies_what_is_there(chain: Path, verified: Callable[..., tuple[int, str]]) -> None:
    code, said = verified("--folder", chain, "--checkpoints", chain / "held")
    assert code == 2
    assert [line.split()[:2] for line in said.splitlines()] == [
        ["catalog", "whole"], ["requests", "UNKNOWN"], ["analysis", "UNKNOWN"], ["results", "UNKNOWN"],
    ]  # fmt: skip
    assert not (chain / "requests.db").exists()
    (chain / "requests.db").touch()
    code, said = verified("--folder", chain)
    assert (code, "the database cannot be read, or is not up to date" in said) == (2, True)
    code, said = verified("--folder", chain / "nowhere")
    assert (code, "There is no installation" in said) == (2, True)
