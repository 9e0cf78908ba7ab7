"""Object storage on a real S3 server: a process of its own, which knows nothing of us."""

import asyncio
import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4
from xml.etree import ElementTree

import httpx
import obstore
import pytest

from deploy.backups.errors import Refused
from deploy.backups.manifest import read_manifest
from deploy.backups.place import Place
from deploy.backups.restore import restore
from deploy.backups.save import save
from deploy.installation import SERVICES
from deploy.running import free_port
from shared.errors import TooLarge, Unavailable
from shared.storage import PART, Corrupt, MissingObject, Storage
from tests.snapshots.installations import unpacked
from tests.waiting import PATIENCE

BIG = PART * 2 + 12345


@dataclass
class Server:
    """An S3 server in a process of its own, with a bucket for each test."""

    process: subprocess.Popen[bytes]
    url: str
    bucket: str = ""

    def storage(self, prefix: str = "") -> Storage:
        options = {"endpoint": self.url, "access_key": "dure", "secret_key": "secret", "region": "us-east-1"}
        return Storage(f"s3://{self.bucket}/{prefix}".rstrip("/"), options)

    def names(self) -> list[str]:
        """Every object, and every upload that is not complete, as the server itself tells them."""
        found = []
        for question, element in (("list-type=2", "Contents"), ("uploads", "Upload")):
            told = httpx.get(f"{self.url}/{self.bucket}?{question}", trust_env=False).raise_for_status().text
            for each in ElementTree.fromstring(told).iter():
                if each.tag.rpartition("}")[2] == element:
                    found += [f"{element} {key.text}" for key in each if key.tag.rpartition("}")[2] == "Key"]
        return sorted(found)


def program() -> str:
    """Beside the interpreter that runs the tests, or on the path."""
    beside = Path(sys.executable).with_name("moto_server")
    return str(beside) if beside.exists() else shutil.which("moto_server") or "moto_server is not installed"


@pytest.fixture(scope="module")
def process() -> Iterator[Server]:
    port = free_port()
    command = [program(), "-H", "127.0.0.1", "-p", str(port)]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = Server(started, f"http://127.0.0.1:{port}")
    try:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                httpx.get(server.url, trust_env=False)
                break
            except httpx.TransportError:
                assert started.poll() is None and time.monotonic() < end
                time.sleep(0.1)
        yield server
    finally:
        started.kill()
        started.wait()


@pytest.fixture
def server(process: Server) -> Server:
    bucket = f"dure-{uuid4().hex[:12]}"
    httpx.put(f"{process.url}/{bucket}", trust_env=False).raise_for_status()
    return Server(process.process, process.url, bucket)


def content(size: int) -> bytes:
    return hashlib.shake_128(str(size).encode()).digest(size)


def path_of(data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    return f"sha256/{digest[:2]}/{digest}"


async def stream(data: bytes, *, breaks: bool = False) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 65_536):
        await asyncio.sleep(0)
        yield data[start : start + 65_536]
    if breaks:
        raise ConnectionError("the sender is gone")


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, BIG])
async def test_what_is_stored_is_what_is_read(server: Server, tmp_path: Path, size: int) -> None:
    storage, data = server.storage(), content(size)
    for _ in range(2):
        stored = await storage.put_stream(stream(data), media_type="text/csv", limit=size)
        assert (stored.sha256, stored.size) == (hashlib.sha256(data).hexdigest(), size)
        assert server.names() == [f"Contents {path_of(data)}"]
    assert b"".join([part async for part in storage.open_stream(stored.sha256)]) == data
    await storage.fetch(stored.sha256, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data
    await storage.delete(stored.sha256)
    await storage.delete(stored.sha256)
    assert server.names() == []
    with pytest.raises(MissingObject):
        await storage.read(stored.sha256, BIG)


@pytest.mark.parametrize("size", [PART - 1, BIG])
async def test_a_stream_that_breaks_or_is_too_large_leaves_nothing(server: Server, size: int) -> None:
    with pytest.raises(ConnectionError):
        await server.storage().put_stream(stream(content(size), breaks=True), media_type="x/y", limit=BIG)
    with pytest.raises(TooLarge):
        await server.storage().put_stream(stream(content(size)), media_type="x/y", limit=size - 1)
    assert server.names() == []


async def test_nothing_is_visible_before_the_end(server: Server) -> None:
    seen: list[list[str]] = []

    async def watched() -> AsyncIterator[bytes]:
        async for chunk in stream(content(BIG)):
            yield chunk
        seen.append(await asyncio.to_thread(server.names))

    stored = await server.storage().put_stream(watched(), media_type="x/y", limit=BIG)
    assert not [name for name in seen[0] if name.startswith("Contents sha256/")]
    assert await server.storage().exists(stored.sha256)


async def test_uploads_of_the_same_file_at_once_agree(server: Server) -> None:
    data = content(BIG)
    put = [server.storage().put_stream(stream(data), media_type="x/y", limit=BIG) for _ in range(4)]
    assert len({stored.sha256 for stored in await asyncio.gather(*put)}) == 1
    assert server.names() == [f"Contents {path_of(data)}"]


async def test_damage_is_found(server: Server, tmp_path: Path) -> None:
    storage, data = server.storage(), content(BIG)
    stored = await storage.put_stream(stream(data), media_type="x/y", limit=BIG)
    await obstore.put_async(storage.store, path_of(data), data[:-1] + b"?", use_multipart=False)
    with pytest.raises(Corrupt):
        await storage.fetch(stored.sha256, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


async def test_two_prefixes_in_one_bucket_are_apart_and_leftovers_are_swept(server: Server) -> None:
    one, two = server.storage("one"), server.storage("two")
    stored = await one.put_bytes(b"x", "x/y")
    assert not await two.exists(stored.sha256)
    await obstore.put_async(one.store, "incoming/left", b"half")
    assert await two.sweep(timedelta(0)) == 0
    assert await one.sweep(timedelta(hours=1)) == 0
    assert await one.sweep(timedelta(seconds=-5)) == 1
    assert server.names() == [f"Contents one/{path_of(b'x')}"]


async def test_a_bucket_that_is_not_there_is_not_ready(server: Server) -> None:
    storage = Server(server.process, server.url, "no-such-bucket").storage()
    for deed in (
        storage.check(),
        storage.put_bytes(b"x", "x/y"),
        storage.put_stream(stream(content(BIG)), media_type="x/y", limit=BIG),
    ):
        with pytest.raises(Unavailable):
            await deed
    await server.storage().check()


async def test_a_backup_goes_from_a_folder_to_a_bucket_and_back(server: Server, tmp_path: Path) -> None:
    """A whole installation, once of each kind."""
    (tmp_path / "old").mkdir()
    urls = {name: f"sqlite+aiosqlite:///{tmp_path}/{name}.db" for name in SERVICES}
    keys = dict.fromkeys(SERVICES, tmp_path / "old" / "audit.pem")
    options = {"endpoint": server.url, "access_key": "dure", "secret_key": "secret", "region": "us-east-1"}
    bucket = Place(urls, f"s3://{server.bucket}/dure", options, keys)
    async with unpacked("0.1.0", "sqlite", tmp_path / "old"):
        await save(Place.in_folder(tmp_path / "old"), tmp_path / "first")
    objects = read_manifest(tmp_path / "first").objects
    await restore(tmp_path / "first", bucket)
    assert server.names() == sorted(f"Contents dure/sha256/{name[:2]}/{name}" for name in objects)
    await save(bucket, tmp_path / "second")
    assert read_manifest(tmp_path / "second").objects == objects
    await restore(tmp_path / "second", Place.in_folder(tmp_path / "new"))
    assert {path.name: path.stat().st_size for path in (tmp_path / "new" / "objects").rglob("*") if path.is_file()} == objects
    with pytest.raises(Refused, match="storage holds"):
        await restore(tmp_path / "second", replace(bucket, databases=Place.in_folder(tmp_path / "third").databases))
