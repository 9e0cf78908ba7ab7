"""Doors of every service: the audit for auditors, the bus for ops (envelopes, never payloads), the pages of problem types."""

import html
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from sqlalchemy import Table, func, select

from shared import inbox, messages, outbox
from shared.audit import record_audit
from shared.auth import Role, require
from shared.clock import Moment
from shared.contracts.wording import said
from shared.db import Fields, Session, database
from shared.errors import Conflict, NotFound, Problem
from shared.http import Caller, Paging, Reading, Route, Transaction
from shared.paging import encode_cursor
from shared.problems import language_of, said_in

router = APIRouter(route_class=Route)
AUDIT_EXAMPLE: dict[str, JsonValue] = {
    "id": "0199a1c0-0000-7000-8000-0000000000a1", "at": "2026-11-24T09:00:00.123456+00:00", "action": "requests.decide-dataset",
    "outcome": "refused", "subject": "/requests/0199a1c0-0000-7000-8000-00000000000a/decisions", "actor": "park.steward",
    "ministry": "mois", "roles": "steward", "request_id": "5d0c7a52", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "detail": '{"method": "POST", "problem": "forbidden", "right": "steward of nts"}', "position": 412, "hash": "9c1b" * 16,
    "format": 2, "writer": "0199a1bf00007000800000000000000a", "number": 17, "settled": 17, "void": "14-15", "mac": "51d7" * 16,
}  # fmt: skip
CHECKPOINT_EXAMPLE: dict[str, JsonValue] = {
    "service": "requests", "position": 412, "hash": "9c1b" * 16, "at": "2026-11-24T09:00:01.000000+00:00",
    "key_id": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "signature": "qkz1mJ0…",
}  # fmt: skip
ENVELOPE_EXAMPLE: dict[str, JsonValue] = {
    "id": "0199a1c0-0000-7000-8000-0000000000e1", "type": "catalog.dataset-published.v1",
    "subject": "dataset/0199a1c0-0000-7000-8000-000000000002", "state": "dead", "attempts": 12, "due_at": None,
    "last_error": "LookupError",
}  # fmt: skip


class AuditEntry(BaseModel):
    """One row of the audit with its place in the chain; `position` is null until it is sealed."""

    model_config = ConfigDict(json_schema_extra={"examples": [AUDIT_EXAMPLE]})

    id: UUID
    at: str
    action: str
    outcome: str
    subject: str
    actor: str
    ministry: str
    roles: str
    request_id: str
    trace_id: str
    detail: str = Field(description="JSON: ids, codes and reasons, never data.")
    position: int | None
    hash: str | None
    format: int = Field(description="How the row is chained: docs/audit.md.")
    writer: str | None = Field(description="The process that wrote it; null in rows of format 1, as what follows.")
    number: int | None = Field(description="Which row of that process it is.")
    settled: int | None = Field(description="Every lower number of that process is a row, or void.")
    void: str | None = Field(description="Numbers whose transactions were rolled back, such as 14-15,19.")
    mac: str | None = Field(description="HMAC-SHA256 of the process; null where the service has no key for it.")


class AuditPage(BaseModel):
    """A page of the audit; `next` is the cursor of the following one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [AUDIT_EXAMPLE], "next": None}]})

    items: list[AuditEntry]
    next: str | None


class Checkpoint(BaseModel):
    """The signed head of the chain. Keep it: with it, cutting the tail or rewriting everything is found."""

    model_config = ConfigDict(json_schema_extra={"examples": [CHECKPOINT_EXAMPLE]})

    service: str
    position: int
    hash: str
    at: str
    key_id: str
    signature: str


class EnvelopeOut(BaseModel):
    """What ops may see of an event: everything but its data."""

    id: UUID
    type: str
    subject: str
    state: str
    attempts: int
    due_at: datetime | None
    last_error: str | None


class EnvelopePage(BaseModel):
    """Envelopes, and how many there are in each state."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"counts": {"done": 80, "dead": 1}, "items": [ENVELOPE_EXAMPLE]}]})

    counts: dict[str, int]
    items: list[EnvelopeOut]


class Republish(BaseModel):
    """Make every event sent since then leave again; receivers that have it pass it over."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"since": "2026-11-23T00:00:00Z"}]})
    since: Moment = Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC))


class Counted(BaseModel):
    """How many events it was done to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"count": 1}]})

    count: int


@router.get("/audit", tags=["audit"], response_model=AuditPage)
async def list_audit(
    session: Reading,
    caller: Caller,
    page: Paging,
    subject: Annotated[str | None, Query(max_length=200)] = None,
    actor: Annotated[str | None, Query(max_length=200)] = None,
    outcome: Literal["done", "refused", "read", "alarm"] | None = None,
) -> AuditPage:
    """Read the audit, newest first (auditor)."""
    require(caller, Role.AUDITOR)
    tables = database(session).tables
    rows = select(tables.audit, tables.seals.c.position, tables.seals.c.hash)
    rows = rows.outerjoin(tables.seals, tables.seals.c.audit_id == tables.audit.c.id)
    for column, value in ((tables.audit.c.subject, subject), (tables.audit.c.actor, actor), (tables.audit.c.outcome, outcome)):
        if value is not None:
            rows = rows.where(column == value)
    if after := page.after():
        rows = rows.where(tables.audit.c.id < after)
    found = (await session.execute(rows.order_by(tables.audit.c.id.desc()).limit(page.limit + 1))).mappings().all()
    items = [AuditEntry.model_validate(dict(row)) for row in found[: page.limit]]
    return AuditPage(items=items, next=encode_cursor(items[-1].id) if len(found) > page.limit else None)


@router.get("/audit/checkpoint", tags=["audit"], response_model=Checkpoint)
async def latest_checkpoint(session: Reading, caller: Caller) -> Checkpoint:
    """Show the newest signed checkpoint (auditor). Store it outside: `make verify-audit` takes it."""
    require(caller, Role.AUDITOR)
    db = database(session)
    table = db.tables.checkpoints
    row = (await session.execute(select(table).order_by(table.c.position.desc()).limit(1))).mappings().first()
    if row is None:
        raise NotFound(messages.NOTHING_SEALED)
    return Checkpoint(service=db.service, **row)


@router.get("/ops/outbox", tags=["ops"], response_model=EnvelopePage)
async def list_outbox(session: Reading, caller: Caller, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> EnvelopePage:
    """List events that have not left yet, oldest first (ops)."""
    require(caller, Role.OPS)
    table = database(session).tables.outbox
    unsent = table.c.due_at.is_not(None)
    count = (await session.execute(select(func.count()).where(unsent))).scalar_one()
    rows = (await session.execute(select(table).where(unsent).order_by(table.c.id).limit(limit))).mappings()
    return EnvelopePage(counts={"unsent": count}, items=[envelope_out(row, row["event_id"], "unsent") for row in rows])


@router.get("/ops/inbox", tags=["ops"], response_model=EnvelopePage)
async def list_inbox(
    session: Reading, caller: Caller, state: Literal["new", "dead"] = "dead", limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> EnvelopePage:
    """List events that wait to be handled, or were given up (ops)."""
    require(caller, Role.OPS)
    table = database(session).tables.inbox
    counts = await count_states(session, table)
    rows = (
        await session.execute(select(table).where(table.c.state == state).order_by(table.c.received_at).limit(limit))
    ).mappings()
    return EnvelopePage(counts=counts, items=[envelope_out(row, row["id"], row["state"]) for row in rows])


async def count_states(session: Session, table: Table) -> dict[str, int]:
    counted = await session.execute(select(table.c.state, func.count().label("n")).group_by(table.c.state))
    return {row["state"]: row["n"] for row in counted.mappings()}


def envelope_out(row: Fields, event_id: UUID, state: str) -> EnvelopeOut:
    names = ("type", "subject", "attempts", "due_at", "last_error")
    return EnvelopeOut(id=event_id, state=state, **{name: row[name] for name in names})


@router.post("/ops/inbox/{event_id}/replay", tags=["ops"], response_model=Counted)
async def replay_event(event_id: UUID, session: Transaction, caller: Caller) -> Counted:
    """Handle a dead event again (after its cause was mended; ops)."""
    require(caller, Role.OPS)
    if not await inbox.replay(session, event_id):
        if not await inbox.knows(session, event_id):
            raise NotFound(messages.NO_EVENT)
        raise Conflict(messages.NO_DEAD_EVENT)
    await record_audit(session, "bus.replay-event", f"event/{event_id}")
    return Counted(count=1)


@router.post("/ops/outbox/republish", tags=["ops"], response_model=Counted)
async def republish(data: Republish, session: Transaction, caller: Caller) -> Counted:
    """Send again every event since a time (for example after the broker lost its data; ops)."""
    require(caller, Role.OPS)
    count = await outbox.republish_since(session, data.since)
    await record_audit(session, "bus.republish-events", f"since/{data.since.isoformat()}", detail={"count": count})
    return Counted(count=count)


@router.get("/problems/{slug}", tags=["problems"], response_class=HTMLResponse, include_in_schema=False)
async def problem_page(slug: str, request: Request) -> HTMLResponse:
    """What a problem type means and what to do about it."""
    found = Problem.types.get(slug)
    if found is None:
        raise NotFound(messages.NO_PROBLEM_TYPE)
    language = language_of(request.headers)
    title, advice = html.escape(said(found.title, language)), html.escape(said(found.advice, language))
    status = html.escape(said(messages.STATUS(status=found.status), language))
    head = f"<!doctype html><html lang={language}><meta charset=utf-8><title>{title}</title>"
    return HTMLResponse(f"{head}<h1>{title}</h1><p>{status}</p><p>{advice}</p>", headers=said_in(language))
