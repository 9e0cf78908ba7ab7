"""Object storage in a folder and over the S3 protocol: complete or invisible, right or refused, in bounded memory."""

import asyncio
import hashlib
import os
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4
from xml.etree import ElementTree

import pytest

from shared.errors import TooLarge, Unavailable
from shared.storage import PART, Corrupt, MissingObject, Storage
from tests.waiting import PATIENCE

BIG = PART * 2 + 12345
NOBODY = "0" * 64


class Bucket:
    """The few S3 operations that storage uses, over real HTTP. Its answers follow those of a real S3 server."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.puts = 0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (S3Handler,), {"bucket": self}))
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def options(self) -> dict[str, str]:
        return {"endpoint": self.endpoint, "access_key": "dure", "secret_key": "secret", "region": "kr-1"}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class S3Handler(BaseHTTPRequestHandler):
    bucket: Bucket
    protocol_version = "HTTP/1.1"

    def parse(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        return unquote(parts.path).removeprefix("/bkt").lstrip("/"), query

    def body(self) -> bytes:
        assert self.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=dure/")
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status: int, body: bytes = b"", size: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", str(len(body) if size is None else size))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        key, query = self.parse()
        body = self.body()
        source = self.headers.get("x-amz-copy-source")
        if "uploadId" in query:
            self.bucket.uploads[query["uploadId"]][int(query["partNumber"])] = body
            self.answer(200, ETag=f'"{hashlib.md5(body).hexdigest()}"')
        elif source:
            self.bucket.objects[key] = self.bucket.objects[unquote(source).removeprefix("/").removeprefix("bkt/")]
            xml = '<CopyObjectResult><ETag>"e"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></CopyObjectResult>'
            self.answer(200, xml.encode())
        else:
            self.bucket.puts += 1
            self.bucket.objects[key] = body
            self.answer(200, ETag='"e"')

    def do_POST(self) -> None:
        key, query = self.parse()
        body = self.body()
        if "uploads" in query:
            upload = uuid4().hex
            self.bucket.uploads[upload] = {}
            xml = f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            self.answer(200, xml.encode())
        elif "delete" in query:
            keys = [element.text or "" for element in ElementTree.fromstring(body).iter() if element.tag.endswith("Key")]
            for each in keys:
                self.bucket.objects.pop(each, None)
            deleted = "".join(f"<Deleted><Key>{each}</Key></Deleted>" for each in keys)
            self.answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())
        else:
            parts = self.bucket.uploads.pop(query["uploadId"])
            self.bucket.objects[key] = b"".join(parts[number] for number in sorted(parts))
            self.answer(200, b'<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>')

    def do_DELETE(self) -> None:
        key, query = self.parse()
        if "uploadId" in query:
            self.bucket.uploads.pop(query["uploadId"], None)
        else:
            self.bucket.objects.pop(key, None)
        self.answer(204)

    def do_HEAD(self) -> None:
        key, _ = self.parse()
        found = self.bucket.objects.get(key)
        if found is None:
            self.answer(404)
        else:
            self.answer(200, b"", len(found), ETag='"e"', Last_Modified="Thu, 01 Jan 2026 00:00:00 GMT")

    def do_GET(self) -> None:
        key, query = self.parse()
        if "list-type" in query:
            self.list(query.get("prefix", ""))
            return
        found = self.bucket.objects.get(key)
        if found is None:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        first, last = (int(each) for each in self.headers["Range"].removeprefix("bytes=").split("-"))
        part = found[first : last + 1]
        span = f"bytes {first}-{first + len(part) - 1}/{len(found)}"
        self.answer(206, part, ETag='"e"', Last_Modified="Thu, 01 Jan 2026 00:00:00 GMT", Content_Range=span)

    def list(self, prefix: str) -> None:
        rest = '<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"e"</ETag>'
        entry = "<Contents><Key>{}</Key>{}<Size>{}</Size></Contents>"
        found = "".join(entry.format(key, rest, len(data)) for key, data in self.bucket.objects.items() if key.startswith(prefix))
        self.answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode())

    def log_message(self, *_: Any) -> None:
        pass


class Place:
    """A storage and a look at what really lies there."""

    def __init__(self, storage: Storage, folder: Path | None, bucket: Bucket | None) -> None:
        self.storage, self.folder, self.bucket = storage, folder, bucket

    def names(self) -> list[str]:
        if self.bucket:
            return sorted(self.bucket.objects) + [f"upload {each}" for each in self.bucket.uploads]
        assert self.folder
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())

    def damage(self, sha256: str, data: bytes) -> None:
        name = f"sha256/{sha256[:2]}/{sha256}"
        if self.bucket:
            self.bucket.objects[name] = data
        else:
            assert self.folder
            (self.folder / name).write_bytes(data)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    bucket = Bucket()
    yield bucket
    bucket.close()


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "s3":
        bucket = request.getfixturevalue("bucket")
        return Place(Storage("s3://bkt", bucket.options), None, bucket)
    return Place(Storage(f"file://{tmp_path}/objects"), tmp_path / "objects", None)


def content(size: int) -> bytes:
    return hashlib.shake_128(str(size).encode()).digest(size)


def name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def stream(data: bytes, chunk: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(data), chunk):
        await asyncio.sleep(0)
        yield data[start : start + chunk]


def path_of(data: bytes) -> str:
    return f"sha256/{name_of(data)[:2]}/{name_of(data)}"


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, BIG])
async def test_what_is_stored_is_what_is_read(place: Place, tmp_path: Path, size: int) -> None:
    data = content(size)
    stored = await place.storage.put_stream(stream(data), media_type="text/csv", limit=size)
    assert (stored.sha256, stored.size, stored.media_type) == (name_of(data), size, "text/csv")
    assert place.names() == [path_of(data)]
    assert b"".join([part async for part in place.storage.open_stream(stored.sha256)]) == data
    assert await place.storage.read(stored.sha256, size) == data
    await place.storage.fetch(stored.sha256, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data
    assert await place.storage.exists(stored.sha256)


async def test_the_size_of_chunks_does_not_matter(place: Place) -> None:
    data = content(BIG)
    for chunk in (PART * 3, PART, 1_000_003):
        await place.storage.put_stream(stream(data, chunk), media_type="x/y", limit=BIG)
    assert place.names() == [path_of(data)]


async def test_bytes_are_stored_under_the_same_name(place: Place) -> None:
    data = content(1000)
    one = await place.storage.put_bytes(data, "x/y")
    two = await place.storage.put_stream(stream(data), media_type="x/y", limit=1000)
    assert one == two
    assert place.names() == [path_of(data)]


async def test_what_is_there_is_not_written_again(place: Place) -> None:
    for data in (content(1000), content(BIG)):
        await place.storage.put_stream(stream(data), media_type="x/y", limit=BIG)
    before = changes(place)
    for data in (content(1000), content(BIG)):
        await place.storage.put_stream(stream(data), media_type="x/y", limit=BIG)
    assert changes(place) == before
    assert len(place.names()) == 2


def changes(place: Place) -> Any:
    if place.bucket:
        return place.bucket.puts, {name: id(data) for name, data in place.bucket.objects.items()}
    assert place.folder
    return {name: (place.folder / name).stat().st_ino for name in place.names()}


async def test_uploads_of_the_same_file_at_once_agree(place: Place) -> None:
    data = content(BIG)
    puts = [place.storage.put_stream(stream(data), media_type="x/y", limit=BIG) for _ in range(4)]
    assert len({stored.sha256 for stored in await asyncio.gather(*puts)}) == 1
    assert place.names() == [path_of(data)]
    assert await place.storage.read(name_of(data), BIG) == data


async def test_a_short_object_is_healed_by_storing_it_again(place: Place) -> None:
    for data in (content(1000), content(BIG)):
        await place.storage.put_stream(stream(data), media_type="x/y", limit=BIG)
        place.damage(name_of(data), data[:-1])
        await place.storage.put_stream(stream(data), media_type="x/y", limit=BIG)
        assert await place.storage.read(name_of(data), BIG) == data


@pytest.mark.parametrize("size", [1001, PART + 1, BIG])
async def test_too_large_leaves_nothing(place: Place, size: int) -> None:
    with pytest.raises(TooLarge) as caught:
        await place.storage.put_stream(stream(content(size)), media_type="x/y", limit=size - 1)
    assert caught.value.extensions == {"limit_bytes": size - 1}
    assert place.names() == []


async def test_too_large_stops_reading_at_once(place: Place) -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 1
            yield b"x" * 65_536

    with pytest.raises(TooLarge):
        await place.storage.put_stream(endless(), media_type="x/y", limit=PART)
    assert given == PART // 65_536 + 1


class Broken(Exception):
    pass


@pytest.mark.parametrize("size", [1000, PART, BIG])
@pytest.mark.parametrize("error", [Broken, ConnectionResetError, FileNotFoundError])
async def test_a_stream_that_breaks_leaves_nothing(place: Place, size: int, error: type[Exception]) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        async for chunk in stream(content(size)):
            yield chunk
        raise error

    with pytest.raises(error):
        await place.storage.put_stream(breaking(), media_type="x/y", limit=BIG)
    assert await eventually(lambda: place.names() == [])


@pytest.mark.parametrize("size", [1000, BIG])
async def test_an_upload_that_is_cancelled_leaves_nothing(place: Place, size: int) -> None:
    waiting = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        async for chunk in stream(content(size)):
            yield chunk
        waiting.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(place.storage.put_stream(stuck(), media_type="x/y", limit=BIG))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await eventually(lambda: place.names() == [])


async def eventually(fact: Callable[[], bool]) -> bool:
    async with asyncio.timeout(PATIENCE):
        while not fact():
            await asyncio.sleep(0.01)
    return True


async def test_nothing_is_visible_before_the_end(place: Place) -> None:
    data = content(BIG)

    async def watched() -> AsyncIterator[bytes]:
        async for chunk in stream(data):
            yield chunk
        assert not await place.storage.exists(name_of(data))
        assert not [name for name in place.names() if name.startswith("sha256")]

    await place.storage.put_stream(watched(), media_type="x/y", limit=BIG)
    assert await place.storage.exists(name_of(data))


@pytest.mark.parametrize("size", [1000, PART, BIG])
@pytest.mark.parametrize("damage", ["flipped", "cut", "grown", "emptied"])
async def test_damage_is_found(place: Place, tmp_path: Path, size: int, damage: str) -> None:
    data = content(size)
    sha256 = (await place.storage.put_bytes(data, "x/y")).sha256
    changed = {"flipped": bytes([data[0] ^ 1]) + data[1:], "cut": data[:-1], "grown": data + b"x", "emptied": b""}[damage]
    place.damage(sha256, changed)
    with pytest.raises(Corrupt) as caught:
        await place.storage.fetch(sha256, tmp_path / "copy")
    assert caught.value.sha256 == sha256
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []
    with pytest.raises(Corrupt):
        await place.storage.read(sha256, size + 1)
    given = b""
    with pytest.raises(Corrupt):
        async for part in place.storage.open_stream(sha256):
            given += part
    assert len(given) < max(len(changed), 1)


async def test_only_another_disk_gets_a_copy(tmp_path: Path) -> None:
    storage, data = Storage((tmp_path / "objects").as_uri()), content(BIG)
    sha256 = (await storage.put_bytes(data, "x/y")).sha256
    here = tmp_path.stat().st_dev
    disks = [disk for disk in map(Path, ("/dev/shm", "/var/tmp", "/tmp")) if disk.stat().st_dev != here]
    with tempfile.TemporaryDirectory(dir=disks[0]) as elsewhere:
        for folder, names in ((tmp_path, 2), (Path(elsewhere), 1)):
            await storage.fetch(sha256, folder / "copy")
            assert (folder / "copy").read_bytes() == data
            assert (folder / "copy").stat().st_nlink == names
    await storage.delete(sha256)
    assert (tmp_path / "copy").read_bytes() == data


async def test_a_fetch_replaces_an_older_copy(place: Place, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("old")
    stored = await place.storage.put_bytes(b"new", "x/y")
    await place.storage.fetch(stored.sha256, tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "new"


@pytest.mark.parametrize("name", [NOBODY, "", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n", "sha256/00/" + NOBODY])
async def test_what_is_not_there_is_missing(place: Place, tmp_path: Path, name: str) -> None:
    assert not await place.storage.exists(name)
    await place.storage.delete(name)
    with pytest.raises(MissingObject):
        await place.storage.read(name, 10)
    with pytest.raises(MissingObject):
        await place.storage.fetch(name, tmp_path / "copy")
    with pytest.raises(MissingObject):
        await anext(place.storage.open_stream(name))
    assert not (tmp_path / "copy").exists()


async def test_reading_a_large_object_as_a_whole_is_refused(place: Place) -> None:
    stored = await place.storage.put_bytes(content(1000), "x/y")
    with pytest.raises(TooLarge):
        await place.storage.read(stored.sha256, 999)


async def test_a_deleted_object_is_gone(place: Place) -> None:
    stored = await place.storage.put_bytes(b"x", "x/y")
    await place.storage.delete(stored.sha256)
    await place.storage.delete(stored.sha256)
    assert not await place.storage.exists(stored.sha256)
    assert place.names() == []


async def test_a_sweep_takes_only_old_leftovers(place: Place) -> None:
    kept = await place.storage.put_bytes(b"x", "x/y")
    if place.bucket:
        place.bucket.objects["incoming/old"] = b"1"
    else:
        assert place.folder
        (place.folder / "incoming").mkdir()
        for name in ("old#1", "new#1"):
            (place.folder / "incoming" / name).write_text("1")
        os.utime(place.folder / "incoming" / "old#1", (time.time() - 90_000,) * 2)
    assert await place.storage.sweep(timedelta(days=1)) == 1
    left = ["incoming/new#1"] if place.folder else []
    assert place.names() == [*left, f"sha256/{kept.sha256[:2]}/{kept.sha256}"]
    assert await place.storage.sweep(timedelta(days=1)) == 0


# Where it stands


def test_the_folder_is_closed_to_others(tmp_path: Path) -> None:
    Storage(f"file://{tmp_path}/raw%20files/objects")
    assert stat.S_IMODE((tmp_path / "raw files" / "objects").stat().st_mode) == 0o700


@pytest.mark.parametrize("url", ["", "objects", "/objects", "ftp://x/y", "s3://", "http://x"])
def test_an_address_that_is_no_storage_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="storage_url"):
        Storage(url)


def test_a_misspelt_option_is_refused() -> None:
    with pytest.raises(ValueError, match="end_point"):
        Storage("s3://bkt", {"end_point": "http://127.0.0.1"})


async def test_a_prefix_keeps_two_storages_in_one_bucket_apart(bucket: Bucket) -> None:
    one, two = Storage("s3://bkt/one", bucket.options), Storage("s3://bkt/two", bucket.options)
    stored = await one.put_bytes(b"x", "x/y")
    assert not await two.exists(stored.sha256)
    assert [name.split("/")[0] for name in bucket.objects] == ["one"]


async def test_a_storage_that_is_away_is_said_to_be(bucket: Bucket, tmp_path: Path) -> None:
    await Storage("s3://bkt", bucket.options).check()
    bucket.close()
    storage = Storage("s3://bkt", bucket.options)
    with pytest.raises(Unavailable):
        await storage.check()
    with pytest.raises(Unavailable):
        await storage.put_bytes(b"x", "x/y")
    with pytest.raises(Unavailable):
        await storage.put_stream(stream(content(BIG)), media_type="x/y", limit=BIG)
    with pytest.raises(Unavailable):
        await storage.fetch(NOBODY, tmp_path / "copy")


# Memory and sudden death, each in a process of its own

CHILD = textwrap.dedent("""
    import asyncio, sys
    from pathlib import Path
    import psutil
    from shared.storage import Storage
    seen = []
    async def watch():
        while True:
            seen.append(psutil.Process().memory_info().rss // 2**20)
            await asyncio.sleep(0.005)
    async def chunks(count):
        for number in range(count):
            yield number.to_bytes(4, "big") * 16_384
    async def main():
        storage = Storage(f"file://{sys.argv[1]}")
        watching = asyncio.create_task(watch())
        stored = await storage.put_stream(chunks(4800), media_type="x/y", limit=10**10)
        await storage.fetch(stored.sha256, Path(sys.argv[1], "copy"))
        watching.cancel()
        print(stored.size, seen[0], max(seen), len(seen))
    asyncio.run(main())
""")


def test_a_large_upload_and_fetch_take_little_memory(tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, text=True, check=True)
    size, before, peak, looks = (int(number) for number in ran.stdout.split())
    assert size == 300 * 2**20
    assert looks > 20
    assert peak < 200, f"{peak} MB at most, {before} MB before"
    assert peak - before < 100


ENDLESS = textwrap.dedent("""
    import asyncio, sys
    from shared.storage import Storage
    async def chunks():
        for number in range(300):
            yield b"x" * 65_536
        print("half", flush=True)
        await asyncio.sleep(60)
    asyncio.run(Storage(f"file://{sys.argv[1]}").put_stream(chunks(), media_type="x/y", limit=10**10))
""")


async def test_a_killed_process_leaves_nothing_visible_and_its_rest_is_swept(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ENDLESS, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout
    with process.stdout as out:
        assert out.readline() == b"half\n"
        process.kill()
        process.wait()
    storage = Storage(f"file://{tmp_path}")
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.parent.name for path in left} == {"incoming"}
    with suppress(FileNotFoundError):
        assert await storage.sweep(timedelta(0)) == len(left)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
