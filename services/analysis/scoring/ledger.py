"""What was asked, counted by grant and written down within a second: the audit of the door, and the limits of the day.

Counts that are not written yet are lost if the process is killed: those of at most a second."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID, uuid4

from sqlmodel import col, select

from services.analysis import messages
from services.analysis.models import ScoringBatch
from services.analysis.scoring.registry import Access, seconds_left_today
from shared.audit import record_audit
from shared.clock import now
from shared.db import Database, Session
from shared.errors import TooMany

log = logging.getLogger(__name__)


@dataclass
class Count:
    """Requests and rows of one grant since the last writing."""

    access: Access
    day: date
    began_at: datetime
    ended_at: datetime
    requests: int = 0
    rows: int = 0


@dataclass
class Ledger:
    """The counts of this process. `door` tells its rows from those of other processes."""

    db: Database
    door: UUID = field(default_factory=uuid4)
    counting: dict[tuple[UUID, date], Count] = field(default_factory=dict)
    used: dict[tuple[UUID, date], int] = field(default_factory=dict)
    unwritten: list[ScoringBatch] = field(default_factory=list)
    callers: dict[UUID, Access] = field(default_factory=dict)
    buckets: dict[UUID, tuple[float, float]] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    number: int = 0
    doubtful: bool = False
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def admit(self, access: Access, rows: int) -> None:
        """Take rows from the day's limit before they are scored. TooMany if they do not fit."""
        at = now()
        key = access.grant_id, at.date()
        used = self.used.get(key, 0)
        if access.elsewhere + used + rows > access.rows_per_day:
            raise TooMany(messages.ROWS_PER_DAY, retry_after=seconds_left_today(at), limit_rows=access.rows_per_day)
        self.check_rate(access, rows)
        self.used[key] = used + rows
        count = self.counting.get(key)
        if count is None:
            count = self.counting[key] = Count(access, at.date(), at, at)
        count.requests += 1
        count.rows += rows
        count.ended_at = at

    def check_rate(self, access: Access, rows: int) -> None:
        """Take rows from what a minute allows (a token bucket of this process). TooMany if they do not fit."""
        most = access.rows_per_minute
        if most is None:
            return
        at = self.clock()
        left, before = self.buckets.get(access.grant_id, (float(most), at))
        left = min(float(most), left + (at - before) * most / 60)
        if rows > left:
            wait = math.ceil((min(rows, most) - left) * 60 / most) or 1
            raise TooMany(messages.ROWS_PER_MINUTE, retry_after=wait, limit_rows=most)
        self.buckets[access.grant_id] = left - rows, at

    def close(self) -> None:
        """Make batches of what was counted so far."""
        counted, self.counting = self.counting, {}
        for count in counted.values():
            self.number += 1
            batch = ScoringBatch(
                door=self.door, number=self.number, grant_id=count.access.grant_id, model_id=count.access.model.model_id,
                day=count.day, requests=count.requests, rows=count.rows, began_at=count.began_at, ended_at=count.ended_at,
            )  # fmt: skip
            self.unwritten.append(batch)
            self.callers[batch.id] = count.access
        today = now().date()
        self.used = {key: rows for key, rows in self.used.items() if key[1] == today}
        # A bucket that is full again says nothing.
        self.buckets = {grant: bucket for grant, bucket in self.buckets.items() if self.clock() - bucket[1] < 60}

    async def flush(self) -> int:
        """Write what was counted; how many batches. What could not be written comes again, and is never written twice."""
        async with self.writing:
            self.close()
            batches = list(self.unwritten)
            if not batches:
                return 0
            doubtful, self.doubtful = self.doubtful, True
            async with self.db.transaction() as session:
                written = await self.written(session, batches) if doubtful else frozenset[int]()
                for batch in batches:
                    if batch.number not in written:
                        access = self.callers[batch.id]
                        session.add(ScoringBatch(**batch.model_dump()))
                        subject = f"grant/{batch.grant_id}"
                        await record_audit(session, "analysis.score", subject, detail=told(batch, access), actor=access.caller)
            self.doubtful = False
            self.unwritten = [batch for batch in self.unwritten if batch not in batches]
            for batch in batches:
                del self.callers[batch.id]
            return len(batches)

    async def written(self, session: Session, batches: list[ScoringBatch]) -> frozenset[int]:
        """Which of these are there already: a commit may have come to pass though its answer was lost."""
        numbers = [batch.number for batch in batches]
        query = select(ScoringBatch.number).where(col(ScoringBatch.door) == self.door, col(ScoringBatch.number).in_(numbers))
        return frozenset((await session.exec(query)).all())

    async def keep_flushing(self, seconds: float, stop: asyncio.Event) -> None:
        """Until stopped, and once more then."""
        while not stop.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await stop.wait()
            except TimeoutError:
                pass
            try:
                await self.flush()
            except Exception as error:
                log.warning("counts wait to be written", extra={"batches": len(self.unwritten)}, exc_info=error)


def told(batch: ScoringBatch, access: Access) -> dict[str, object]:
    return {
        "model": access.model.label,
        "model_id": batch.model_id,
        "requests": batch.requests,
        "rows": batch.rows,
        "from": batch.began_at.isoformat(),
        "to": batch.ended_at.isoformat(),
    }
