"""Verification of an audit chain: the public key and checkpoints handed out earlier are enough, the key of the MACs tells more.

The chain is walked in order of position, a page at a time. What the sealer found stands in it as rows of their own, so a
verifier who cannot check MACs is told of forged rows too.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from sqlalchemy import ColumnElement, String, cast, func, select

from shared.audit_chain import hash_at, look_back, unsealed
from shared.audit_guard import unexpected_objects
from shared.audit_rows import FIELDS, GENESIS, ID, Span, dashed, gaps, link, row_words, signed_words, spans_in, values_of, written
from shared.db import Database, Session, database
from shared.keys import MacKey, VerifyKey

# Rows fetched at once.
PAGE: Final = 2000
# Findings that are named one by one.
NAMED: Final = 20
OUTCOME, DETAIL, WRITER = (FIELDS.index(name) for name in ("outcome", "detail", "writer"))


class Verdict(Enum):
    """What a verification ends in; the value is the exit code of `deploy.verify_audit`. Only a whole chain is true."""

    WHOLE = 0
    BROKEN = 1
    UNKNOWN = 2

    def __bool__(self) -> bool:
        return self is Verdict.WHOLE


@dataclass(frozen=True)
class Broken:
    """Where the chain breaks: the position, the row, and what is wrong."""

    position: int
    audit_id: str
    fault: str

    def __str__(self) -> str:
        return f"position {self.position}, row {self.audit_id}: {self.fault}"


@dataclass
class Report:
    """What was seen: rows sealed and not sealed yet, where the chain breaks, what else is wrong.

    `compared` is the position of the newest checkpoint handed out that the chain agrees with."""

    start: int = 0
    sealed: int = 0
    waiting: int = 0
    broken: Broken | None = None
    findings: list[str] = field(default_factory=list)
    compared: int | None = None

    @property
    def verdict(self) -> Verdict:
        if self.broken or self.findings:
            return Verdict.BROKEN
        return Verdict.UNKNOWN if self.compared is None else Verdict.WHOLE


@dataclass
class Seen:
    """The numbers of one writer: from `first` on, without a gap up to before `next`, and beyond that in spans."""

    first: int
    next: int
    settled: int = 0
    spans: list[Span] = field(default_factory=list)

    def add(self, number: int, settled: int, void: str | None) -> None:
        if number == self.next:
            self.next += 1
        elif number > self.next:
            self.spans.append((number, number))
        if settled > self.settled:
            self.settled = settled
        if void:
            self.spans += spans_in(void)

    @property
    def missing(self) -> list[Span]:
        covered = [(self.first, self.next - 1)] if self.next > self.first else []
        return gaps(self.first, self.settled, [*covered, *self.spans])


class Verification:
    """Walks a chain, fed row by row; it holds the numbers of the writers, and no row."""

    def __init__(
        self,
        service: str,
        handed_out: Iterable[Mapping[str, Any]],
        start: Mapping[str, Any] | None = None,
        mac_key: MacKey | None = None,
    ) -> None:
        self.service, self.mac_key = service, mac_key
        self.by_position: dict[int, list[str]] = {}
        for checkpoint in handed_out:
            self.by_position.setdefault(int(checkpoint["position"]), []).append(checkpoint["hash"])
        self.start = int(start["position"]) if start else 0
        self.position, self.digest = self.start, str(start["hash"]) if start else GENESIS
        self.compared: int | None = self.start if start else None
        self.writers: dict[str, Seen] = {}
        self.any_mac = False
        self.strangers: list[str] = []
        self.alarms: list[tuple[int, dict[str, Any]]] = []

    def feed(self, position: int, digest: str, audit_id: str, stored: str | None, values: Sequence[Any]) -> Broken | None:
        """The next seal, the hash of a checkpoint stored at it, and its row; None while all is well."""
        if position != self.position + 1:
            return Broken(self.position + 1, "?", "a sealed row was removed")
        if values[ID] is None:
            return Broken(position, dashed(audit_id), "the row was removed")
        words = row_words(self.service, values)
        if link(self.digest, position, words, values) != digest:
            return Broken(position, dashed(audit_id), "the row was changed, swapped or added after it was sealed")
        self.position, self.digest = position, digest
        if stored is not None and stored != digest:
            return Broken(position, dashed(audit_id), "the chain differs from the checkpoint stored at it")
        if position in self.by_position:
            if any(each != digest for each in self.by_position[position]):
                return Broken(position, dashed(audit_id), "the chain differs from a checkpoint: it was rewritten up to here")
            self.compared = position
        self.note(values, words)
        if values[OUTCOME] == "alarm":
            self.alarms.append((position, alarm_of(values[DETAIL])))
        return None

    def note(self, values: Sequence[Any], words: str) -> None:
        """Keep in mind which number of which writer it is, and whether one of ours wrote it."""
        mac = values[-1]
        if mac is None:
            if self.any_mac:
                self.strangers.append(dashed(values[ID]))
            return
        self.any_mac = True
        if self.mac_key and not self.mac_key.made(mac, words.encode()):
            self.strangers.append(dashed(values[ID]))
            return
        writer, number, settled, void = values[WRITER : WRITER + 4]
        seen = self.writers.get(writer)
        if seen is None:
            # Of a writer that began before the starting point, only what was not settled then can be looked for.
            first = 1 if not self.start else settled
            seen = self.writers[writer] = Seen(first, first)
        seen.add(number, settled, void)

    def finish(self, newest: int) -> Broken | None:
        """At the end of the chain: `newest` is the position of the last checkpoint that is stored."""
        last = max([newest, *self.by_position], default=0)
        if last > self.position:
            return Broken(self.position + 1, "?", "the end of the chain was cut off: a signed checkpoint lies further on")
        if newest < self.position and self.position > self.start:
            return Broken(newest + 1, "?", "rows were sealed that no signed checkpoint covers: they were added by hand")
        return None

    @property
    def named(self) -> set[str]:
        """Rows that alarms name."""
        return {str(each) for _, alarm in self.alarms for each in alarm.get("rows", ())}


def alarm_of(detail: str) -> dict[str, Any]:
    try:
        found = json.loads(detail)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"code": "unreadable"}


def described(position: int, alarm: Mapping[str, Any]) -> str:
    """An alarm of the sealer in one line."""
    facts = ", ".join(
        f"{name} {' '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in alarm.items()
        if name != "code"
    )
    return f"position {position}: the sealer found {alarm.get('code')}: {facts}".rstrip(": ")


async def verify(
    db: Database,
    key: VerifyKey,
    handed_out: Sequence[Mapping[str, Any]] = (),
    *,
    start: Mapping[str, Any] | None = None,
    mac_key: MacKey | None = None,
) -> Report:
    """Walk the chain of a service's database, from its beginning or from a checkpoint that was handed out."""
    known = [*handed_out, start] if start else list(handed_out)
    report = Report(start=int(start["position"]) if start else 0)
    for checkpoint in known:
        if not signed_by(key, db.service, checkpoint):
            report.broken = Broken(int(checkpoint["position"]), "-", "the signature of a checkpoint handed out does not verify")
            return report
    async with db.reading() as session:
        report.findings += [f"schema: a {part} can change or hide rows" for part in await unexpected_objects(session)]
        verification = Verification(db.service, known, start, mac_key)
        report.broken = await walk(session, verification, start) or await check_end(session, verification, key)
        report.sealed, report.compared = verification.position - verification.start, verification.compared
        if report.broken is None:
            report.waiting, unsealed_findings = await look_at_unsealed(session, verification)
            report.findings += unsealed_findings
        report.findings += await what_was_found(session, verification)
    return report


def signed_by(key: VerifyKey, service: str, checkpoint: Mapping[str, Any]) -> bool:
    words = signed_words(service, int(checkpoint["position"]), checkpoint["hash"], checkpoint["at"])
    return key.verify(words, checkpoint["signature"])


async def walk(session: Session, verification: Verification, start: Mapping[str, Any] | None) -> Broken | None:
    if start and await hash_at(session, verification.start) != start["hash"]:
        return Broken(verification.start, "?", "the chain does not hold the checkpoint to start from: it was cut or rewritten")
    waiting = asyncio.create_task(page(session, verification.start))
    try:
        while rows := await waiting:
            waiting = asyncio.create_task(page(session, rows[-1][0]))
            await asyncio.sleep(0)  # the database fetches the next page while this one is hashed
            for row in rows:
                if broken := verification.feed(row[0], row[1], row[2], row[3], row[4:]):
                    return broken
        return None
    finally:
        await waiting


def digits(column: ColumnElement[Any]) -> ColumnElement[str]:
    """An id as 32 hexadecimal digits: one text for both databases, and no object for each."""
    return func.replace(cast(column, String), "-", "")


async def page(session: Session, after: int) -> Sequence[Any]:
    """The next seals in order, each with the hash of a checkpoint at it and its row, if it is still there."""
    tables = database(session).tables
    audit, seals, checkpoints = tables.audit, tables.seals, tables.checkpoints
    fields = [digits(audit.c.id) if name == "id" else audit.c[name] for name in FIELDS]
    query = select(seals.c.position, seals.c.hash, digits(seals.c.audit_id), checkpoints.c.hash, *fields)
    query = query.outerjoin(audit, audit.c.id == seals.c.audit_id)
    query = query.outerjoin(checkpoints, checkpoints.c.position == seals.c.position)
    return (await session.execute(query.where(seals.c.position > after).order_by(seals.c.position).limit(PAGE))).all()


async def check_end(session: Session, verification: Verification, key: VerifyKey) -> Broken | None:
    """The newest checkpoint that is stored covers the whole chain; its signature is the one that counts."""
    checkpoints = database(session).tables.checkpoints
    newest = select(checkpoints).order_by(checkpoints.c.position.desc()).limit(1)
    checkpoint = (await session.execute(newest)).mappings().first()
    if checkpoint and not signed_by(key, verification.service, dict(checkpoint)):
        return Broken(checkpoint["position"], "-", "a checkpoint's signature does not verify")
    return verification.finish(checkpoint["position"] if checkpoint else 0)


async def look_at_unsealed(session: Session, verification: Verification) -> tuple[int, list[str]]:
    """How many rows wait to be sealed; those that never will, or that no process of ours wrote."""
    findings = []
    db, floor = database(session), await look_back(session)
    late = (await session.execute(unsealed(db, floor, late=True).limit(NAMED))).mappings().all()
    findings += [f"row {row['id']} was added behind the chain" for row in late]
    waiting = (await session.execute(unsealed(db, floor))).mappings().all()
    for row in waiting:
        values = values_of(row)
        verification.note(values, row_words(verification.service, values))
    return len(waiting), findings


async def what_was_found(session: Session, verification: Verification) -> list[str]:
    """Alarms in the chain, rows that no process of ours wrote, numbers that are missing."""
    findings = [described(position, alarm) for position, alarm in verification.alarms[:NAMED]]
    strangers = [row for row in verification.strangers if row not in verification.named]
    findings += [f"row {row} was written by none of our processes" for row in strangers[:NAMED]]
    for writer, seen in verification.writers.items():
        missing = seen.missing
        if missing and verification.start:
            missing = await not_there(session, writer, missing)
        if missing:
            findings.append(f"rows {written(missing)} of the process {writer} are missing: they were suppressed or removed")
    return findings


async def not_there(session: Session, writer: str, spans: Sequence[Span]) -> list[Span]:
    """What of these numbers has no row; rows before the starting point were not walked over."""
    audit = database(session).tables.audit
    found = []
    for low, high in spans:
        query = select(audit.c.number).where(audit.c.writer == writer, audit.c.number.between(low, high))
        there = (await session.execute(query)).scalars().all()
        found += gaps(low, high + 1, [(number, number) for number in there])
    return found
