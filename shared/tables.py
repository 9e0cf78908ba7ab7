"""The tables that every service has, in its own metadata: outbox, inbox, audit, idempotency, members."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table, Text, UniqueConstraint, Uuid, false

from shared.sqltypes import UtcDateTime


@dataclass(frozen=True)
class Plumbing:
    """The tables that every service has, in its own metadata."""

    outbox: Table
    inbox: Table
    sequences: Table
    audit: Table
    seals: Table
    checkpoints: Table
    idempotency: Table
    members: Table


def due_columns() -> list[Column[Any]]:
    return [
        Column("due_at", UtcDateTime),
        Column("fence", Integer, nullable=False, default=0),
        Column("attempts", Integer, nullable=False, default=0),
        Column("last_error", Text),
    ]


def plumbing(metadata: MetaData) -> Plumbing:
    """Add outbox, inbox, audit, idempotency and member tables to a service's metadata."""
    outbox = Table(
        "outbox",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("event_id", Uuid, nullable=False, unique=True),
        Column("type", String(120), nullable=False),
        Column("subject", String(200), nullable=False),
        Column("body", Text, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("sent_at", UtcDateTime),
        *due_columns(),
        Index("ix_outbox_due_at", "due_at"),
        Index("ix_outbox_created_at", "created_at"),
    )
    inbox = Table(
        "inbox",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("source", String(120), nullable=False),
        Column("type", String(120), nullable=False),
        Column("subject", String(200), nullable=False),
        Column("body", Text, nullable=False),
        Column("received_at", UtcDateTime, nullable=False),
        Column("state", String(10), nullable=False),
        Column("done_at", UtcDateTime),
        *due_columns(),
        Index("ix_inbox_due_at", "due_at"),
        Index("ix_inbox_state_type", "state", "type"),
    )
    sequences = Table(
        "subject_sequence", metadata, Column("subject", String(200), primary_key=True), Column("last", BigInteger, nullable=False)
    )
    audit = Table(
        "audit",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("at", String(40), nullable=False),
        Column("action", String(80), nullable=False),
        Column("outcome", String(10), nullable=False),
        Column("subject", String(200), nullable=False),
        Column("actor", String(200), nullable=False),
        Column("ministry", String(40), nullable=False),
        Column("roles", String(300), nullable=False),
        Column("request_id", String(80), nullable=False),
        Column("trace_id", String(40), nullable=False),
        Column("detail", Text, nullable=False),
        # Rows of format 1 have none of what follows; see shared.audit_rows.
        Column("format", Integer, nullable=False, server_default="1"),
        Column("writer", String(32)),
        Column("number", BigInteger),
        Column("settled", BigInteger),
        Column("void", Text),
        Column("mac", String(64)),
        Index("ix_audit_subject", "subject"),
        Index("ix_audit_actor", "actor"),
        Index("ix_audit_writer_number", "writer", "number"),
    )
    seals = Table(
        "audit_seal",
        metadata,
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("audit_id", Uuid, nullable=False),
        Column("hash", String(64), nullable=False),
        UniqueConstraint("audit_id", name="uq_audit_seal_audit_id"),
    )
    checkpoints = Table(
        "audit_checkpoint",
        metadata,
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("hash", String(64), nullable=False),
        Column("at", String(40), nullable=False),
        Column("key_id", String(64), nullable=False),
        Column("signature", String(120), nullable=False),
    )
    idempotency = Table(
        "idempotency_key",
        metadata,
        Column("actor", String(200), primary_key=True),
        Column("key", String(200), primary_key=True),
        Column("operation", String(300), nullable=False),
        Column("body_sha256", String(64), nullable=False),
        Column("status", Integer),
        Column("headers", Text),
        Column("body", Text),
        Column("created_at", UtcDateTime, nullable=False),
    )
    # `sequence` is that of the event which said so last; a body that has left stays, so that older news change nothing.
    members = Table(
        "member",
        metadata,
        Column("code", String(40), primary_key=True),
        Column("sequence", BigInteger, nullable=False),
        Column("has_left", Boolean, nullable=False, server_default=false()),
    )
    return Plumbing(outbox, inbox, sequences, audit, seals, checkpoints, idempotency, members)
