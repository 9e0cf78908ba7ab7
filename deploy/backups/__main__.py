"""`make backup`, `make restore`, `make verify-backup`: copies of a whole installation.

An installation is `--folder` of an embedded one, or what the settings of the four services in the
environment describe. Exit code 1: it was done, but something is damaged; 2: nothing was done.
What is in a backup, and what is not: docs/backup.md.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from deploy.backups.compare import compare
from deploy.backups.errors import Refused
from deploy.backups.events import record
from deploy.backups.manifest import Manifest, check_files, read_manifest
from deploy.backups.place import KEY_FILES, Place
from deploy.backups.restore import BrokenAudit, restore
from deploy.backups.save import save

BROKER = "Give the services an empty broker: an old one still holds what came after the backup."
SECRETS = "Give them the keys and secrets of the installation that was backed up."

UNAUDITED = "the key of its MACs is not here (CATALOG_AUDIT_MAC_KEY), or it is of another version."


def place_of(folder: Path | None) -> Place:
    return Place.in_folder(folder) if folder else Place.of_settings()


def summary(manifest: Manifest) -> str:
    rows = sum(database.rows for database in manifest.databases.values())
    size = sum(entry.size for entry in manifest.files.values())
    heads = (f"{name} {entry.audit.position}" for name, entry in manifest.databases.items())
    return (
        f"{rows:,} rows, {len(manifest.objects):,} objects, {size:,} bytes "
        f"of {manifest.time:%Y-%m-%d %H:%M:%S} UTC; audit sealed up to {', '.join(heads)}."
    )


async def back_up(place: Place, to: Path, *, keys: bool) -> int:
    manifest, digest = await save(place, to, keys=keys)
    if not await record(place, manifest):
        print(f"The backup is not audited: {UNAUDITED}")
    print(f"Wrote {to}: {summary(manifest)}")
    print(f"SHA-256 of its manifest, to be noted elsewhere: {digest}")
    print("The keys are in it, too." if keys else "The keys are not in it: keep them apart.")
    for sha256 in manifest.damaged:
        print(f"DAMAGED or missing in the storage, and left out: the object {sha256}")
    return 1 if manifest.damaged else 0


async def put_back(archive: Path, place: Place) -> int:
    manifest, events, audited = await restore(archive, place)
    print(f"Restored {summary(manifest)}")
    print(f"{events} events had been sent and had not arrived: they will be sent again.")
    for sha256 in manifest.damaged:
        print(f"MISSING or damaged when it was backed up, so not restored: the object {sha256}")
    if not audited:
        print(f"The restore is not audited: {UNAUDITED}")
    if place.folder is None:
        print(f"Before the services start:\n  {BROKER}\n  {SECRETS}")
    elif missing := [name for name in KEY_FILES if not (place.folder / name).exists()]:
        print(f"Before it is started, put back its keys: {', '.join(missing)}.")
    return 0


async def verify(archive: Path, place: Place | None) -> int:
    manifest = read_manifest(archive)
    check_files(archive, manifest)
    print(f"{archive} is whole: {summary(manifest)}")
    if place is None:
        return 0
    faults = await compare(manifest, place)
    print("\n".join(faults) or "The installation holds all of it.")
    return 1 if faults else 0


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=["save", "restore", "verify"])
    parser.add_argument("--to", type=Path, help="save: a folder that does not exist yet")
    parser.add_argument("--from", dest="archive", type=Path, help="the folder of a backup")
    parser.add_argument("--folder", type=Path, help="folder of an embedded installation")
    parser.add_argument("--keys", action="store_true", help="save: with the keys of the folder")
    parser.add_argument("--archive-only", action="store_true", help="verify: no installation")
    chosen = parser.parse_args()
    if chosen.action == "save" and chosen.to is None:
        parser.error("say where the backup goes: TO=... (--to)")
    if chosen.action != "save" and chosen.archive is None:
        parser.error("say which backup: FROM=... (--from)")
    return chosen


async def run(chosen: argparse.Namespace) -> int:
    if chosen.action == "save":
        return await back_up(place_of(chosen.folder), chosen.to, keys=chosen.keys)
    if chosen.action == "restore":
        return await put_back(chosen.archive, place_of(chosen.folder))
    return await verify(chosen.archive, None if chosen.archive_only else place_of(chosen.folder))


def main() -> int:
    chosen = options()
    try:
        return asyncio.run(run(chosen))
    except BrokenAudit as error:
        print(f"Restored as it was backed up, but not whole: {error}")
        return 1
    except Refused as error:
        print(f"Refused: {error}")
    except OSError as error:
        print(f"Refused: {error}")
    return 2


if __name__ == "__main__":
    sys.exit(main())
