"""The objects of the storage, copied into a backup and put back: folder or S3 on either side."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path

from deploy.backups.cut import Source
from deploy.backups.errors import Refused
from deploy.backups.manifest import code_revision, object_file
from shared.errors import Unavailable
from shared.storage import DIGEST, Corrupt, MissingObject, Storage

# Copied at one time: most of it is waiting for the storage.
AT_ONCE = 8
CHUNK = 1024 * 1024

# What analysis deletes by itself, and needs as long as these rows say so.
BUNDLES = "SELECT bundle FROM run WHERE bundle_kept AND ended_at IS NULL"
SEALED = """
SELECT sealed_keys FROM run WHERE sealed_kept AND NOT EXISTS (
    SELECT 1 FROM request_key
    WHERE request_key.request_id = run.request_id AND destroyed_at IS NOT NULL
)
"""


class ObjectCopies:
    """Brings objects into a backup; what it has once copied it keeps, and does not copy again."""

    def __init__(self, storage: Storage, archive: Path) -> None:
        self.storage, self.archive = storage, archive
        self.sizes: dict[str, int] = {}
        self.damaged: set[str] = set()

    async def bring(self) -> None:
        """Copy what is there now and not in the backup yet. Refused if the storage is away."""
        try:
            names = [name async for name, _, _ in self.storage.objects()]
            known = self.sizes.keys() | self.damaged
            waiting = [name for name in names if DIGEST.fullmatch(name) and name not in known]
            await for_each(waiting, self.copy)
        except Unavailable as error:
            raise Refused("The object storage cannot be read.") from error

    async def copy(self, sha256: str) -> None:
        """Checked on the way. Nothing stays of what was deleted meanwhile, or is damaged."""
        path = object_file(self.archive, sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("xb") as file:
                async for part in self.storage.open_stream(sha256):
                    await asyncio.to_thread(file.write, part)
                size = file.tell()
        except MissingObject:
            path.unlink()
        except Corrupt:
            path.unlink()
            self.damaged.add(sha256)
        else:
            self.sizes[sha256] = size


async def needed(databases: Iterable[Source]) -> set[str]:
    """The objects of runs under way: they must not be missing, and may go at any moment."""
    (analysis,) = (source for source in databases if source.service == "analysis")
    if await analysis.texts("SELECT version_num FROM alembic_version") != [
        code_revision("analysis")
    ]:
        return set()  # its rows are of another shape, so no service of ours works on it and deletes
    bundles = [json.loads(text) for text in await analysis.texts(BUNDLES)]
    sealed = [json.loads(text) for text in await analysis.texts(SEALED)]
    digests = {file["sha256"] for bundle in bundles if bundle for file in bundle.get("files", [])}
    return digests | {keys["object"]["sha256"] for keys in sealed if keys}


async def put_back(archive: Path, digests: Iterable[str], storage: Storage) -> None:
    """Write the objects of a backup into a storage. Refused if it is away."""

    async def put(sha256: str) -> None:
        path = object_file(archive, sha256)
        size = path.stat().st_size
        stored = await storage.put_stream(chunks_of(path), media_type="", limit=size)
        if stored.sha256 != sha256:
            raise Refused(f"The object {sha256} changed while it was read.")

    try:
        await for_each(sorted(digests), put)
    except Unavailable as error:
        raise Refused("The object storage cannot be written.") from error


async def for_each(names: Iterable[str], step: Callable[[str], Awaitable[None]]) -> None:
    """A few at one time. The first fault ends all of them, and is raised."""
    waiting = iter(names)

    async def work() -> None:
        for name in waiting:
            await step(name)

    workers = [asyncio.create_task(work()) for _ in range(AT_ONCE)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def chunks_of(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk
