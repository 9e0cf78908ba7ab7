"""What a backup and a restore write: audit rows, and events to be sent again.

The broker is not in a backup: what had left its sender and had not arrived goes again.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from deploy.backups.manifest import Manifest, code_revision
from deploy.backups.place import Place
from deploy.installation import SERVICES
from deploy.verify_audit import open_database
from shared.audit import record_audit
from shared.audit_chain import head_of
from shared.clock import now
from shared.db import Database
from shared.topology import LISTENERS

# Parameters of one statement: SQLite takes 32,766, PostgreSQL 32,767.
AT_ONCE = 1000


async def record(place: Place, manifest: Manifest) -> bool:
    """Audit that all was copied; a database of another version is left as it is. Whether it was."""
    if manifest.databases["catalog"].revision != code_revision("catalog"):
        return False
    db = open_database("catalog", place.databases["catalog"], place.mac_key())
    try:
        detail = {"time": manifest.time.isoformat(), "objects": len(manifest.objects)}
        return await audit(db, "catalog.back-up", detail, by_key=place.mac_key() is not None)
    finally:
        await db.close()


async def go_on(place: Place, time: datetime) -> tuple[int, bool]:
    """Have lost events sent again, and audit the restore. How many there are; whether it was."""
    key = place.mac_key()
    databases = {name: open_database(name, place.databases[name], key) for name in SERVICES}
    try:
        count = sum([await resend(db, await lost(db, databases)) for db in databases.values()])
        detail = {"time": time.isoformat(), "events": count}
        by_key = key is not None
        return count, await audit(databases["catalog"], "catalog.restore", detail, by_key=by_key)
    finally:
        for db in databases.values():
            await db.close()


async def audit(db: Database, action: str, detail: Mapping[str, Any], *, by_key: bool) -> bool:
    """Write a row, unless those before it carry MACs and there is no key to make one."""
    async with db.reading() as session:
        if not by_key and (await head_of(session)).mac:
            return False
    async with db.transaction() as session:
        await record_audit(session, action, "service/catalog", detail=detail)
    return True


async def lost(db: Database, databases: Mapping[str, Database]) -> set[UUID]:
    """Events that this service has sent and that one of their listeners has not received.

    A received event is remembered for longer than a sent one (shared/janitor.py).
    """
    outbox = db.tables.outbox
    missing: set[UUID] = set()
    for listener, types in LISTENERS.items():
        async with db.reading() as session:
            mine = select(outbox.c.event_id).where(
                outbox.c.sent_at.is_not(None), outbox.c.type.in_(types)
            )
            sent = set((await session.execute(mine)).scalars())
        inbox = databases[listener].tables.inbox
        async with databases[listener].reading() as session:
            received = await session.stream_scalars(
                select(inbox.c.id).where(inbox.c.source == f"/{db.service}")
            )
            async for event_id in received:
                sent.discard(event_id)
        missing |= sent
    return missing


async def resend(db: Database, events: set[UUID]) -> int:
    """Make them due; listeners that have them know them by their ids."""
    outbox, waiting = db.tables.outbox, sorted(events)
    for start in range(0, len(waiting), AT_ONCE):
        some = outbox.c.event_id.in_(waiting[start : start + AT_ONCE])
        async with db.transaction() as session:
            again = update(outbox).where(some).values(due_at=now(), attempts=0)
            await session.execute(again.execution_options(synchronize_session=False))
    return len(waiting)
