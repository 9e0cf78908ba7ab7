"""Events leave with the transaction that caused them: written beside the change, relayed in batches, at least once."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID, uuid5

from sqlalchemy import CursorResult, Executable, Table, insert, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from shared import telemetry
from shared.bus import Bus
from shared.clock import now
from shared.contracts import Envelope, Event
from shared.db import Database, Fields, Session, database
from shared.due import backoff, claim_rows, db_now, record_row, something_due
from shared.ids import new_id

LEASE = timedelta(seconds=15)  # longer than a publish may take, shorter than anybody wants to wait after a crash
BATCH = 500
TURNS = 4  # batches of one turn, so that a service that has to stop need not relay all first
Settled = tuple[Fields, Exception | None]


async def next_sequence(session: Session, subject: str) -> int:
    """The position of the next event of this subject; holds the subject's row until the transaction ends."""
    db = database(session)
    counted = counting(db.tables.sequences, db.sqlite)
    return int((await session.execute(counted, {"subject": subject, "last": 1})).scalar_one())


@cache  # to build it takes longer than to carry it out
def counting(table: Table, sqlite: bool) -> Executable:
    insert_new = (insert_sqlite if sqlite else insert_postgresql)(table)
    counted = insert_new.on_conflict_do_update(index_elements=[table.c.subject], set_={"last": table.c.last + 1})
    return counted.returning(table.c.last)


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
    await session.execute(insert(db.tables.outbox), row)
    db.emitted = True
    return envelope


async def relay_batch(db: Database, bus: Bus) -> bool:
    """Publish what is due, without holding a lock while publishing. True if all of it left: there may be more."""
    if not db.emitted:
        async with db.reading() as session:
            if not await something_due(session, db.tables.outbox):
                return False
    db.emitted = False
    rows = await record_and_claim(db, [], BATCH)
    return await (relay_in_turn if db.sqlite else relay_side_by_side)(db, bus, rows)


async def relay_in_turn(db: Database, bus: Bus, rows: list[Fields]) -> bool:
    """SQLite's thread and the publishing one would fight for the interpreter: at a time both take twice as long."""
    all_left = False
    for turn in range(1, TURNS + 1):
        if not rows:
            break
        settled = await publish(bus, rows)
        all_left = not failed(settled)
        more = all_left and turn < TURNS and len(rows) == BATCH
        rows = await record_and_claim(db, settled, BATCH if more else 0)
    return all_left


async def relay_side_by_side(db: Database, bus: Bus, rows: list[Fields]) -> bool:
    """While a batch is under way, the one before it is recorded and the one after it is claimed."""
    settled: list[Settled] = []
    for turn in range(1, TURNS + 1):
        if not rows:
            break
        more = turn < TURNS and len(rows) == BATCH and not failed(settled)
        async with asyncio.TaskGroup() as group:
            publishing = group.create_task(publish(bus, rows))
            claiming = group.create_task(record_and_claim(db, settled, BATCH if more else 0))
        settled, rows = publishing.result(), claiming.result()
    await record_and_claim(db, settled, 0)
    return bool(settled) and not failed(settled)


async def publish(bus: Bus, rows: Sequence[Fields]) -> list[Settled]:
    return list(zip(rows, await bus.publish([Envelope.parse(row["body"]) for row in rows]), strict=True))


def failed(settled: Sequence[Settled]) -> bool:
    return any(error is not None for _, error in settled)


async def record_and_claim(db: Database, settled: Sequence[Settled], n: int) -> list[Fields]:
    """Record what became of claimed rows, and claim up to n more."""
    if not settled and not n:
        return []
    table = db.tables.outbox
    sent = [row["id"] for row, error in settled if error is None]
    async with db.transaction(wakes=False) as session:
        # No fence here: a row that somebody else claims meanwhile was published all the same.
        if sent:
            done = update(table).where(table.c.id.in_(sent)).values(due_at=None, sent_at=now(), last_error=None)
            await session.execute(done.execution_options(synchronize_session=False))
        for row, error in settled:
            if error is not None:
                due_at = db_now(backoff(row["attempts"], cap=30))
                await record_row(session, table, row["id"], row["fence"], due_at=due_at, last_error=type(error).__name__)
        return await claim_rows(session, table, n=n, lease=LEASE, columns=(table.c.body,)) if n else []


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
