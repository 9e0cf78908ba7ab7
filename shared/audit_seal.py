"""The sealer: gives rows their positions behind the writers, signs the head, and seals what it finds as rows of its own.

What it finds: rows that no process of ours wrote (MAC), rows whose time does not fit their id, rows that appeared long after
their time, numbers of a process that are missing, and triggers or rules that change or hide what is written.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy import insert, select, text

from shared.audit import audit_row, insert_row
from shared.audit_chain import LOOK_BACK_MS, Head, hash_at, head_of, look_back, milliseconds, newest_settled, unsealed
from shared.audit_guard import unexpected_objects
from shared.audit_rows import Span, Writer, chain, gaps, row_words, signed_words, spans_in, values_of, written
from shared.clock import now
from shared.db import Database, Fields, Session, database
from shared.keys import SigningKey

End = tuple[int, str]  # position and hash
log = logging.getLogger(__name__)
BATCH: Final = 500
# Ids of one process never repeat a millisecond, so in a burst they run ahead of the clock. They do not stay behind it, but for
# a clock that is set back between the two.
BEHIND_MS: Final = 60_000
AHEAD_MS: Final = LOOK_BACK_MS
# One sealer at a time in a database, however many processes run. The migrations have a number of their own.
SEALER_LOCK: Final = 4712027
# Looking at the schema, and at rows behind the chain, which means comparing all of them.
SWEEP_SECONDS: Final = 600.0
ROWS_NAMED: Final = 200


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
        self.head: End | None = None  # as this process sealed it last
        self.alarms = 0

    async def turn(self) -> bool:
        """Seal a batch, oldest first. True if there may be more."""
        own, began = Own.of(self.db.writer), time.monotonic()
        sweeping = began - self.swept >= SWEEP_SECONDS
        more = False
        async with self.db.reading() as session:
            floor = await look_back(session)
            anything = await self.anything_to_do(session, own, floor, sweeping=sweeping)
        if anything:
            own = Own.of(self.db.writer)
            more, alarms, self.head = await self.seal(own, floor, sweeping=sweeping)
            self.alarms += len(alarms)
            for alarm in alarms:
                log.error("the audit was tampered with", extra={"alarm": alarm})
                self.named.update(alarm.get("objects", ()))
                self.named.add(f"{alarm.get('writer')} {alarm.get('numbers')}")
        self.checked = own.settled
        self.swept = began if sweeping else self.swept
        return more

    async def anything_to_do(self, session: Session, own: Own, floor: UUID, *, sweeping: bool) -> bool:
        """Rows to seal, own rows that are missing, or what a sweep finds."""
        if (await session.execute(unsealed(self.db, floor).limit(1))).first() is not None:
            return True
        if self.db.writer.key and own.settled > self.checked and await self.missing(session, own.name, own.settled, own):
            return True
        if not sweeping:
            return False
        late = (await session.execute(unsealed(self.db, floor, late=True).limit(1))).first()
        return late is not None or bool(await self.new_objects(session))

    async def new_objects(self, session: Session) -> list[str]:
        return [each for each in await unexpected_objects(session) if each not in self.named]

    async def seal(self, own: Own, floor: UUID, *, sweeping: bool) -> tuple[bool, list[dict[str, Any]], End]:
        """Whether there may be more, what was found, and the head of the chain."""
        db = self.db
        async with db.transaction() as session:
            if not db.sqlite:
                await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SEALER_LOCK})
            late: Sequence[Fields] = []
            if sweeping:
                late = (await session.execute(unsealed(db, floor, late=True).limit(BATCH))).mappings().all()
            rows = (await session.execute(unsealed(db, floor).limit(BATCH))).mappings().all()
            head = await head_of(session)
            alarms = await self.look_at(session, late, rows, own, has_mac=head.mac is not None)
            if not await self.is_ours(session, head):
                alarms.insert(0, {"code": "head-changed"})
            if sweeping and (objects := await self.new_objects(session)):
                alarms.append({"code": "schema-changed", "objects": objects})
            sealed: list[Fields] = [*late, *rows]
            for alarm in alarms:
                subject = f"audit/{alarm['code']}"
                row = audit_row(f"/{db.service}", f"{db.service}.raise-alarm", subject, "alarm", alarm)
                sealed.append(await insert_row(session, row))
            end = await extend(session, self.key, head, sealed)
        return len(rows) == BATCH or len(late) == BATCH, alarms, end

    async def is_ours(self, session: Session, head: Head) -> bool:
        """Whether the chain ends in a checkpoint that we signed, and still holds what this process sealed last.

        Who can write the database alone can compute hashes anew, and would otherwise have us sign them."""
        if self.head == (head.position, head.hash):
            return True
        if self.head and self.head[0] and await hash_at(session, self.head[0]) != self.head[1]:
            return False
        if head.position == 0:
            return True
        words = signed_words(self.db.service, head.position, head.signed or "", head.signed_at or "")
        return head.signed == head.hash and self.key.verify_key.verify(words, head.signature or "")

    async def look_at(
        self, session: Session, late: Sequence[Fields], rows: Sequence[Fields], own: Own, *, has_mac: bool
    ) -> list[dict[str, Any]]:
        """What is wrong with these rows: one alarm a kind. `has_mac` says it of the newest row that is sealed."""
        found: list[dict[str, Any]] = []
        fitting = [row for row in rows if time_fits(row)]
        genuine = self.genuine([*late, *rows], has_mac)
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
        ours = [row for row in (*late, *rows) if row["id"] in genuine and row["writer"] is not None]
        for row in ours:
            bounds[row["writer"]] = max(bounds.get(row["writer"], 0), row["settled"])
        for writer, bound in bounds.items():
            numbers = written(await self.missing(session, writer, bound, own, ours))
            if numbers and f"{writer} {numbers}" not in self.named:
                found.append({"code": "missing-numbers", "writer": writer, "numbers": numbers})
        return found

    def genuine(self, rows: Sequence[Fields], needed: bool) -> set[UUID]:
        """The ids of those that a process of ours wrote. A MAC is needed from the first row on that has one; an alarm, which has
        one, follows each that has none after that."""
        key = self.db.writer.key
        if key is None:
            return {row["id"] for row in rows}
        found = set[UUID]()
        for row in rows:
            ours = key.made(row["mac"], row_words(self.db.service, values_of(row)).encode())
            if ours or (row["mac"] is None and not needed):
                found.add(row["id"])
            needed = needed or ours
        return found

    async def missing(self, session: Session, writer: str, bound: int, own: Own, rows: Sequence[Fields] = ()) -> list[Span]:
        """Numbers below the bound that are neither there nor void. Below that of the newest sealed row, and of this process
        below `checked`, all were looked for. Nothing is fetched where `rows` show all of them."""
        audit = self.db.tables.audit
        first = self.checked if writer == own.name and self.checked > 1 else await newest_settled(session, writer)
        covered = [(number, number) for number in own.void] if writer == own.name else list[Span]()
        covered += spans_of_rows(row for row in rows if row["writer"] == writer)
        if not gaps(first, bound, covered):
            return []
        query = select(audit.c.number, audit.c.void).where(audit.c.writer == writer, audit.c.number >= first)
        return gaps(first, bound, [*covered, *spans_of_rows((await session.execute(query)).mappings())])


def spans_of_rows(rows: Iterable[Fields]) -> list[Span]:
    """The numbers of rows, and those that they say are void."""
    return [span for row in rows for span in ((row["number"], row["number"]), *spans_in(row["void"]))]


async def extend(session: Session, key: SigningKey, head: Head, rows: Sequence[Fields]) -> End:
    """Chain these rows behind the head, and sign the new one."""
    db, position, digest = database(session), head.position, head.hash
    if not rows:
        return position, digest
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
