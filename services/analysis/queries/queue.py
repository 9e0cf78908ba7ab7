"""Whose turn it is: priority, then the ministry with the fewest runs under way, then age, found without reading the queue.

Only the head of each queue is looked at: the oldest run of each ministry, priority and method. So it costs the same
whether ten runs wait or a hundred thousand. Whatever waits rises by one priority for each `aging`: nothing starves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    ScalarSelect,
    Select,
    Subquery,
    Uuid,
    and_,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.orm import aliased
from sqlmodel import col

from services.analysis.models import Method, Priority, Quota, Run, RunStatus
from shared.db import Session, UtcDateTime
from shared.due import db_now

RANKS: Final = {priority.value: rank for rank, priority in enumerate(Priority)}
# Four steps take the lowest priority past the highest.
STEPS: Final = 4


@dataclass(frozen=True)
class Line:
    """A stop where runs wait: how they stand there, how they stand in hand, and which count as a ministry's load."""

    waiting: RunStatus
    in_hand: RunStatus
    load: tuple[RunStatus, ...]


TO_PREPARE: Final = Line(RunStatus.QUEUED, RunStatus.PREPARING, (RunStatus.PREPARING, RunStatus.PREPARED, RunStatus.RUNNING))
TO_WORK: Final = Line(RunStatus.PREPARED, RunStatus.RUNNING, (RunStatus.RUNNING,))


@dataclass(frozen=True)
class Order:
    """After how long a waiting run rises; how many of a ministry may be in hand, and how often a run is claimed, if bounded."""

    aging: timedelta
    quota: int | None = None
    max_attempts: int | None = None


def next_in_line(line: Line, order: Order, methods: Sequence[UUID] | None = None) -> Select[UUID]:
    """The id of the run whose turn it is, of these methods if given; what was left behind does not count against itself."""
    load = under_way(line.load)
    found = union_all(heads(line, order, methods, load), left_behind(line, order, methods)).subquery("found")
    standing = or_(col(Run.status) == line.waiting, col(Run.status) == line.in_hand)
    others = func.coalesce(load.c.runs, 0) - case((col(Run.status) == line.in_hand, 1), else_=0)
    return (
        select(col(Run.id))
        .join(found, found.c.id == col(Run.id))
        .outerjoin(load, load.c.ministry == col(Run.ministry))
        .where(standing, col(Run.due_at) <= db_now())
        .order_by(standing_rank(order.aging), others, col(Run.created_at), col(Run.id))
        .limit(literal_column("1"))
    )


def heads(line: Line, order: Order, methods: Sequence[UUID] | None, load: Subquery) -> Select[Any]:
    """The oldest waiting run of each ministry, priority and method, of ministries that are below their quota."""
    ministries = waiting_ministries(line.waiting)
    classes = union_all(*(select(literal(priority.value).label("name")) for priority in Priority)).subquery("class")
    query = select(ministries.c.ministry).join(classes, true()).where(ministries.c.ministry.is_not(None))
    if methods is not None:
        query = query.join(Method, col(Method.id).in_(methods))
    if order.quota is not None:
        query = query.outerjoin(Quota, col(Quota.ministry) == ministries.c.ministry)
        query = query.outerjoin(load, load.c.ministry == ministries.c.ministry)
        query = query.where(func.coalesce(load.c.runs, 0) < func.coalesce(col(Quota.most), order.quota))
    return query.with_only_columns(head(line, order, ministries, classes, of_method=methods is not None).label("id"))


def head(line: Line, order: Order, ministries: CTE, classes: Subquery, *, of_method: bool) -> ScalarSelect[UUID]:
    one = aliased(Run)
    query = select(col(one.id)).where(
        col(one.status) == line.waiting,
        col(one.ministry) == ministries.c.ministry,
        col(one.priority) == classes.c.name,
        col(one.due_at) <= db_now(),
        *often_enough(one, order),
    )
    if of_method:
        query = query.where(*same_method(one))
    oldest = query.order_by(col(one.created_at), col(one.id)).limit(literal_column("1"))
    return oldest.correlate(ministries, classes, Method).scalar_subquery()


def left_behind(line: Line, order: Order, methods: Sequence[UUID] | None) -> Select[UUID]:
    """Runs in hand whose lease ran out: whoever had them is gone."""
    one = aliased(Run)
    query = select(col(one.id)).where(col(one.status) == line.in_hand, col(one.due_at) <= db_now(), *often_enough(one, order))
    return query if methods is None else query.join(Method, and_(col(Method.id).in_(methods), *same_method(one)))


def same_method(one: type[Run]) -> tuple[ColumnElement[bool], ...]:
    return (
        col(one.method_name) == col(Method.name),
        col(one.method_release) == col(Method.release),
        col(one.method_digest) == col(Method.digest),
    )


def often_enough(one: type[Run], order: Order) -> list[ColumnElement[bool]]:
    return [] if order.max_attempts is None else [col(one.attempts) < order.max_attempts]


def waiting_ministries(status: RunStatus) -> CTE:
    """Each ministry that has a run there, by one step in the index each; the last row is NULL."""
    here = col(Run.status) == status
    found = select(func.min(col(Run.ministry)).label("ministry")).where(here).cte("waiting", recursive=True)
    following = select(func.min(col(Run.ministry))).where(here, col(Run.ministry) > found.c.ministry).correlate(found)
    return found.union_all(select(following.scalar_subquery()).select_from(found).where(found.c.ministry.is_not(None)))


def under_way(statuses: Sequence[RunStatus]) -> Subquery:
    counted: Select[str, int] = select(col(Run.ministry).label("ministry"), func.count(col(Run.id)).label("runs"))
    return counted.where(col(Run.status).in_(statuses)).group_by(col(Run.ministry)).subquery("load")


def standing_rank(aging: timedelta, one: type[Run] = Run) -> ColumnElement[int]:
    """The rank of a run's priority, less one for each time of aging that it has waited since it was queued."""
    risen = case(*((col(one.created_at) <= db_now(-aging * step), step) for step in range(STEPS, 0, -1)), else_=0)
    return case(RANKS, value=col(one.priority)) - risen


async def anything_due(session: Session, line: Line) -> bool:
    """Looked up first, as every commit wakes everybody who waits for a run: mostly there is none."""
    standing = or_(col(Run.status) == line.waiting, col(Run.status) == line.in_hand)
    due = select(col(Run.id)).where(standing, col(Run.due_at) <= db_now()).limit(literal_column("1"))
    return (await session.execute(due)).first() is not None


async def is_someones_turn(session: Session, line: Line, order: Order, methods: Sequence[UUID] | None = None) -> bool:
    """Looked up without a lock, so that whoever waits for a run costs no write."""
    if not await anything_due(session, line):
        return False
    return (await session.execute(next_in_line(line, order, methods))).first() is not None


async def place_in_line(session: Session, run: Run, order: Order) -> int | None:
    """Its place among what waits of the same ministry, 1 for the next; None if it does not wait."""
    waiting = (TO_PREPARE.waiting, TO_WORK.waiting)
    if run.status not in waiting:
        return None
    one = aliased(Run)
    of_ministry = (col(Run.status).in_(waiting), col(Run.ministry) == run.ministry)
    mine = select(standing_rank(order.aging, one)).where(col(one.id) == run.id).scalar_subquery()
    rank, age = standing_rank(order.aging), tuple_(col(Run.created_at), col(Run.id))
    before = or_(rank < mine, and_(rank == mine, age < tuple_(literal(run.created_at, UtcDateTime), literal(run.id, Uuid))))
    return int((await session.execute(select(func.count()).select_from(Run).where(*of_ministry, before))).scalar_one()) + 1
