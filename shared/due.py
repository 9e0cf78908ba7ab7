"""Work that waits in a table: claimed, done, recorded.

A claim raises the row's fence and puts its `due_at` to the end of a lease on the database's own clock. Whoever records
afterwards names the fence: a later claim makes the earlier one's record fail. A crash only lets the lease run out.
"""

import random
from collections.abc import Sequence
from datetime import timedelta
from operator import itemgetter
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Column, ColumnElement, CursorResult, Select, Table, func, literal, literal_column, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import SQLModel
from sqlmodel import select as select_rows

from shared.db import Fields, Session, UtcDateTime, database

LEASE = timedelta(seconds=30)
Model = TypeVar("Model", bound=SQLModel)


class db_now(FunctionElement[Any]):  # noqa: N801  a function in SQL, written like one
    """The database's clock, `plus` a timedelta."""

    type = UtcDateTime()
    inherit_cache = True

    def __init__(self, plus: timedelta = timedelta()) -> None:
        super().__init__(*([literal(plus.total_seconds())] if plus else []))


@compiles(db_now, "sqlite")
def db_now_sqlite(element: db_now, compiler: SQLCompiler, **kwargs: Any) -> str:
    seconds = compiler.process(element.clauses, **kwargs) or "0"
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', ({seconds}) || ' seconds')"


@compiles(db_now, "postgresql")
def db_now_postgresql(element: db_now, compiler: SQLCompiler, **kwargs: Any) -> str:
    # Not clock_timestamp(): that may differ from row to row, so no index could find what is due.
    seconds = compiler.process(element.clauses, **kwargs)
    return f"(statement_timestamp() + make_interval(secs => {seconds}))" if seconds else "statement_timestamp()"


def backoff(attempts: int, *, base: float = 1.0, cap: float = 300.0) -> timedelta:
    """How long to wait after the given number of failed attempts: doubling, capped, with jitter of a quarter."""
    return timedelta(seconds=min(base * 2.0 ** max(attempts - 1, 0), cap) * random.uniform(0.75, 1.25))


async def claim_rows(
    session: Session,
    table: Table,
    *,
    n: int,
    lease: timedelta = LEASE,
    where: Sequence[ColumnElement[bool]] = (),
    columns: Sequence[Column[Any]] = (),
) -> list[Fields]:
    """Claim up to n rows, those first that are due longest: their id, fence and attempts, and the columns asked for.

    Two claimers never get the same row while its lease lasts. One statement, as many claims find a single row or none.
    """
    # The number stands in the statement: PostgreSQL would plan for a tenth of the table if it were a parameter.
    due = select(table.c.id).where(table.c.due_at <= db_now(), *where).limit(literal_column(str(n)))
    oldest = due.order_by(table.c.due_at, table.c.id).with_for_update(skip_locked=True)
    return await claim_chosen(session, table, oldest, lease=lease, columns=columns)


async def claim_chosen(
    session: Session, table: Table, chosen: Select[UUID], *, lease: timedelta = LEASE, columns: Sequence[Column[Any]] = ()
) -> list[Fields]:
    """Claim the rows whose ids a select gives, which has locked them. See claim_rows."""
    ids = select(chosen.cte("chosen").c.id)
    # As an array, or PostgreSQL keeps a plan made for a small table and reads the whole of a large one.
    mine = table.c.id.in_(ids) if database(session).sqlite else table.c.id == func.any(func.array(ids.scalar_subquery()))
    claimed = (
        update(table)
        .where(mine)
        .values(fence=table.c.fence + 1, attempts=table.c.attempts + 1, due_at=db_now(lease))
        .returning(table.c.id, table.c.fence, table.c.attempts, *columns)
    )
    rows = (await session.execute(claimed.execution_options(synchronize_session=False))).mappings()
    return sorted(rows, key=itemgetter("id"))  # ids sort by time; RETURNING keeps no order


async def claim(
    session: Session, model: type[Model], *, n: int, lease: timedelta = LEASE, where: Sequence[ColumnElement[bool]] = ()
) -> list[Model]:
    """Claim up to n rows of a model that are due. See claim_rows."""
    table: Table = model.__table__  # type: ignore[attr-defined]  # SQLModel tables have it
    return await rows_of(session, model, await claim_rows(session, table, n=n, lease=lease, where=where))


async def claim_first(session: Session, model: type[Model], chosen: Select[UUID], *, lease: timedelta = LEASE) -> Model | None:
    """Claim the one row whose id a select gives, in an order of its own. See claim_chosen."""
    table: Table = model.__table__  # type: ignore[attr-defined]  # the same
    found = await rows_of(session, model, await claim_chosen(session, table, chosen, lease=lease))
    return found[0] if found else None


async def rows_of(session: Session, model: type[Model], claimed: Sequence[Fields]) -> list[Model]:
    if not claimed:
        return []
    ids, table = [row["id"] for row in claimed], model.__table__  # type: ignore[attr-defined]  # the same
    found = await session.exec(select_rows(model).where(table.c.id.in_(ids)).execution_options(populate_existing=True))
    by_id = {row.id: row for row in found.all()}  # type: ignore[attr-defined]
    return [by_id[row_id] for row_id in ids]


async def record(session: Session, model: type[SQLModel], row_id: UUID, fence: int, **values: Any) -> bool:
    """Write the outcome of claimed work. False: somebody claimed it later, so this outcome does not count."""
    return await record_row(session, model.__table__, row_id, fence, **values)  # type: ignore[attr-defined]


async def record_row(session: Session, table: Table, row_id: UUID, fence: int, **values: Any) -> bool:
    outcome = update(table).where(table.c.id == row_id, table.c.fence == fence).values(**values)
    result = await session.execute(outcome.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    return bool(result.rowcount == 1)


async def release_claims(session: Session, table: Table) -> None:
    """Let what is claimed for the first time be claimed at once: for a program that starts after one that was killed.

    If its holder lives after all, its work is done twice, as after a lease that ran out; its record fails by the fence.
    What waits for a back-off goes on waiting.
    """
    claimed = (table.c.due_at > db_now(), table.c.last_error.is_(None))
    await session.execute(update(table).where(*claimed).values(due_at=db_now()).execution_options(synchronize_session=False))


async def something_due(session: Session, table: Table) -> bool:
    """Looked up without a lock, so that a loop with nothing to do keeps no writer waiting."""
    due = select(table.c.id).where(table.c.due_at <= db_now()).order_by(table.c.due_at).limit(literal_column("1"))
    return (await session.execute(due)).first() is not None


async def waiting(session: Session, table: Table) -> int:
    """How many rows are due or claimed."""
    counted = select(func.count()).select_from(table).where(table.c.due_at.is_not(None))
    return int((await session.execute(counted)).scalar_one())
