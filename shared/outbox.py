"""Events leave with the transaction that caused them: written beside the change, relayed in batches, at least once."""

import json
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import CursorResult, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from shared import telemetry
from shared.bus import Bus
from shared.clock import now
from shared.contracts import Envelope, Event
from shared.db import Database, Session, database
from shared.due import backoff, claim_rows, db_now
from shared.ids import new_id

LEASE = timedelta(seconds=15)  # longer than a publish may take, shorter than anybody wants to wait after a crash
BATCH = 500


async def next_sequence(session: Session, subject: str) -> int:
    """The position of the next event of this subject; holds the subject's row until the transaction ends."""
    db = database(session)
    table = db.tables.sequences
    insert_or_update = (insert_sqlite if db.sqlite else insert_postgresql)(table).values(subject=subject, last=1)
    counted = insert_or_update.on_conflict_do_update(index_elements=[table.c.subject], set_={"last": table.c.last + 1}).returning(
        table.c.last
    )
    return int((await session.execute(counted)).scalar_one())


def event_id(event: Event, cause: Envelope | None) -> UUID:
    """An event caused by an event has a derived id, so that handling the cause twice says the same thing twice."""
    return uuid5(cause.id, f"{event.type} {event.subject}") if cause else new_id()


async def emit(session: Session, event: Event, *, cause: Envelope | None = None) -> Envelope:
    """Write the event beside the change; it leaves only if the transaction commits."""
    db = database(session)
    cause = cause or session.info.get("cause")
    envelope = Envelope(
        id=event_id(event, cause),
        source=f"/{db.service}",
        type=event.type,
        subject=event.subject,
        time=now(),
        dataschema=Envelope.schema_url(event.type),
        sequence=await next_sequence(session, event.subject),
        traceparent=telemetry.current_traceparent(),
        correlationid=telemetry.current_request_id() or (cause.correlationid if cause else None),
        causationid=cause.id if cause else None,
        data=json.loads(event.model_dump_json()),
    )
    row = {
        "id": new_id(),
        "event_id": envelope.id,
        "type": event.type,
        "subject": event.subject,
        "body": envelope.model_dump_json(exclude_none=True),
        "created_at": envelope.time,
        "due_at": now(),
    }
    await session.execute(insert(db.tables.outbox).values(**row))
    db.emitted = True
    return envelope


async def relay_batch(db: Database, bus: Bus) -> bool:
    """Publish what is due, without holding a lock while publishing. True if all of a batch left: there may be more."""
    table = db.tables.outbox
    if not db.emitted and not await something_due(db):
        return False
    db.emitted = False
    async with db.transaction() as session:
        rows = await claim_rows(session, table, n=BATCH, lease=LEASE, columns=(table.c.body,))
    if not rows:
        return False
    outcomes = await bus.publish([Envelope.parse(row["body"]) for row in rows])
    sent = [row["id"] for row, outcome in zip(rows, outcomes, strict=True) if outcome is None]
    async with db.transaction() as session:
        # No fence here: a row that somebody else claims meanwhile was published all the same.
        if sent:
            done = update(table).where(table.c.id.in_(sent)).values(due_at=None, sent_at=now(), last_error=None)
            await session.execute(done.execution_options(synchronize_session=False))
        for row, outcome in zip(rows, outcomes, strict=True):
            if outcome is not None:
                values = {"due_at": db_now(backoff(row["attempts"], cap=30)), "last_error": type(outcome).__name__}
                failed = update(table).where(table.c.id == row["id"], table.c.fence == row["fence"]).values(**values)
                await session.execute(failed.execution_options(synchronize_session=False))
    return len(sent) == len(rows)


async def something_due(db: Database) -> bool:
    """Looked up without a lock, so that an idle relay keeps no writer waiting."""
    table = db.tables.outbox
    async with db.reading() as session:
        return (await session.execute(select(table.c.id).where(table.c.due_at <= db_now()).limit(1))).first() is not None


async def retry_now(db: Database) -> None:
    """The broker is back: what waits for its back-off is due at once."""
    table = db.tables.outbox
    async with db.transaction() as session:
        await session.execute(
            update(table).where(table.c.last_error.is_not(None), table.c.due_at.is_not(None)).values(due_at=now())
        )


async def republish_since(session: Session, since: datetime) -> int:
    """Make every event sent since then due again; receivers know them by their ids. Returns how many."""
    table = database(session).tables.outbox
    again = update(table).where(table.c.sent_at.is_not(None), table.c.created_at >= since).values(due_at=now(), attempts=0)
    result = await session.execute(again.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    return int(result.rowcount)
