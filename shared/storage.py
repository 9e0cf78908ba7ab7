"""Object storage: files named by the SHA-256 of their bytes, in a folder or an S3 bucket, never half visible."""

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError

from shared import messages
from shared.clock import now
from shared.contracts import StoredObject
from shared.errors import TooLarge, Unavailable
from shared.folders import sweep_folder, sync
from shared.stores import open_store
from shared.writes import Writes

PART: Final = 5 * 1024 * 1024  # the smallest part that S3 takes
INCOMING: Final = "incoming"
DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class MissingObject(Exception):
    """There is no object of this name."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"no object {sha256[:64]}")
        self.sha256 = sha256


class Corrupt(Exception):
    """The bytes of an object are not those that its name promises."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"object {sha256} is damaged")
        self.sha256 = sha256


@contextmanager
def translated(sha256: str | None = None, *, bucket: bool = False) -> Iterator[None]:
    """A storage that is away (and a `bucket`) is the operators' matter (503); an object that is not there is MissingObject."""
    try:
        yield
    except (FileNotFoundError, BaseError) as error:
        if isinstance(error, FileNotFoundError) and not bucket:
            if sha256 is None:
                raise
            raise MissingObject(sha256) from None
        raise Unavailable(messages.STORAGE_AWAY, retry_after=5) from error


def object_path(sha256: str) -> str:
    if not DIGEST.fullmatch(sha256):
        raise MissingObject(sha256)
    return f"sha256/{sha256[:2]}/{sha256}"


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_limit(size: int, limit: int) -> None:
    if size > limit:
        raise TooLarge(messages.FILE_TOO_LARGE(limit=limit), limit_bytes=limit)


async def in_parts(chunks: AsyncIterator[bytes], limit: int) -> AsyncGenerator[bytes, None]:
    """The same bytes in parts of equal size, the last one smaller; TooLarge as soon as there are more than `limit`."""
    part, size = bytearray(), 0
    async for chunk in chunks:
        size += len(chunk)
        check_limit(size, limit)
        view = memoryview(chunk)
        while len(part) + len(view) >= PART:
            room = PART - len(part)
            part += view[:room]
            view = view[room:]
            yield bytes(part)
            part.clear()
        part += view
    if part:
        yield bytes(part)


class Storage:
    """Content-addressed storage: writing what is there already writes nothing, and what is read is what was written."""

    def __init__(self, url: str, options: Mapping[str, str] | None = None) -> None:
        self.store, self.folder = open_store(url, options or {}, timedelta(seconds=60))
        self.writes = Writes()
        # On S3 a rename is a copy inside the server: one answer after gigabytes.
        self.patient, _ = open_store(url, options or {}, timedelta(minutes=30))

    async def put_stream(self, chunks: AsyncIterator[bytes], *, media_type: str, limit: int) -> StoredObject:
        """Store a stream in bounded memory. It becomes visible when it is complete; if it breaks, nothing of it stays."""
        async with aclosing(in_parts(chunks, limit)) as parts:
            first = await anext(parts, b"")
            if len(first) < PART:
                return await self.put_bytes(first, media_type)
            with self.writes.watched():
                return await self.put_large(first, parts, media_type)

    async def put_large(self, first: bytes, parts: AsyncIterator[bytes], media_type: str) -> StoredObject:
        incoming = f"{INCOMING}/{uuid4().hex}"
        await self.check()
        try:
            sha256, size = await self.receive(incoming, first, parts)
            if await self.size(sha256) != size:
                with translated():
                    await obstore.rename_async(self.patient, incoming, object_path(sha256))
                await self.settle(sha256)
        finally:
            await asyncio.shield(self.discard(incoming))
        return StoredObject(sha256=sha256, size=size, media_type=media_type)

    async def receive(self, incoming: str, first: bytes, parts: AsyncIterator[bytes]) -> tuple[str, int]:
        """Write the parts under a name of their own; the writer takes everything back if this does not end well."""
        digest, size = hashlib.sha256(), 0
        with translated():
            async with obstore.open_writer_async(self.store, incoming, buffer_size=PART, max_concurrency=2) as writer:
                part: bytes | None = first
                while part is not None:
                    size += len(part)
                    await asyncio.to_thread(digest.update, part)
                    await writer.write(part)
                    part = await anext(parts, None)
        return digest.hexdigest(), size

    async def put_bytes(self, data: bytes, media_type: str) -> StoredObject:
        sha256 = (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()
        if await self.size(sha256) != len(data):
            with self.writes.watched():
                with translated(bucket=True):
                    await obstore.put_async(self.store, object_path(sha256), data, use_multipart=False)
                await self.settle(sha256)
        return StoredObject(sha256=sha256, size=len(data), media_type=media_type)

    async def open_stream(self, sha256: str) -> AsyncIterator[bytes]:
        """The object's bytes, checked on the way: the last part is given only if all are right."""
        path, digest = object_path(sha256), hashlib.sha256()
        with translated(sha256):
            size = (await obstore.head_async(self.store, path))["size"]
        given = 0
        async with aclosing(self.ranges(sha256, path, size)) as parts:
            async for part in parts:
                await asyncio.to_thread(digest.update, part)
                given += len(part)
                if given == size and digest.hexdigest() != sha256:
                    raise Corrupt(sha256)
                yield part
        if size == 0 and digest.hexdigest() != sha256:
            raise Corrupt(sha256)

    async def ranges(self, sha256: str, path: str, size: int) -> AsyncGenerator[bytes, None]:
        """The object part by part; while one is being used the next is on its way."""

        async def part(start: int) -> bytes:
            with translated(sha256):
                return bytes(await obstore.get_range_async(self.store, path, start=start, end=min(start + PART, size)))

        coming = [asyncio.create_task(part(0))] if size else []
        try:
            for start in range(PART, size + PART, PART):
                arrived = await coming.pop()
                if start < size:
                    coming.append(asyncio.create_task(part(start)))
                yield arrived
        finally:
            for task in coming:
                task.cancel()
            await asyncio.gather(*coming, return_exceptions=True)

    async def read(self, sha256: str, limit: int) -> bytes:
        """A small object as a whole; TooLarge before anything is read if it is not small."""
        with translated(sha256):
            check_limit((await obstore.head_async(self.store, object_path(sha256)))["size"], limit)
        return b"".join([part async for part in self.open_stream(sha256)])

    async def fetch(self, sha256: str, path: Path) -> None:
        """The object as a local file, which appears only when it is complete and right.

        To be read alone: on the disk of the storage's own folder it is no copy, but a second name of the object."""
        partial = path.with_name(f".{path.name}.{uuid4().hex}")
        try:
            if self.lend(sha256, partial):
                if await asyncio.to_thread(digest_of, partial) != sha256:
                    raise Corrupt(sha256)
            else:
                with partial.open("xb") as file:
                    async for part in self.open_stream(sha256):
                        await asyncio.to_thread(file.write, part)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def lend(self, sha256: str, path: Path) -> bool:
        """A second name of an object's file; False where there is no such file, or it is on another disk."""
        if self.folder is None:
            return False
        try:
            path.hardlink_to(self.folder / object_path(sha256))
        except OSError:
            return False
        return True

    async def about(self, sha256: str) -> Mapping[str, Any] | None:
        """Size and time of writing by the storage's clock, or None if it is not there."""
        with suppress(MissingObject), translated(sha256):
            return await obstore.head_async(self.store, object_path(sha256))
        return None

    async def size(self, sha256: str) -> int | None:
        """Bytes of the object, or None if it is not there."""
        found = await self.about(sha256)
        return None if found is None else int(found["size"])

    async def exists(self, sha256: str) -> bool:
        return await self.size(sha256) is not None

    async def delete(self, sha256: str) -> None:
        """Remove the object; nothing happens if it is not there."""
        with suppress(MissingObject), translated(sha256):
            await obstore.delete_async(self.store, object_path(sha256))

    async def check(self) -> None:
        """Unavailable if the storage does not answer, or the bucket is not there, which asking for one object would not tell."""
        with translated(bucket=True):
            async for _ in obstore.list(self.store, INCOMING, chunk_size=1):
                break

    async def objects(self) -> AsyncIterator[tuple[str, int, datetime]]:
        """Every object: its digest, its size in bytes, and when it was written."""
        with translated(bucket=True):
            async for batch in obstore.list(self.store, "sha256"):
                for meta in batch:
                    yield meta["path"].rpartition("/")[2], meta["size"], meta["last_modified"]

    async def sweep(self, older_than: timedelta = timedelta(days=1)) -> int:
        """Remove uploads that a killed process left behind; how many there were."""
        if self.folder:
            return await asyncio.to_thread(sweep_folder, self.folder / INCOMING, older_than)
        with translated():
            found = [meta async for batch in obstore.list(self.store, INCOMING) for meta in batch]
            old = [meta["path"] for meta in found if now() - meta["last_modified"] > older_than]
            await obstore.delete_async(self.store, old)
        return len(old)

    async def discard(self, incoming: str) -> None:
        with suppress(FileNotFoundError, BaseError):
            await obstore.delete_async(self.store, incoming)

    async def settle(self, sha256: str) -> None:
        """In a folder: have the file on the disk before a transaction speaks of it."""
        if self.folder:
            await asyncio.to_thread(sync, self.folder / object_path(sha256))
