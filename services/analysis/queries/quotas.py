"""Read what each ministry has under way and waiting, and how much of it it may have."""

from collections import Counter

from sqlalchemy import Select, func, select
from sqlmodel import col

from services.analysis import policy
from services.analysis.models import ENDED, Quota, Run, RunStatus
from services.analysis.queries.queue import TO_WORK, Order, under_way
from services.analysis.schemas import QuotaOut
from shared.auth import Principal
from shared.db import Session

Counts = dict[str, Counter[RunStatus]]


async def full_quotas(session: Session, order: Order) -> dict[str, int]:
    """Ministry -> its quota, of those that have as many runs under way as they may."""
    loads = {row["ministry"]: row["runs"] for row in (await session.execute(select(under_way(TO_WORK.load)))).mappings()}
    own = (await session.execute(select(Quota).where(col(Quota.most).is_not(None)))).scalars()
    quotas = dict.fromkeys(loads, order.quota) | {quota.ministry: quota.most for quota in own}
    return {ministry: most for ministry, most in quotas.items() if most is not None and loads.get(ministry, 0) >= most}


async def list_quotas(session: Session, caller: Principal, order: Order) -> list[QuotaOut]:
    """Every ministry that has runs waiting or under way, or a quota of its own."""
    policy.check_may_see_quotas(caller)
    own = {quota.ministry: quota for quota in (await session.execute(select(Quota))).scalars()}
    counts = await counted(session, open_runs())
    return [quota_out(name, own.get(name), counts.get(name, Counter()), order) for name in sorted({*own, *counts})]


async def describe_quota(session: Session, quota: Quota, order: Order) -> QuotaOut:
    counts = await counted(session, open_runs().where(col(Run.ministry) == quota.ministry))
    return quota_out(quota.ministry, quota, counts.get(quota.ministry, Counter()), order)


def open_runs() -> Select[str, RunStatus, int]:
    told: Select[str, RunStatus, int] = select(
        col(Run.ministry).label("ministry"), col(Run.status).label("status"), func.count(col(Run.id)).label("runs")
    )
    return told.where(col(Run.status).not_in(ENDED)).group_by(col(Run.ministry), col(Run.status))


async def counted(session: Session, query: Select[str, RunStatus, int]) -> Counts:
    counts: Counts = {}
    for row in (await session.execute(query)).mappings():
        counts.setdefault(row["ministry"], Counter())[row["status"]] = row["runs"]
    return counts


def quota_out(ministry: str, own: Quota | None, counts: Counter[RunStatus], order: Order) -> QuotaOut:
    most = own.most if own and own.most is not None else order.quota
    return QuotaOut(
        ministry=ministry,
        most=most or 0,
        own=own is not None and own.most is not None,
        reason=own.reason if own else None,
        under_way=counts[RunStatus.RUNNING],
        waiting=counts.total() - counts[RunStatus.RUNNING],
    )
