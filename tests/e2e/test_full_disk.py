"""Every service says in readyz that it cannot write: a disk that is full is shown before anybody loses anything by it."""

import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from deploy.installation import SERVICES
from shared.errors import Unavailable
from shared.writes import RECENT

pytestmark = pytest.mark.mount
SIZE_MIB = 24
TABLE = [{"name": "person_no", "type": "string", "role": "key", "key_domain": "person", "nullable": False}]
DRAFT = {
    "title": "Space", "description": "d", "legal_basis": "An Act", "sensitivity": "open", "allowed_purposes": ["a"],
    "table": TABLE,
}  # fmt: skip


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of some MiB; mounting it takes the right to."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    file = folder / "filler"
    with file.open("wb", buffering=0) as opened:
        for size in (65536, 1):
            with suppress(OSError):
                while True:
                    os.write(opened.fileno(), b"x" * size)
    return file


async def readiness(client: Any, name: str) -> tuple[str, dict[str, str]]:
    document = (await client.get(f"/{name}/readyz")).json()
    return document["status"], {part["name"]: part["state"] for part in document["parts"]}


async def test_a_full_disk_shows_in_every_service_until_there_is_space(
    small_disk: Path, serve: Callable[..., Awaitable[Any]], headers: Callable[..., dict[str, str]]
) -> None:
    clients = {}
    for name in SERVICES:
        url = f"sqlite+aiosqlite:///{small_disk}/{name}.db"
        clients[name] = await serve(name, database_url=url, storage_url=(small_disk / "objects").as_uri())
    for name, client in clients.items():
        assert (await readiness(client, name))[0] in ("ready", "degraded")
        assert (await readiness(client, name))[1]["database"] == "ready"
    filler = fill(small_disk)
    for name, client in clients.items():
        status, parts = await readiness(client, name)
        assert (status, parts["database"], parts["storage"]) == ("degraded", "degraded", "degraded"), name
    lee = headers("steward", "nts")
    answer = await clients["catalog"].post("/catalog/datasets", json=DRAFT, headers=lee)
    assert answer.status_code == 503
    assert (await clients["catalog"].get("/catalog/datasets", headers=lee)).status_code == 200
    filler.unlink()
    assert (await readiness(clients["results"], "results"))[1]["database"] == "ready"
    assert (await clients["catalog"].post("/catalog/datasets", json=DRAFT, headers=lee)).status_code == 201
    status, parts = await readiness(clients["catalog"], "catalog")
    assert (parts["database"], parts["storage"]) == ("ready", "ready")


async def test_an_upload_that_found_no_space_shows_though_there_is_some_left(
    small_disk: Path, serve: Callable[..., Awaitable[Any]], headers: Callable[..., dict[str, str]]
) -> None:
    client = await serve("catalog", storage_url=(small_disk / "objects").as_uri())
    lee = headers("steward", "nts")
    dataset = (await client.post("/catalog/datasets", json=DRAFT, headers=lee)).json()["id"]
    path, csv = f"/catalog/datasets/{dataset}/file", lee | {"Content-Type": "text/csv"}
    large = await client.put(path, content=os.urandom(2 * SIZE_MIB << 20), headers=csv)
    assert (large.status_code, (await readiness(client, "catalog"))[1]["storage"]) == (503, "degraded")
    assert (await client.put(path, content=b"person_no\nP1\n", headers=csv)).status_code == 202
    assert (await readiness(client, "catalog"))[1]["storage"] == "ready"


async def test_a_write_that_failed_is_shown_for_a_while(
    database_url: str, serve: Callable[..., Awaitable[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite a file that may not grow, on PostgreSQL a lock that does not come."""
    client = await serve("requests", database_url=database_url, audit_key=None, idle_seconds=3600)
    db = client.app.state.db

    async def write(*statements: str) -> None:
        async with db.transaction(wakes=False) as session:
            for statement in statements:
                await session.execute(text(statement))

    insert = "INSERT INTO knownministry (code, sequence, ko, en) VALUES ('x', 1, '{0}', '{0}')".format("x" * 200_000)
    if db.sqlite:
        with pytest.raises(Unavailable):
            await write("PRAGMA max_page_count = 1", insert)
    else:
        async with db.engine.connect() as holder:
            await holder.execute(text("LOCK TABLE knownministry"))
            with pytest.raises(Unavailable):
                await write("SET LOCAL lock_timeout = '10ms'", insert)
    status, parts = await readiness(client, "requests")
    assert (status, parts["database"]) == ("degraded", "degraded")
    monkeypatch.setattr(db.writes, "failed_at", db.writes.failed_at - RECENT)
    assert (await readiness(client, "requests"))[1]["database"] == "ready"
