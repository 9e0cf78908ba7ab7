"""The audit: every change, refused attempt and read of restricted data is one row.

The writers only insert, each row with a number and a MAC of its process (`audit_rows`). One sealer
chains the rows behind them and signs the head (`audit_seal`); whoever holds the public key and an
earlier checkpoint verifies (`audit_verify`).
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import CursorResult, insert

from shared import messages, telemetry
from shared.auth import Principal
from shared.clock import now
from shared.contracts import Envelope
from shared.db import AUDITED, Session, database
from shared.errors import Unavailable
from shared.ids import new_id

AuditOutcome = Literal["done", "refused", "read", "alarm"]


async def record_audit(
    session: Session,
    action: str,
    subject: str,
    *,
    outcome: AuditOutcome = "done",
    detail: Mapping[str, Any] | None = None,
    actor: Principal | None = None,
) -> None:
    """Write one row in the caller's transaction. `detail` holds ids, codes and reasons, never data.

    Unavailable if the database took the row and did not keep it."""
    caller: Principal | None = actor or session.info.get("caller")
    cause: Envelope | None = session.info.get("cause")
    source = cause.source if cause else f"/{database(session).service}"
    await insert_row(session, audit_row(caller or source, action, subject, outcome, detail or {}))


def audit_row(
    actor: Principal | str, action: str, subject: str, outcome: AuditOutcome, detail: Mapping[str, Any]
) -> dict[str, Any]:
    """A row of now, without number and MAC. `actor` is a person, or a service such as `/catalog`."""
    return {
        "at": now().isoformat(),
        "id": new_id(),  # after the time: a process that is held up between the two raises no alarm
        "action": action[:80],
        "outcome": outcome,
        "subject": storable(subject)[:200],
        "actor": actor.subject if isinstance(actor, Principal) else actor,
        "ministry": actor.ministry if isinstance(actor, Principal) else "",
        "roles": " ".join(sorted(actor.roles)) if isinstance(actor, Principal) else "",
        "request_id": telemetry.current_request_id() or "",
        "trace_id": telemetry.current_trace_id() or "",
        "detail": storable(json.dumps(detail, ensure_ascii=False, sort_keys=True, default=str)),
    }


async def insert_row(session: Session, row: Mapping[str, Any]) -> dict[str, Any]:
    """Number the row, make its MAC and insert it; gives the row as it was written."""
    db = database(session)
    numbers: list[int] = session.info[AUDITED]
    stamped = db.writer.stamp(row, beside=numbers)
    numbers.append(stamped["number"])
    statement = insert(db.tables.audit).values(**stamped).execution_options(preserve_rowcount=True)
    result = await session.execute(statement)
    assert isinstance(result, CursorResult)
    if result.rowcount == 0:  # a trigger or a rule of the database hides what is written
        numbers.remove(stamped["number"])
        db.writer.swallowed(stamped["number"])
        raise Unavailable(messages.AUDIT_AWAY)
    return stamped


def storable(text: str) -> str:
    """What every database can store: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
