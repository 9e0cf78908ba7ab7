"""Whose turn it is, taken; and what people decide about it: a run's priority, a ministry's quota."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from services.analysis import policy
from services.analysis.actions.endings import locked_run
from services.analysis.models import Priority, Quota, Run
from services.analysis.queries.queue import Line, Order, next_in_line
from shared.audit import record_audit
from shared.auth import Principal, Role, require
from shared.db import Session, check_version, database
from shared.due import claim_first

CLAIMING: Final = 7_301_001  # the name of a lock in this service's own database


async def claim_next(
    session: Session, line: Line, order: Order, lease: timedelta, methods: Sequence[UUID] | None = None
) -> Run | None:
    """Claim the run whose turn it is. Where a quota counts, claims are made one after another: each sees those before it."""
    if order.quota is not None and not database(session).sqlite:
        await session.execute(text(f"SELECT pg_advisory_xact_lock({CLAIMING})"))
    chosen = next_in_line(line, order, methods).with_for_update(of=Run, skip_locked=True)
    return await claim_first(session, Run, chosen, lease=lease)


async def prioritise_run(
    session: Session, caller: Principal, run_id: UUID, priority: Priority, why: str, expected: int | None = None
) -> Run:
    """Let a run go before others, or after them; it counts at the next claim."""
    run = await locked_run(session, run_id)
    policy.check_may_prioritise(caller, run)
    check_version(run, expected)
    policy.check_not_ended(run)
    former, run.priority = run.priority, priority
    run.touch()
    session.add(run)
    detail = {"former": former, "priority": priority, "reason": why}
    await record_audit(session, "analysis.prioritise-run", f"run/{run.id}", detail=detail)
    return run


async def set_quota(
    session: Session, caller: Principal, ministry: str, most: int | None, why: str, expected: int | None = None
) -> Quota:
    """How many runs of a ministry may be under way at one time; None: as many as the setting says. What runs is not stopped."""
    require(caller, Role.CENTRE_ANALYST)
    query = select(Quota).where(col(Quota.ministry) == ministry).with_for_update()
    quota = (await session.exec(query)).first()
    if quota is None:
        quota = Quota(ministry=ministry, reason=why, version=0)
    check_version(quota, expected)
    former, quota.most, quota.reason = quota.most, most, why
    quota.touch()
    session.add(quota)
    await session.flush()
    detail = {"former": former, "most": most, "reason": why}
    await record_audit(session, "analysis.set-quota", f"ministry/{ministry}", detail=detail)
    return quota
