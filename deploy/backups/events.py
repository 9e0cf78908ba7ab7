"""What a backup and a restore write: audit rows, and events to be sent again.

The broker is not in a backup: what had left its sender and had not arrived goes again.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update

from deploy.backups.manifest import Manifest, code_revision
from deploy.backups.place import Place
from deploy.installation import SERVICES
from deploy.verify_audit import open_database
from shared.audit import record_audit
from shared.clock import now
from shared.db import Database
from shared.topology import LISTENERS

# Parameters of one statement: SQLite takes 32,766, PostgreSQL 32,767.
AT_ONCE = 1000


async def record(place: Place, manifest: Manifest) -> None:
    """That all was copied is audited. A database of another version is left as it is."""
    if manifest.databases["catalog"].revision != code_revision("catalog"):
        return
    db = open_database("catalog", place.databases["catalog"])
    try:
        detail = {"time": manifest.time.isoformat(), "objects": len(manifest.objects)}
        async with db.transaction() as session:
            await record_audit(session, "catalog.back-up", "service/catalog", detail=detail)
    finally:
        await db.close()


async def go_on(urls: Mapping[str, str], time: datetime) -> int:
    """Have lost events sent again, and audit the restore. How many there are."""
    databases = {service: open_database(service, urls[service]) for service in SERVICES}
    try:
        count = sum([await resend(db, await lost(db, databases)) for db in databases.values()])
        detail = {"time": time.isoformat(), "events": count}
        async with databases["catalog"].transaction() as session:
            await record_audit(session, "catalog.restore", "service/catalog", detail=detail)
        return count
    finally:
        for db in databases.values():
            await db.close()


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
