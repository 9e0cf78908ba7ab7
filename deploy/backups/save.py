"""Make a backup: objects, the databases at one point, objects added meanwhile, the manifest."""

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

from deploy.backups.cut import Source, cut, gathered, sources
from deploy.backups.errors import Refused
from deploy.backups.manifest import (
    FORMAT,
    OBJECTS,
    DatabaseEntry,
    FileEntry,
    Manifest,
    code_version,
    entry_of,
    files_in,
    write_manifest,
)
from deploy.backups.objects import ObjectCopies, needed
from deploy.backups.place import KEY_FILES, Place
from shared.clock import now
from shared.keys import VerifyKey
from shared.storage import object_path

# How often an object that a run needs may go before it is copied. Then it is missing for good.
CUTS = 5
SIGNER = "SELECT key_id FROM audit_checkpoint ORDER BY position DESC LIMIT 1"


async def save(place: Place, to: Path, *, keys: bool = False) -> tuple[Manifest, str]:
    """Write a backup to a folder that does not exist yet. Its manifest, and the manifest's SHA-256.

    The folder appears when the backup is complete; Refused, OSError: nothing of it stays.
    """
    if to.exists():
        raise Refused(f"{to} exists already: a backup is written to a folder of its own.")
    signers = audit_keys(place)
    to.parent.mkdir(parents=True, exist_ok=True)
    partial = to.with_name(f".{to.name}.{uuid4().hex[:8]}")
    partial.mkdir(mode=0o700)
    try:
        manifest = await write(place, partial, signers, keys=keys)
        digest = write_manifest(partial, manifest)
        await asyncio.to_thread(sync_all, partial)  # its name promises that all is on the disk
        partial.rename(to)
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)
        raise
    return manifest, digest


def sync_all(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def audit_keys(place: Place) -> dict[str, VerifyKey]:
    """A restore verifies by them. Refused where one is missing."""
    signers = {}
    for service in place.databases:
        if (key := place.audit_key(service)) is None:
            raise Refused(
                f"The key that signs the audit of {service} is not here ({service.upper()}"
                "_AUDIT_KEY, or audit.pem in FOLDER). Its public half is enough."
            )
        signers[service] = key
    return signers


async def write(
    place: Place, folder: Path, signers: Mapping[str, VerifyKey], *, keys: bool
) -> Manifest:
    copies = ObjectCopies(place.storage(), folder)
    await copies.bring()  # most of them, so that little is left to do beside the open snapshots
    for attempt in range(1, CUTS + 1):
        databases = sources(place)
        try:
            await cut(databases)
            time = now()
            await copies.bring()
            gone = await needed(databases) - copies.sizes.keys()
            if not gone or attempt == CUTS:
                await check_signers(databases, signers)
                entries = await copy_databases(databases, folder / "databases")
                break
        finally:
            await gathered(source.close() for source in databases)
    if keys:
        copy_keys(place, folder)
    return Manifest(
        format=FORMAT,
        version=code_version(),
        time=time,
        databases={name: signed(entry, signers[name]) for name, entry in entries.items()},
        files=await asyncio.to_thread(file_entries, folder, copies.sizes),
        damaged=sorted(copies.damaged | gone),
    )


async def check_signers(databases: Sequence[Source], signers: Mapping[str, VerifyKey]) -> None:
    """Refused if a chain was last signed by another key than the one that is here."""
    for source in databases:
        for key_id in await source.texts(SIGNER):
            if key_id != signers[source.service].key_id:
                raise Refused(
                    f"The audit of {source.service} was signed by the key {key_id}, "
                    f"but the one here is {signers[source.service].key_id}."
                )


async def copy_databases(databases: Sequence[Source], folder: Path) -> dict[str, DatabaseEntry]:
    folder.mkdir()
    entries = await gathered(source.copy(folder) for source in databases)
    return {source.service: entry for source, entry in zip(databases, entries, strict=True)}


def signed(entry: DatabaseEntry, key: VerifyKey) -> DatabaseEntry:
    head = entry.audit.model_copy(update={"public_key": key.pem().decode()})
    return entry.model_copy(update={"audit": head})


def copy_keys(place: Place, folder: Path) -> None:
    """Those of an embedded installation. Refused where keys are not files of a folder."""
    if place.folder is None:
        raise Refused(
            "Only an embedded installation has its keys in its folder; "
            "back up others as you back up secrets."
        )
    for name in KEY_FILES:
        if not (place.folder / name).exists():  # of an earlier version that had none
            continue
        target = folder / "keys" / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(place.folder / name, target)


def file_entries(folder: Path, objects: Mapping[str, int]) -> dict[str, FileEntry]:
    """Objects were hashed while they were copied; everything else is read once more."""
    entries = {
        f"{OBJECTS}/{object_path(sha256)}": FileEntry(size=size, sha256=sha256)
        for sha256, size in sorted(objects.items())
    }
    return entries | {
        name: entry_of(folder / name) for name in files_in(folder) if name not in entries
    }
