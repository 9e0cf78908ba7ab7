"""Put a backup into an empty installation.

Everything is checked before anything is written, and a failure takes back what was written.
"""

import asyncio
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

from deploy.backups import postgres, sqlite
from deploy.backups.compare import broken_chains, differences, read
from deploy.backups.cut import FAULTS
from deploy.backups.errors import Refused
from deploy.backups.events import go_on
from deploy.backups.manifest import Manifest, check_files, migrations, read_manifest
from deploy.backups.objects import put_back
from deploy.backups.place import KEY_FILES, Place
from deploy.installation import AUDIT_PUBLIC
from shared.errors import Unavailable
from shared.migrate import upgrade


async def restore(archive: Path, place: Place) -> tuple[Manifest, int, bool]:
    """The manifest, how many events will be sent again, and whether the restore was audited.

    Refused: the target is as it was. BrokenAudit: it is restored, and not whole.
    """
    manifest = await asyncio.to_thread(read_manifest, archive)
    await check_target(manifest, place)
    await asyncio.to_thread(check_files, archive, manifest)
    async with AsyncExitStack() as undo:
        await write(archive, manifest, place, undo)
        undo.pop_all()
    faults = await broken_chains(manifest, place.databases)
    events, audited = await go_on(place, manifest.time)
    if faults:
        raise BrokenAudit("; ".join(faults))
    return manifest, events, audited


class BrokenAudit(Refused):
    """Everything is restored, but the audit was not whole when the backup was taken."""


async def check_target(manifest: Manifest, place: Place) -> None:
    """Refused unless the databases and the storage are there, empty, and of the backup's kind."""
    for service, entry in manifest.databases.items():
        if place.engine(service) != entry.engine:
            raise Refused(
                f"The backup's {service} database is of {entry.engine}, the target's of "
                f"{place.engine(service)}: restore it to {entry.engine}."
            )
        if not await empty(place, service):
            raise Refused(
                f"The target is not empty: the {service} database has tables. Nothing is "
                "overwritten. If an earlier restore was killed, remove what it left."
            )
        key = place.audit_key(service)
        if key is not None and key.pem().decode() != entry.audit.public_key:
            raise Refused(
                f"The audit key of {service} in the target is not the one that signed "
                "the audit in the backup: put back the keys of that installation first."
            )
    try:
        async for sha256, _, _ in place.storage().objects():
            raise Refused(
                f"The target is not empty: its storage holds {sha256}. Nothing is overwritten."
            )
    except Unavailable as error:
        raise Refused("The object storage cannot be reached.") from error


async def empty(place: Place, service: str) -> bool:
    if place.engine(service) == "postgresql":
        try:
            return await postgres.empty(place.databases[service])
        except FAULTS as error:
            raise Refused(f"The {service} database cannot be reached: {error}") from None
    path = place.file(service)
    return not any(path.with_name(f"{path.name}{end}").exists() for end in ("", "-wal", "-journal"))


async def write(archive: Path, manifest: Manifest, place: Place, undo: AsyncExitStack) -> None:
    """Keys, objects, rows, in this order; each step says first how it is undone."""
    if place.folder is not None:
        place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        put_keys(archive, place.folder, manifest, undo)
    storage = place.storage()
    undo.push_async_callback(delete_objects, place, manifest)
    await put_back(archive, manifest.objects, storage)
    for service in manifest.databases:
        if place.engine(service) == "postgresql":
            await load_postgres(archive, manifest, place, service, undo)
        else:
            await load_sqlite(archive, manifest, place, service, undo)
    for service in manifest.databases:
        if place.engine(service) == "sqlite":
            beside(place, service).replace(place.file(service))
            undo.callback(place.file(service).unlink, missing_ok=True)


def put_keys(archive: Path, folder: Path, manifest: Manifest, undo: AsyncExitStack) -> None:
    """The public half of the audit's key, and what the backup holds and the folder does not."""
    for name in KEY_FILES:
        source, target = archive / "keys" / name, folder / name
        if source.exists() and not target.exists():
            undo.callback(target.unlink, missing_ok=True)
            target.parent.mkdir(mode=0o700, exist_ok=True)
            target.touch(mode=0o600)
            shutil.copyfile(source, target)
    public = folder / AUDIT_PUBLIC
    if not public.exists():
        undo.callback(public.unlink, missing_ok=True)
        public.write_text(manifest.databases["catalog"].audit.public_key or "")


async def delete_objects(place: Place, manifest: Manifest) -> None:
    storage = place.storage()
    for sha256 in manifest.objects:
        await storage.delete(sha256)


def beside(place: Place, service: str) -> Path:
    """A database has its own name only when it is complete."""
    path = place.file(service)
    return path.with_name(f".{path.name}.restoring")


async def load_sqlite(
    archive: Path, manifest: Manifest, place: Place, service: str, undo: AsyncExitStack
) -> None:
    path = beside(place, service)
    undo.callback(path.unlink, missing_ok=True)
    path.touch(mode=0o600)
    await asyncio.to_thread(shutil.copyfile, archive / "databases" / f"{service}.db", path)
    raise_for(differences(service, manifest.databases[service], sqlite.read(path)))
    await asyncio.to_thread(upgrade, migrations(service), f"sqlite+aiosqlite:///{path}")


async def load_postgres(
    archive: Path, manifest: Manifest, place: Place, service: str, undo: AsyncExitStack
) -> None:
    url, entry = place.databases[service], manifest.databases[service]
    undo.push_async_callback(postgres.clear, url)
    await postgres.load(service, url, archive / "databases" / service, entry)
    raise_for(differences(service, entry, await read(place, service)))
    await asyncio.to_thread(upgrade, migrations(service), url)


def raise_for(faults: list[str]) -> None:
    if faults:
        raise Refused("What was written is not what the backup says: " + "; ".join(faults))
