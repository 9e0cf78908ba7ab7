"""The sealer: gives rows their positions behind the writers, signs the head, and seals what it finds as rows of its own.

What it finds: rows that no process of ours wrote (MAC), rows whose time does not fit their id, rows that appeared long after
their time, numbers of a process that are missing, and triggers or rules that change or hide what is written.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy import Select, insert, select, text

from shared.audit import audit_row, insert_row
from shared.audit_guard import unexpected_objects
from shared.audit_rows import GENESIS, Span, Writer, chain, gaps, row_words, signed_words, spans_in, values_of, written
from shared.clock import now
from shared.db import Database, Fields, Session, database
from shared.keys import SigningKey

Head = tuple[int, str]  # position and hash
log = logging.getLogger(__name__)
BATCH: Final = 500
LOOK_BACK_MS: Final = 3_600_000
# Ids of one process never repeat a millisecond, so in a burst they run ahead of the clock. They do not stay behind it, but for
# a clock that is set back between the two.
BEHIND_MS: Final = 60_000
AHEAD_MS: Final = LOOK_BACK_MS
# One sealer at a time in a database, however many processes run. The migrations have a number of their own.
SEALER_LOCK: Final = 4712027
# Looking at the schema, and at rows behind the chain, which means comparing all of them.
SWEEP_SECONDS: Final = 600.0
ROWS_NAMED: Final = 200


def milliseconds(id_: UUID) -> int:
    """When a UUIDv7 was made: its first 48 bits."""
    return id_.int >> 80


def time_fits(row: Fields) -> bool:
    """Whether a row's time is that of its id."""
    try:
        at = datetime.fromisoformat(row["at"]).timestamp() * 1000
    except (ValueError, OverflowError):
        return False
    return -BEHIND_MS <= milliseconds(row["id"]) - at <= AHEAD_MS


@dataclass(frozen=True)
class Own:
    """What this process knows of its own rows: below `settled` each is there, but for those of `void`.

    Taken before the transaction that looks for them begins, so that it sees all of them."""

    name: str
    settled: int
    void: frozenset[int]

    @classmethod
    def of(cls, writer: Writer) -> Self:
        return cls(writer.name, writer.settled, frozenset(writer.void))


class Sealer:
    """Seals one service's audit. Where rows carry no MAC it can tell neither forged rows nor missing ones."""

    def __init__(self, db: Database, key: SigningKey) -> None:
        self.db, self.key = db, key
        self.swept = -SWEEP_SECONDS
        self.checked = 1  # of the rows of this process, all below were looked for
        # Objects of the schema and numbers of a process that an alarm has named. Numbers may be looked for again, since a row
        # can say less than an earlier one.
        self.named: set[str] = set()
        self.head: Head | None = None  # as this process sealed it last
        self.alarms = 0

    async def turn(self) -> bool:
        """Seal a batch, oldest first. True if there may be more."""
        own, began = Own.of(self.db.writer), time.monotonic()
        sweeping = began - self.swept >= SWEEP_SECONDS
        more = False
        if await self.anything_to_do(own, sweeping=sweeping):
            own = Own.of(self.db.writer)
            more, alarms, self.head = await self.seal(own, sweeping=sweeping)
            self.alarms += len(alarms)
            for alarm in alarms:
                log.error("the audit was tampered with", extra={"alarm": alarm})
                self.named.update(alarm.get("objects", ()))
                self.named.add(f"{alarm.get('writer')} {alarm.get('numbers')}")
        self.checked = own.settled
        self.swept = began if sweeping else self.swept
        return more

    async def anything_to_do(self, own: Own, *, sweeping: bool) -> bool:
        """Rows to seal, own rows that are missing, or what a sweep finds."""
        async with self.db.reading() as session:
            if (await session.execute((await unsealed(session)).limit(1))).first() is not None:
                return True
            if self.db.writer.key and own.settled > self.checked and await self.missing(session, own.name, own.settled, own):
                return True
            if not sweeping:
                return False
            late = (await session.execute((await unsealed(session, late=True)).limit(1))).first()
            return late is not None or bool(await self.new_objects(session))

    async def new_objects(self, session: Session) -> list[str]:
        return [each for each in await unexpected_objects(session) if each not in self.named]

    async def seal(self, own: Own, *, sweeping: bool) -> tuple[bool, list[dict[str, Any]], Head | None]:
        """Whether there may be more, what was found, and the head of the chain."""
        db = self.db
        async with db.transaction() as session:
            if not db.sqlite:
                await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SEALER_LOCK})
            late: Sequence[Fields] = []
            if sweeping:
                late = (await session.execute((await unsealed(session, late=True)).limit(BATCH))).mappings().all()
            rows = (await session.execute((await unsealed(session)).limit(BATCH))).mappings().all()
            alarms = await self.look_at(session, late, rows, own)
            if not await self.head_is_ours(session):
                alarms.insert(0, {"code": "head-changed"})
            if sweeping and (objects := await self.new_objects(session)):
                alarms.append({"code": "schema-changed", "objects": objects})
            sealed: list[Fields] = [*late, *rows]
            for alarm in alarms:
                subject = f"audit/{alarm['code']}"
                row = audit_row(f"/{db.service}", f"{db.service}.raise-alarm", subject, "alarm", alarm)
                sealed.append(await insert_row(session, row))
            head = await extend(session, self.key, sealed) or self.head
        return len(rows) == BATCH or len(late) == BATCH, alarms, head

    async def head_is_ours(self, session: Session) -> bool:
        """Whether the chain ends in a checkpoint that we signed, and still holds what this process sealed last.

        Who can write the database alone can compute hashes anew, and would otherwise have us sign them."""
        last, checkpoints = await last_seal(session), self.db.tables.checkpoints
        newest = select(checkpoints).order_by(checkpoints.c.position.desc()).limit(1)
        signed = (await session.execute(newest)).mappings().first()
        if self.head and await hash_at(session, self.head[0]) != self.head[1]:
            return False
        if last is None or signed is None:
            return last is None and signed is None
        words = signed_words(self.db.service, signed["position"], signed["hash"], signed["at"])
        same = (signed["position"], signed["hash"]) == (last["position"], last["hash"])
        return same and self.key.verify_key.verify(words, signed["signature"])

    async def look_at(self, session: Session, late: Sequence[Fields], rows: Sequence[Fields], own: Own) -> list[dict[str, Any]]:
        """What is wrong with these rows: one alarm a kind."""
        found: list[dict[str, Any]] = []
        fitting = [row for row in rows if time_fits(row)]
        genuine = await self.genuine(session, [*late, *rows])
        for code, ids in (
            ("forged-row", [row["id"] for row in (*late, *rows) if row["id"] not in genuine]),
            ("late-row", [row["id"] for row in late]),
            ("time-does-not-fit", sorted({row["id"] for row in rows} - {row["id"] for row in fitting})),
        ):
            if ids:
                found.append({"code": code, "rows": [str(each) for each in ids[:ROWS_NAMED]], "count": len(ids)})
        if self.db.writer.key is None:
            return found
        bounds: dict[str, int] = {own.name: own.settled}
        for row in (*late, *rows):
            if row["id"] in genuine and row["writer"] is not None:
                bounds[row["writer"]] = max(bounds.get(row["writer"], 0), row["settled"])
        for writer, bound in bounds.items():
            numbers = written(await self.missing(session, writer, bound, own))
            if numbers and f"{writer} {numbers}" not in self.named:
                found.append({"code": "missing-numbers", "writer": writer, "numbers": numbers})
        return found

    async def genuine(self, session: Session, rows: Sequence[Fields]) -> set[UUID]:
        """The ids of those that a process of ours wrote. Before the first row with a MAC was sealed, rows have none."""
        key = self.db.writer.key
        if key is None:
            return {row["id"] for row in rows}
        needed, found = await head_has_mac(session), set[UUID]()
        for row in rows:
            ours = key.made(row["mac"], row_words(self.db.service, values_of(row)).encode())
            if ours or (row["mac"] is None and not needed):
                found.add(row["id"])
            needed = needed or ours
        return found

    async def missing(self, session: Session, writer: str, bound: int, own: Own) -> list[Span]:
        """Numbers below the bound that are neither there nor void. Below that of the newest sealed row all were looked for."""
        audit, seals = self.db.tables.audit, self.db.tables.seals
        of_writer = audit.c.writer == writer
        last = select(audit.c.settled).join(seals, seals.c.audit_id == audit.c.id).where(of_writer)
        newest = last.order_by(audit.c.number.desc()).limit(1)
        first = (await session.execute(newest)).scalar_one_or_none() or 1
        if writer == own.name:
            first = max(first, self.checked)
        if first >= bound:
            return []
        found = await session.execute(select(audit.c.number, audit.c.void).where(of_writer, audit.c.number >= first))
        covered = list[Span]()
        for row in found.mappings():
            covered += [(row["number"], row["number"]), *spans_in(row["void"])]
        if writer == own.name:
            covered += [(number, number) for number in own.void]
        return gaps(first, bound, covered)


async def extend(session: Session, key: SigningKey, rows: Sequence[Fields]) -> Head | None:
    """Chain these rows behind the head, and sign the new one."""
    if not rows:
        return None
    db = database(session)
    last = await last_seal(session)
    position, digest = (last["position"], last["hash"]) if last else (0, GENESIS)
    seals = []
    for row in rows:
        position += 1
        digest = chain(db.service, digest, position, row)
        seals.append({"position": position, "audit_id": row["id"], "hash": digest})
    await session.execute(insert(db.tables.seals), seals)
    at = now().isoformat()
    signature = key.sign(signed_words(db.service, position, digest, at))
    checkpoint = {"position": position, "hash": digest, "at": at, "key_id": key.key_id, "signature": signature}
    await session.execute(insert(db.tables.checkpoints).values(**checkpoint))
    return position, digest


async def last_seal(session: Session) -> Fields | None:
    seals = database(session).tables.seals
    return (await session.execute(select(seals).order_by(seals.c.position.desc()).limit(1))).mappings().first()


async def hash_at(session: Session, position: int) -> str | None:
    seals = database(session).tables.seals
    return (await session.execute(select(seals.c.hash).where(seals.c.position == position))).scalar_one_or_none()


async def head_has_mac(session: Session) -> bool:
    """Whether the newest sealed row has a MAC: from the first one on all have, or are followed by an alarm that has."""
    tables = database(session).tables
    joined = select(tables.audit.c.mac).join(tables.seals, tables.seals.c.audit_id == tables.audit.c.id)
    return (await session.execute(joined.order_by(tables.seals.c.position.desc()).limit(1))).scalar_one_or_none() is not None


async def unsealed(session: Session, *, late: bool = False) -> Select[Any]:
    """Rows without a seal, oldest first. No transaction lasts an hour, so looking that far back from the newest sealed row
    finds them all however long the chain is; a row that appears `late`, further back than that, was not written by us."""
    tables = database(session).tables
    rows = select(tables.audit).outerjoin(tables.seals, tables.seals.c.audit_id == tables.audit.c.id)
    rows = rows.where(tables.seals.c.audit_id.is_(None)).order_by(tables.audit.c.id)
    floor = await look_back(session)
    return rows.where(tables.audit.c.id < floor if late else tables.audit.c.id >= floor)


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
