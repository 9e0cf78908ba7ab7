"""How a service is: its parts one by one, for readyz, and what its metrics measure in the database."""

import time
from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue
from sqlalchemy import Table, func, select

from shared import ops
from shared.audit_seal import Sealer
from shared.bus import Bus
from shared.checkpoints import CheckpointSender
from shared.contracts import Based
from shared.db import Database
from shared.due import waiting as waiting_rows
from shared.storage import Storage
from shared.telemetry import Metrics
from shared.writes import disk_trouble

PARTS: list[JsonValue] = [
    {"name": "database", "state": "ready", "detail": None},
    {"name": "inbox", "state": "ready", "detail": None},
    {"name": "storage", "state": "ready", "detail": None},
    {"name": "bus", "state": "degraded", "detail": "the broker is not reachable"},
    {"name": "audit", "state": "ready", "detail": None},
]
DOCUMENT_EXAMPLE = {"asyncapi": "3.0.0", "info": {"title": "Dure catalog: events", "version": "1.0.0"}, "channels": {}}
EVENTS_DOCUMENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The AsyncAPI document.", "content": {"application/json": {"example": DOCUMENT_EXAMPLE}}}
}
METRICS_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"description": "Metrics as text.", "content": {"text/plain": {"example": 'dure_outbox_unsent{service="catalog"} 0\n'}}}
}


class Health(BaseModel):
    """`ok`, or which background loops have ended (status 503)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: str


class Part(BaseModel):
    """Something that the service needs: `ready`, `degraded` or `unavailable`."""

    name: str
    state: str
    detail: str | None = None


class Readiness(BaseModel):
    """`ready`, `degraded` (works, but look at the parts) or `unavailable` (status 503)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "degraded", "parts": PARTS}]})

    status: str
    parts: list[Part]


async def database_parts(db: Database) -> list[Part]:
    """The database, and the inbox in it: events that were given up want somebody to look.

    Degraded if it is read but not written: its disk is full, or a write failed a moment ago."""
    inbox = db.tables.inbox
    try:
        async with db.reading() as session:
            dead = (await session.execute(select(func.count()).where(inbox.c.state == "dead"))).scalar_one()
    except Exception as error:
        detail = f"not reachable or not migrated ({type(error).__name__})"
        return [Part(name="database", state="unavailable", detail=detail)]
    given_up = f"{dead} events were given up: see /{db.service}/ops/inbox" if dead else None
    return [
        part("database", db.writes.trouble or disk_trouble(db.folder)),
        Part(name="inbox", state="degraded" if dead else "ready", detail=given_up),
    ]


def part(name: str, trouble: str | None) -> Part:
    return Part(name=name, state="degraded" if trouble else "ready", detail=trouble)


async def storage_part(storage: Storage) -> Part:
    try:
        await storage.check()
    except Exception as error:
        return Part(name="storage", state="unavailable", detail=f"the object storage cannot be used ({type(error).__name__})")
    return part("storage", storage.writes.trouble or disk_trouble(storage.folder))


def rules_part(rules: Mapping[str, Based], today: date) -> Part:
    """Rules whose texts have to be read again, by name. They go on holding: nothing stands still."""
    due = sorted(name for name, rule in rules.items() if rule.recheck_due(today))
    if not due:
        return Part(name="rules", state="ready")
    return Part(name="rules", state="degraded", detail=f"re-read the texts of: {', '.join(due)} (see recheck_by)")


def bus_part(bus: Bus) -> Part:
    down = bus.down
    return Part(name="bus", state="degraded" if down else "ready", detail=down)


def audit_part(sealer: Sealer | None, sender: CheckpointSender | None, db: Database) -> Part:
    """Whether audit rows are sealed, carry MACs and their checkpoints arrive, and whether somebody tampered with them."""
    if sealer is None:
        detail = "no signing key is set: audit rows are written but not sealed"
    elif sealer.alarms:
        detail = f"tampering was found {sealer.alarms} times since the start: see the rows with the outcome alarm"
    elif db.writer.key is None:
        detail = "no key for MACs is set: a row that was added in the database looks like one of ours"
    elif sender is not None and sender.fault:
        detail = f"the newest checkpoint could not be sent ({sender.fault})"
    else:
        return Part(name="audit", state="ready")
    return Part(name="audit", state="degraded", detail=detail)


async def measure(db: Database, metrics: Metrics) -> None:
    tables = db.tables
    async with db.reading() as session:
        created = tables.outbox.c.created_at
        unsent = select(func.count().label("n"), func.min(created).label("oldest")).where(tables.outbox.c.due_at.is_not(None))
        waiting = (await session.execute(unsent)).mappings().one()
        states = await ops.count_states(session, tables.inbox)
        for table in due_tables(db):
            metrics.due_waiting.labels(table.name).set(await waiting_rows(session, table))
    metrics.outbox_unsent.set(waiting["n"])
    metrics.outbox_oldest_seconds.set(time.time() - waiting["oldest"].timestamp() if waiting["oldest"] else 0)
    metrics.inbox_new.set(states.get("new", 0))
    metrics.inbox_dead.set(states.get("dead", 0))


def due_tables(db: Database) -> list[Table]:
    """The service's own tables of waiting work."""
    plumbing = (db.tables.outbox, db.tables.inbox)
    return [table for table in db.metadata.sorted_tables if "due_at" in table.c and table not in plumbing]
