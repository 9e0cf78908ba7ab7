"""Events arrive at least once: stored and committed first, then handled from the table, with back-off, dead state and replay."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from operator import itemgetter
from typing import Any
from uuid import UUID, uuid5

from pydantic import ValidationError
from sqlalchemy import exists, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from shared import telemetry
from shared.audit import record_audit
from shared.bus import Incoming
from shared.clock import now
from shared.contracts import Envelope, Event
from shared.db import Database, Fields, Session, database
from shared.due import backoff, claim_rows, db_now, record_row, something_due

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=20)
MAX_ATTEMPTS = 8
MAX_BODY = 16 * 1024 * 1024  # more than the widest dataset that a JSON body can register
BATCH = 50
FRESH: dict[str, Any] = {"fence": literal_column("0"), "attempts": literal_column("0")}
Handler = Callable[[Session, Any, Envelope], Awaitable[None]]


class Forged(Exception):
    """The broker's sender is not the service that may say this."""


async def receive(db: Database, batch: Sequence[Incoming]) -> None:
    """Store a batch; what is there already is passed over. What cannot be read is stored dead, with its reason."""
    rows = [row_of(incoming) for incoming in batch]
    table = db.tables.inbox
    insert_new = (insert_sqlite if db.sqlite else insert_postgresql)(table).values(FRESH)
    insert_new = insert_new.on_conflict_do_nothing(index_elements=[table.c.id])
    async with db.transaction() as session:
        await session.execute(insert_new, rows)
        for row in rows:
            if row["last_error"] == "forged-sender":
                await record_audit(
                    session, "bus.receive-event", row["subject"], outcome="refused", detail={"reason": "forged-sender"}
                )
        db.received = True


def row_of(incoming: Incoming) -> dict[str, Any]:
    at = now()
    base = {"received_at": at, "state": "new", "due_at": at, "last_error": None}
    try:
        envelope = Envelope.parse(incoming.body[: MAX_BODY + 1])
        check_sender(envelope, incoming.user_id)
    except ValidationError:
        return base | dead_row(incoming, "unreadable")
    except Forged:
        return base | dead_row(incoming, "forged-sender")
    row = base | {"id": envelope.id, "source": envelope.source, "type": envelope.type, "subject": envelope.subject}
    if incoming.dead:
        row |= {"state": "dead", "due_at": None, "last_error": "given-up-by-broker"}
    return row | {"body": incoming.body.decode()}  # as it came, with fields that only a newer version of us will know


def dead_row(incoming: Incoming, reason: str) -> dict[str, Any]:
    text = incoming.body[:MAX_BODY].decode("utf-8", "replace").replace("\0", "�")
    row = {"id": uuid5(UUID(int=0), f"{reason} {text}"), "source": incoming.user_id or "?", "type": reason, "subject": "?"}
    return row | {"body": text, "state": "dead", "due_at": None, "last_error": reason}


def check_sender(envelope: Envelope, user_id: str | None) -> None:
    """Over a broker the validated user must be the service that the source names, and the type must be that service's."""
    producer = envelope.type.split(".", 1)[0]
    if envelope.source != f"/{producer}" or (user_id is not None and user_id != producer and user_id not in TRUSTED_USERS):
        raise Forged


# A broker with a single user (development) cannot tell senders apart; a deployment has a user per service.
TRUSTED_USERS = frozenset({"guest"})


async def dispatch_batch(db: Database, handlers: Mapping[str, Handler]) -> bool:
    """Handle what is due. True if there may be more."""
    table = db.tables.inbox
    if not db.received:
        async with db.reading() as session:
            if not await something_due(session, table):
                return False
    db.received = False
    async with db.transaction(wakes=False) as session:
        rows = await claim_rows(session, table, n=BATCH, lease=LEASE, columns=(table.c.body, table.c.received_at))
    for row in sorted(rows, key=itemgetter("received_at")):
        await dispatch(db, handlers, row)
    return len(rows) == BATCH or db.received


async def dispatch(db: Database, handlers: Mapping[str, Handler], row: Fields) -> None:
    """Run the handler and mark the row done in one transaction; on failure wait, and after enough failures give up."""
    table = db.tables.inbox
    try:
        envelope = Envelope.parse(row["body"].encode())
        with telemetry.bind_trace(envelope.traceparent, envelope.correlationid):
            async with db.transaction(cause=envelope) as session:
                if not await record_row(
                    session, table, row["id"], row["fence"], state="done", done_at=now(), due_at=None, last_error=None
                ):
                    return
                handler = handlers[envelope.type]
                await handler(session, envelope.event(), envelope)
    except Exception as error:
        dead = isinstance(error, (KeyError, ValidationError)) or row["attempts"] >= MAX_ATTEMPTS
        log.warning(
            "event not handled", extra={"event_id": str(row["id"]), "error": type(error).__name__, "dead": dead}, exc_info=error
        )
        values = {"state": "dead", "due_at": None} if dead else {"due_at": db_now(backoff(row["attempts"]))}
        async with db.transaction() as session:
            await record_row(session, table, row["id"], row["fence"], last_error=type(error).__name__, **values)


async def replay(session: Session, event_id: UUID) -> bool:
    """Handle a dead event again. False if there is no such dead event; what could not be read stays dead."""
    table = database(session).tables.inbox
    dead = (table.c.id == event_id, table.c.state == "dead", table.c.last_error.not_in(("unreadable", "forged-sender")))
    again = update(table).where(*dead).values(state="new", due_at=now(), attempts=0).returning(table.c.id)
    return (await session.execute(again)).first() is not None


async def knows(session: Session, event_id: UUID) -> bool:
    """Whether an event of this id has come and is still kept."""
    table = database(session).tables.inbox
    return (await session.execute(select(table.c.id).where(table.c.id == event_id))).first() is not None


async def withdrawal_waits(session: Session) -> bool:
    """Whether a withdrawal of anything waits, or is dead, in this service's inbox: then nothing may be released."""
    table = database(session).tables.inbox
    withdrawals = [name for name, event in Event.types.items() if event.withdrawal]
    waits = exists().where(table.c.state.in_(("new", "dead")), table.c.type.in_(withdrawals))
    return bool((await session.execute(select(waits))).scalar_one())
