"""The audit: every change, refused attempt and read of restricted data is one row, sealed into a chain behind the writers.

The writers only insert. One sealer gives the rows their positions and chains them,
hash = SHA-256(previous hash + position + canonical JSON of the row), and signs the head (a checkpoint) with an Ed25519 key that
the database does not hold. So whoever can write the database alone can neither change, remove, swap nor add a row unseen;
a checkpoint handed out earlier also shows that a tail was cut or everything was rewritten.
"""

import hashlib
import json
import math
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Select, insert, select, text

from shared import telemetry
from shared.auth import Principal
from shared.clock import now
from shared.contracts import Envelope
from shared.db import Database, Fields, Session, database
from shared.ids import new_id
from shared.keys import SigningKey, VerifyKey

AuditOutcome = Literal["done", "refused", "read"]
SEALED = ("id", "at", "deed", "outcome", "subject", "actor", "ministry", "roles", "request_id", "trace_id", "detail")
GENESIS = "0" * 64
BATCH = 500
LOOK_BACK_MS = 3_600_000


async def record_audit(
    session: Session,
    deed: str,
    subject: str,
    *,
    outcome: AuditOutcome = "done",
    detail: Mapping[str, Any] | None = None,
    actor: Principal | None = None,
) -> None:
    """Write one row in the caller's transaction. `detail` holds ids, codes and reasons, never data."""
    caller: Principal | None = actor or session.info.get("caller")
    cause: Envelope | None = session.info.get("cause")
    row = {
        "id": new_id(),
        "at": now().isoformat(),
        "deed": deed[:80],
        "outcome": outcome,
        "subject": subject[:200],
        "actor": caller.subject if caller else (cause.source if cause else f"/{database(session).service}"),
        "ministry": caller.ministry if caller else "",
        "roles": " ".join(sorted(caller.roles)) if caller else "",
        "request_id": telemetry.current_request_id() or "",
        "trace_id": telemetry.current_trace_id() or "",
        "detail": json.dumps(detail or {}, ensure_ascii=False, sort_keys=True, default=str),
    }
    await session.execute(insert(database(session).tables.audit).values(**row))


def chain(previous: str, position: int, row: Fields) -> str:
    """The hash of a row at its position."""
    fields = {name: str(row[name]) for name in SEALED}
    canonical = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{position}\n{canonical}".encode()).hexdigest()


def signed_words(service: str, position: int, digest: str, at: str) -> bytes:
    """What a checkpoint's signature covers."""
    return f"dure-audit-checkpoint\n{service}\n{position}\n{digest}\n{at}".encode()


async def seal_batch(db: Database, key: SigningKey) -> bool:
    """Give unsealed rows their positions, oldest first, and sign the new head. True if there may be more."""
    tables = db.tables
    async with db.reading() as session:
        if (await session.execute((await unsealed(session)).limit(1))).first() is None:
            return False
    async with db.transaction() as session:
        if not db.sqlite:  # one sealer at a time, however many processes run
            await session.execute(text("LOCK TABLE audit_seal IN EXCLUSIVE MODE"))
        last = await last_seal(session)
        position, digest = (last["position"], last["hash"]) if last else (0, GENESIS)
        rows = (await session.execute((await unsealed(session)).limit(BATCH))).mappings().all()
        if not rows:
            return False
        seals = []
        for row in rows:
            position += 1
            digest = chain(digest, position, row)
            seals.append({"position": position, "audit_id": row["id"], "hash": digest})
        await session.execute(insert(tables.seals), seals)
        at = now().isoformat()
        signature = key.sign(signed_words(db.service, position, digest, at))
        checkpoint = {"position": position, "hash": digest, "at": at, "key_id": key.key_id, "signature": signature}
        await session.execute(insert(tables.checkpoints).values(**checkpoint))
    return len(rows) == BATCH


async def last_seal(session: Session) -> Fields | None:
    seals = database(session).tables.seals
    return (await session.execute(select(seals).order_by(seals.c.position.desc()).limit(1))).mappings().first()


async def unsealed(session: Session, *, late: bool = False) -> Select[Any]:
    """Rows without a seal, oldest first. No transaction lasts an hour, so looking that far back finds them all however long
    the chain is; a row that appears `late`, further back than that, was not written by us."""
    tables = database(session).tables
    rows = select(tables.audit).outerjoin(tables.seals, tables.seals.c.audit_id == tables.audit.c.id)
    rows = rows.where(tables.seals.c.audit_id.is_(None)).order_by(tables.audit.c.id)
    last = await last_seal(session)
    milliseconds = (last["audit_id"].int >> 80) - LOOK_BACK_MS if last else 0  # UUIDv7: the first 48 bits are the time
    floor = UUID(int=max(milliseconds, 0) << 80)
    return rows.where(tables.audit.c.id < floor if late else tables.audit.c.id >= floor)


@dataclass(frozen=True)
class Broken:
    """The first thing found wrong: at which position, in which row, and what."""

    position: int
    audit_id: str
    fault: str

    def __str__(self) -> str:
        return f"position {self.position}, row {self.audit_id}: {self.fault}"


class Verification:
    """Walks the chain in order of position; fed row by row, it never holds more than one."""

    def __init__(self, service: str, checkpoints: Iterable[Fields], key: VerifyKey) -> None:
        self.service, self.key = service, key
        self.checkpoints = sorted(checkpoints, key=lambda checkpoint: int(checkpoint["position"]))
        self.by_position: dict[int, list[Fields]] = {}
        for checkpoint in self.checkpoints:
            self.by_position.setdefault(int(checkpoint["position"]), []).append(checkpoint)
        self.position, self.digest = 0, GENESIS

    def check_signatures(self) -> Broken | None:
        for checkpoint in self.checkpoints:
            words = signed_words(self.service, int(checkpoint["position"]), checkpoint["hash"], checkpoint["at"])
            if not self.key.verify(words, checkpoint["signature"]):
                return Broken(int(checkpoint["position"]), "-", "a checkpoint's signature does not verify")
        return None

    def feed(self, position: int, digest: str, row: Fields | None, audit_id: str) -> Broken | None:
        """The next seal with its row; None while all is well."""
        if position != self.position + 1:
            return Broken(self.position + 1, "?", "a sealed row was removed")
        if row is None:
            return Broken(position, audit_id, "the row was removed")
        expected = chain(self.digest, position, row)
        if expected != digest:
            return Broken(position, audit_id, "the row was changed, swapped or added after it was sealed")
        self.position, self.digest = position, digest
        for checkpoint in self.by_position.get(position, []):
            if checkpoint["hash"] != digest:
                return Broken(position, audit_id, "the chain differs from the signed checkpoint: it was rewritten up to here")
        return None

    def finish(self) -> Broken | None:
        last = int(self.checkpoints[-1]["position"]) if self.checkpoints else 0
        if last > self.position:
            return Broken(self.position + 1, "?", "the end of the chain was cut off: a signed checkpoint lies further on")
        if last < self.position:
            return Broken(last + 1, "?", "rows were sealed that no signed checkpoint covers: they were added by hand")
        return None


async def verify(db: Database, key: VerifyKey, handed_out: Iterable[Fields] = ()) -> tuple[int, int, Broken | None]:
    """Walk the whole chain of a service's database. Returns rows sealed, rows not sealed yet, and the first fault."""
    async with db.reading() as session:
        stored = (await session.execute(select(db.tables.checkpoints))).mappings().all()
        verification = Verification(db.service, [*stored, *handed_out], key)
        if broken := verification.check_signatures():
            return 0, 0, broken
        async for position, digest, audit_id, row in walk(session):
            if broken := verification.feed(position, digest, row, str(audit_id)):
                return verification.position, 0, broken
        late = (await session.execute((await unsealed(session, late=True)).limit(1))).mappings().first()
        if late:
            return (
                verification.position,
                0,
                Broken(verification.position + 1, str(late["id"]), "the row was added behind the chain"),
            )
        waiting = len((await session.execute(await unsealed(session))).all())
        return verification.position, waiting, verification.finish()


async def walk(session: Session) -> AsyncIterator[tuple[int, str, UUID, Fields | None]]:
    """Seals in order, each with its row if it is still there."""
    tables = database(session).tables
    joined = select(tables.seals.c.position, tables.seals.c.hash, tables.seals.c.audit_id, tables.audit).outerjoin(
        tables.audit, tables.audit.c.id == tables.seals.c.audit_id
    )
    result = await session.stream(joined.order_by(tables.seals.c.position))
    async for row in result.mappings():
        yield row["position"], row["hash"], row["audit_id"], row if row["id"] is not None else None


@dataclass
class Strangers:
    """Refusals of callers whom nobody knows: so many in a span of time are rows, so that a stranger cannot fill the audit."""

    most: int = 60
    seconds: float = 60.0
    began: float = -math.inf
    written: int = 0
    left_out: int = 0

    def admit(self, at: float) -> int | None:
        """For a refusal at this time (seconds of a clock that only runs forward): how many before it became no row; None if it
        becomes none itself."""
        if at - self.began >= self.seconds:
            self.began, self.written = at, 0
        if self.written >= self.most:
            self.left_out += 1
            return None
        self.written += 1
        before, self.left_out = self.left_out, 0
        return before
