"""Delete the objects that nobody needs: `make collect-garbage FOLDER=var/serve`, or any installation by its databases.

An object goes if it is old and no row of any service speaks of it, but for what the catalog knows of files that cannot be used
any more: refused, overtaken, replaced, or of a withdrawn dataset. What was ever approved for a request stays. The four services
share one storage, so only somebody who reads all four databases can tell. What goes is audited in the catalog before it goes.
"""

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, String, Table, and_, cast, not_, or_, select

from deploy.installation import SERVICES
from deploy.verify_audit import open_database
from services.catalog.models import UNCHECKED, DatasetState
from shared.audit import record_audit
from shared.audit_chain import head_of
from shared.clock import now
from shared.db import Database
from shared.keys import MacKey
from shared.storage import Storage

DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
# They remember what was; nothing is read because of them.
MEMORY = {"audit", "audit_seal", "audit_checkpoint", "idempotency", "alembic_version"}
NAMED_IN_AUDIT = 200


@dataclass(frozen=True)
class Garbage:
    """Objects that may go: digest -> bytes."""

    objects: Mapping[str, int]

    @property
    def told(self) -> str:
        return f"{len(self.objects)} objects, {sum(self.objects.values()):,} bytes"


async def referenced(db: Database) -> set[str]:
    """Every digest that a row of this service speaks of."""
    found: set[str] = set()
    async with db.reading() as session:
        for table in db.metadata.sorted_tables:
            if table.name not in MEMORY:
                texts = [cast(column, String) for column in table.columns if may_hold_text(column)]
                rows = await session.stream(select(*texts).where(still_usable(db, table)))
                async for row in rows:
                    found.update(*(DIGEST.findall(text) for text in row if text))
    return found


def may_hold_text(column: ColumnElement[object]) -> bool:
    return "CHAR" in str(column.type).upper() or "JSON" in str(column.type).upper() or "TEXT" in str(column.type).upper()


def still_usable(db: Database, table: Table) -> ColumnElement[bool]:
    """All rows, but for those that remember a file which cannot be used any more."""
    if (db.service, table.name) == ("catalog", "datasetfile"):
        dataset = db.metadata.tables["dataset"]
        live = or_(table.c.number == dataset.c.live_file, table.c.state.in_(UNCHECKED))
        usable = and_(dataset.c.id == table.c.dataset_id, dataset.c.state != DatasetState.WITHDRAWN, live)
        return select(dataset.c.id).where(usable).exists()
    if (db.service, table.name) == ("requests", "knowndataset"):
        return not_(table.c.withdrawn)
    return table.c[table.primary_key.columns.keys()[0]].is_not(None)


async def find_garbage(databases: Sequence[Database], storage: Storage, older_than: timedelta) -> Garbage:
    """The objects are listed first: what is written or spoken of meanwhile is young, or found among the rows."""
    limit = now() - older_than
    old = {digest: size async for digest, size, written in storage.objects() if written < limit}
    for db in databases:
        for digest in await referenced(db):
            old.pop(digest, None)
    return Garbage(old)


async def collect(
    databases: Mapping[str, Database], storage: Storage, older_than: timedelta, *, dry_run: bool = False
) -> Garbage:
    """Find, audit, delete. Killed in between, the next time deletes the rest."""
    garbage = await find_garbage(list(databases.values()), storage, older_than)
    if dry_run or not garbage.objects:
        return garbage
    detail = {"objects": len(garbage.objects), "bytes": sum(garbage.objects.values())}
    detail |= {"sha256": sorted(garbage.objects)[:NAMED_IN_AUDIT]}  # type: ignore[dict-item]  # a list beside numbers
    async with databases["catalog"].transaction() as session:
        await record_audit(session, "catalog.collect-garbage", "storage/objects", detail=detail)
    for digest in garbage.objects:
        await storage.delete(digest)
    return garbage


async def run(
    urls: Mapping[str, str], storage: Storage, older_than: timedelta, mac_key: MacKey | None, *, dry_run: bool
) -> Garbage:
    """LookupError if the catalog's audit rows carry MACs and there is no key to make one."""
    databases = {service: open_database(service, urls[service], mac_key) for service in SERVICES}
    try:
        async with databases["catalog"].reading() as session:
            if mac_key is None and not dry_run and (await head_of(session)).mac:
                raise LookupError("what goes is audited in the catalog, whose rows carry MACs: name their key by --mac-key")
        return await collect(databases, storage, older_than, dry_run=dry_run)
    finally:
        for db in databases.values():
            await db.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="folder of an embedded installation")
    parser.add_argument("--url", action="append", default=[], metavar="SERVICE=URL", help="database of a service; all four")
    parser.add_argument("--storage", help="the storage, with --url; its options are read from CATALOG_STORAGE_OPTIONS")
    parser.add_argument("--mac-key", type=Path, help="CATALOG_AUDIT_MAC_KEY, with --url")
    parser.add_argument("--days", type=float, default=7, help="only objects that were written so many days ago; 7 if not given")
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")
    options = parser.parse_args()
    if options.folder:
        folder = options.folder.resolve()
        if not (folder / "catalog.db").exists():
            print(f"There is no installation in {folder}: start one with `make serve`, or name it with FOLDER=...")
            return 2
        urls = {name: f"sqlite+aiosqlite:///{folder / name}.db" for name in SERVICES}
        storage, mac_file = Storage((folder / "objects").as_uri()), folder / "audit.mac"
        options.mac_key = mac_file if mac_file.exists() else None
    else:
        urls = dict(each.partition("=")[::2] for each in options.url)
        if set(urls) != set(SERVICES) or not options.storage:
            parser.error("say where: --folder of an embedded installation, or --url of each of the four services with --storage")
        storage = Storage(options.storage, json.loads(os.environ.get("CATALOG_STORAGE_OPTIONS", "{}")))
    try:
        mac_key = MacKey.load(options.mac_key) if options.mac_key else None
        garbage = asyncio.run(run(urls, storage, timedelta(days=options.days), mac_key, dry_run=options.dry_run))
    except (LookupError, OSError, ValueError) as error:
        parser.error(str(error))
    print(f"{'Would delete' if options.dry_run else 'Deleted'} {garbage.told}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
