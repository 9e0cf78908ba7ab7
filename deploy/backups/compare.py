"""Whether an installation holds what a backup says: rows, objects, audit chains."""

from collections.abc import Mapping

from sqlalchemy import select

from deploy.backups import postgres, sqlite
from deploy.backups.errors import Refused
from deploy.backups.manifest import DatabaseEntry, Manifest
from deploy.backups.place import Place
from deploy.verify_audit import open_database, verify_service
from shared.audit_verify import Verdict
from shared.keys import VerifyKey


async def read(place: Place, service: str) -> DatabaseEntry:
    """What a database of the installation holds now."""
    if place.engine(service) == "postgresql":
        return await postgres.read(place.databases[service])
    if not place.file(service).exists():
        raise Refused(f"There is no installation: {place.file(service)} is missing.")
    return sqlite.read(place.file(service))


def differences(service: str, expected: DatabaseEntry, present: DatabaseEntry) -> list[str]:
    """Each table that has another number of rows."""
    return [
        f"{service}: the table {name} has {after} rows, the backup {before}"
        for name in sorted(expected.tables.keys() | present.tables.keys())
        if (before := rows(expected, name)) != (after := rows(present, name))
    ]


def losses(service: str, expected: DatabaseEntry, present: DatabaseEntry) -> list[str]:
    """Each table that has fewer rows: migrations and the restore itself add some."""
    return [
        f"{service}: the table {name} has {after} rows, the backup {before}"
        for name in expected.tables
        if (after := rows(present, name)) < (before := rows(expected, name))
    ]


def rows(entry: DatabaseEntry, table: str) -> int:
    return entry.tables[table].rows if table in entry.tables else -1


async def compare(manifest: Manifest, place: Place) -> list[str]:
    """What an installation that was restored, and not started since, lacks: one line each."""
    faults: list[str] = []
    for service, expected in manifest.databases.items():
        faults += losses(service, expected, await read(place, service))
    storage = place.storage()
    present = {sha256: size async for sha256, size, _ in storage.objects()}
    faults += [
        f"the object {sha256} is missing or has another size"
        for sha256, size in manifest.objects.items()
        if present.get(sha256) != size
    ]
    return faults + await broken_chains(manifest, place.databases)


async def broken_chains(manifest: Manifest, urls: Mapping[str, str]) -> list[str]:
    """Services whose audit does not verify, or lacks the head that the backup had."""
    faults = []
    for service, entry in manifest.databases.items():
        head = entry.audit
        key = VerifyKey.from_pem((head.public_key or "").encode())
        # The manifest's head stands for a checkpoint, without which no chain counts as whole.
        if await verify_service(service, urls[service], key, None) is Verdict.BROKEN:
            faults.append(f"{service}: the audit does not verify")
        elif head.position and await hash_at(service, urls[service], head.position) != head.hash:
            faults.append(f"{service}: the audit is another at position {head.position}")
    return faults


async def hash_at(service: str, url: str, position: int) -> str | None:
    db = open_database(service, url)
    try:
        async with db.reading() as session:
            seals = db.tables.seals
            at = select(seals.c.hash).where(seals.c.position == position)
            return (await session.execute(at)).scalar_one_or_none()
    finally:
        await db.close()
