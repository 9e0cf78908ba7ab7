"""How much one ministry may hand in: whatever waits is checked before what others hand in later, and all of it takes space."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from services.catalog import messages
from services.catalog.queries import Usage, usage
from shared.contracts.wording import Sentence
from shared.db import Session, database
from shared.errors import TooMany

OF_ONE_MINISTRY: Final = 7_301_003  # the kind of a lock in this service's own database


@dataclass(frozen=True)
class Quota:
    """Of one ministry: what may wait for its check, and what may be handed in within a day; files, and bytes."""

    waiting_files: int
    waiting_bytes: int
    daily_files: int
    daily_bytes: int

    def left(self, used: Usage) -> int:
        """How many bytes the next file may have. TooMany, which names the quota, if there is no room for any."""
        for words, most, now in self.counts(used):
            if now >= most:
                raise exceeded(words, most, now)
        return min(self.waiting_bytes - used.waiting_bytes, self.daily_bytes - used.daily_bytes)

    def check(self, used: Usage, size: int) -> None:
        """TooMany if a file of so many bytes does not fit."""
        self.left(used)
        for words, most, now in (
            (WAITING_BYTES, self.waiting_bytes, used.waiting_bytes),
            (DAILY_BYTES, self.daily_bytes, used.daily_bytes),
        ):
            if now + size > most:
                raise exceeded(words, most, now)

    def counts(self, used: Usage) -> Iterator[tuple[Sentence, int, int]]:
        yield WAITING_FILES, self.waiting_files, used.waiting_files
        yield WAITING_BYTES, self.waiting_bytes, used.waiting_bytes
        yield DAILY_FILES, self.daily_files, used.daily_files
        yield DAILY_BYTES, self.daily_bytes, used.daily_bytes


WAITING_FILES, WAITING_BYTES = messages.WAITING_FILES, messages.WAITING_BYTES
DAILY_FILES, DAILY_BYTES = messages.DAILY_FILES, messages.DAILY_BYTES
# A check takes seconds or minutes; a day's quota grows free by the hour.
RETRY_AFTER: Final = {WAITING_FILES: 60, WAITING_BYTES: 60, DAILY_FILES: 3600, DAILY_BYTES: 3600}


def exceeded(quota: Sentence, most: int, used: int) -> TooMany:
    detail = messages.QUOTA_EXCEEDED(quota=quota, most=f"{most:,}", used=f"{used:,}")
    problem = TooMany(detail, quota=str(quota), limit=most, used=used)
    problem.headers = {"Retry-After": str(RETRY_AFTER[quota])}
    return problem


async def check_quota(session: Session, ministry: str, dataset_id: UUID, size: int, quota: Quota) -> None:
    """Before the file is noted, with no other of the ministry's being noted at the same time. TooMany."""
    if not database(session).sqlite:  # SQLite lets in one writer at a time anyhow
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(ministry, OF_ONE_MINISTRY))))
    quota.check(await usage(session, ministry, but_waiting_for=dataset_id), size)
