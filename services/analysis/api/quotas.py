"""Quotas: how many runs of one ministry may be under way at one time."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from services.analysis import actions, queries
from services.analysis.api.runs import Present
from services.analysis.schemas import QuotaIn, QuotaOut
from shared.contracts import Code
from shared.http import Caller, IfMatch, Reading, Route, Transaction, tagged

router = APIRouter(prefix="/quotas", route_class=Route, tags=["quotas"])
Ministry = Annotated[Code, Path(examples=["mohw"])]


@router.get("")
async def list_quotas(session: Reading, caller: Caller, now: Present) -> list[QuotaOut]:
    """List the quotas (of runs under way and waiting, by ministry; centre-analyst, auditor, ops)."""
    return await queries.list_quotas(session, caller, now.order)


@router.put("/{ministry}")
async def set_quota(
    ministry: Ministry, data: QuotaIn, session: Transaction, caller: Caller, expected: IfMatch, now: Present, response: Response
) -> QuotaOut:
    """Set a ministry's quota of runs under way, with a reason (centre-analyst). What runs goes on."""
    quota = await actions.set_quota(session, caller, ministry, data.most, data.reason, expected)
    tagged(response, quota)
    return await queries.describe_quota(session, quota, now.order)
