"""What stands in the tables of the audit: the head of the chain, a seal, the rows that have none."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, select

from shared.audit_rows import GENESIS
from shared.clock import now
from shared.db import Database, Session, database

LOOK_BACK_MS: Final = 3_600_000


def milliseconds(id_: UUID) -> int:
    """When a UUIDv7 was made: its first 48 bits."""
    return id_.int >> 80


@dataclass(frozen=True)
class Head:
    """The end of the chain: the newest seal, the MAC of its row, and the checkpoint at it."""

    position: int = 0
    hash: str = GENESIS
    mac: str | None = None
    signed: str | None = None
    signed_at: str | None = None
    signature: str | None = None


async def head_of(session: Session) -> Head:
    tables = database(session).tables
    audit, seals, signed = tables.audit, tables.seals, tables.checkpoints
    query = select(seals.c.position, seals.c.hash, audit.c.mac, signed.c.hash, signed.c.at, signed.c.signature)
    query = query.outerjoin(audit, audit.c.id == seals.c.audit_id)
    query = query.outerjoin(signed, signed.c.position == seals.c.position)
    newest = (await session.execute(query.order_by(seals.c.position.desc()).limit(1))).first()
    return Head(*newest) if newest else Head()


async def newest_settled(session: Session, writer: str) -> int:
    """What the newest sealed row of a process says is settled."""
    audit, seals = database(session).tables.audit, database(session).tables.seals
    sealed = select(audit.c.settled).join(seals, seals.c.audit_id == audit.c.id).where(audit.c.writer == writer)
    return (await session.execute(sealed.order_by(audit.c.number.desc()).limit(1))).scalar_one_or_none() or 1


async def hash_at(session: Session, position: int) -> str | None:
    """The hash of the seal at a position."""
    seals = database(session).tables.seals
    return (await session.execute(select(seals.c.hash).where(seals.c.position == position))).scalar_one_or_none()


def unsealed(db: Database, floor: UUID, *, late: bool = False) -> Select[Any]:
    """Rows without a seal, oldest first, from the floor on (see `look_back`). No transaction lasts an hour, so a row that appears
    `late`, below the floor, was not written by us."""
    audit, seals = db.tables.audit, db.tables.seals
    rows = select(audit).outerjoin(seals, seals.c.audit_id == audit.c.id).where(seals.c.audit_id.is_(None))
    return rows.where(audit.c.id < floor if late else audit.c.id >= floor).order_by(audit.c.id)


async def look_back(session: Session) -> UUID:
    """An id of an hour before the newest sealed row, or before now if its id lies in the future.

    Alarms do not count: they are sealed with a batch, while older rows may still wait behind it."""
    tables = database(session).tables
    joined = select(tables.seals.c.audit_id).join(tables.audit, tables.audit.c.id == tables.seals.c.audit_id)
    joined = joined.where(tables.audit.c.outcome != "alarm").order_by(tables.seals.c.position.desc()).limit(1)
    last = (await session.execute(joined)).scalar_one_or_none()
    if last is None:
        return UUID(int=0)
    newest = min(milliseconds(last), int(now().timestamp() * 1000))
    return UUID(int=max(newest - LOOK_BACK_MS, 0) << 80)
