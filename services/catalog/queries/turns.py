"""Whose file is checked next, and what of a ministry waits or came lately: turns and quotas are by ministry."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from services.catalog.models import UNCHECKED, DatasetFile, FileState
from shared.clock import now
from shared.db import Session
from shared.due import db_now

DAY = timedelta(days=1)


def next_file(most_each: int) -> Select[UUID]:
    """The id of the file whose turn it is.

    First comes the ministry with the fewest files in hand, then the one whose last check ended longest ago; of its files the
    oldest. A ministry has at most `most_each` in hand.
    """
    in_hand = (
        select(col(DatasetFile.ministry).label("ministry"), func.count().label("files"))
        .where(col(DatasetFile.state) == FileState.CHECKING, col(DatasetFile.due_at) > db_now())
        .group_by(col(DatasetFile.ministry))
        .subquery("in_hand")
    )
    order = func.row_number().over(
        partition_by=col(DatasetFile.ministry), order_by=(col(DatasetFile.created_at), col(DatasetFile.id))
    )
    waiting = (
        select(col(DatasetFile.id), col(DatasetFile.ministry), col(DatasetFile.created_at), order.label("place"))
        .where(col(DatasetFile.state).in_(UNCHECKED), col(DatasetFile.due_at) <= db_now())
        .subquery("waiting")
    )
    other = aliased(DatasetFile)
    last = select(func.max(col(other.checked_at))).where(col(other.ministry) == waiting.c.ministry).scalar_subquery()
    busy = func.coalesce(in_hand.c.files, 0)
    chosen = (
        select(waiting.c.id)
        .outerjoin(in_hand, in_hand.c.ministry == waiting.c.ministry)
        .where(waiting.c.place == 1, busy < most_each)
        .order_by(busy, last.asc().nulls_first(), waiting.c.created_at, waiting.c.id)
        .limit(literal_column("1"))
    )
    # A window's rows cannot be locked, the row of its answer can.
    return select(col(DatasetFile.id)).where(col(DatasetFile.id) == chosen.scalar_subquery())


@dataclass(frozen=True)
class Usage:
    """What a ministry has waiting for a check, and what it handed in within a day: files, and bytes."""

    waiting_files: int
    waiting_bytes: int
    daily_files: int
    daily_bytes: int


async def usage(session: Session, ministry: str, *, but_waiting_for: UUID) -> Usage:
    """What counts against a ministry's quotas. What waits for this dataset does not: the next file takes its place."""
    waiting = (
        col(DatasetFile.due_at).is_not(None),
        col(DatasetFile.state).in_(UNCHECKED),
        col(DatasetFile.dataset_id) != but_waiting_for,
    )
    files, size = await summed(session, ministry, *waiting)
    since: datetime = now() - DAY
    daily_files, daily_size = await summed(session, ministry, col(DatasetFile.created_at) > since)
    return Usage(files, size, daily_files, daily_size)


async def summed(session: Session, ministry: str, *conditions: Any) -> tuple[int, int]:
    query = select(func.count().label("files"), func.coalesce(func.sum(col(DatasetFile.size)), 0).label("size"))
    row = (await session.execute(query.where(col(DatasetFile.ministry) == ministry, *conditions))).mappings().one()
    return int(row["files"]), int(row["size"])
