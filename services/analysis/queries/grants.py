"""Read scoring grants."""

import json
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Text, type_coerce
from sqlmodel import and_, col, false, func, or_, select

from services.analysis import messages, policy
from services.analysis.models import Grant, GrantObjection, GrantReview, GrantState, ReleasedModel, ScoringBatch
from services.analysis.schemas import GrantedModel, GrantObjectionOut, GrantOut, GrantReviewOut
from shared.auth import Principal, Role
from shared.clock import now
from shared.db import Session
from shared.errors import NotFound
from shared.paging import PageQuery, paginate


async def list_grants(
    session: Session, caller: Principal, page: PageQuery, *, state: GrantState | None = None, model_id: UUID | None = None
) -> tuple[list[GrantOut], str | None]:
    query = select(Grant)
    if not policy.sees_every_grant(caller):
        learned = type_coerce(col(ReleasedModel.owners), Text).contains(json.dumps(caller.ministry), autoescape=True)
        concerns = select(ReleasedModel.id).where(or_(col(ReleasedModel.ministry) == caller.ministry, learned))
        on_own = col(Grant.model_id).in_(concerns) if caller.has(Role.STEWARD) else false()
        query = query.where(or_(col(Grant.ministry) == caller.ministry, on_own))
    if state is not None:
        query = query.where(col(Grant.state) == state)
    if model_id is not None:
        query = query.where(col(Grant.model_id) == model_id)
    grants, cursor = await paginate(session, query, Grant, page)
    return await described_grants(session, caller, grants), cursor


async def get_grant(session: Session, caller: Principal, grant_id: UUID) -> Grant:
    grant = await session.get(Grant, grant_id)
    if grant is None:
        raise NotFound(messages.NO_GRANT)
    policy.check_may_see_grant(caller, grant, await session.get_one(ReleasedModel, grant.model_id))
    return grant


async def describe_grant(session: Session, caller: Principal, grant: Grant) -> GrantOut:
    return (await described_grants(session, caller, [grant]))[0]


async def described_grants(session: Session, caller: Principal, grants: Sequence[Grant]) -> list[GrantOut]:
    ids = [grant.id for grant in grants]
    wanted = select(ReleasedModel).where(col(ReleasedModel.id).in_({grant.model_id for grant in grants}))
    models = {model.id: model for model in (await session.exec(wanted)).all()}
    reviews: dict[UUID, list[GrantReview]] = {each: [] for each in ids}
    for review in (
        await session.exec(select(GrantReview).where(col(GrantReview.grant_id).in_(ids)).order_by(col(GrantReview.id)))
    ).all():
        reviews[review.grant_id].append(review)
    stopped = select(GrantObjection).where(col(GrantObjection.grant_id).in_(ids))
    objections = {each.grant_id: each for each in (await session.exec(stopped)).all()}
    today = and_(col(ScoringBatch.grant_id).in_(ids), col(ScoringBatch.day) == now().date())
    counted = select(ScoringBatch.grant_id, func.sum(ScoringBatch.rows)).where(today).group_by(col(ScoringBatch.grant_id))
    rows = {grant_id: int(count) for grant_id, count in (await session.exec(counted)).all()}
    return [
        told(caller, grant, models[grant.model_id], reviews[grant.id], objections.get(grant.id), rows.get(grant.id, 0))
        for grant in grants
    ]


def told(
    caller: Principal,
    grant: Grant,
    model: ReleasedModel,
    reviews: Sequence[GrantReview],
    objection: GrantObjection | None,
    rows_today: int,
) -> GrantOut:
    stopped = [objection] if objection else []
    return GrantOut(
        owners=model.owners,
        objections=[
            GrantObjectionOut(objected_by=one.objected_by, ministry=one.ministry, reason=one.reason, at=one.created_at)
            for one in stopped
        ],
        **grant.model_dump(exclude={"created_at", "version"}),
        model=GrantedModel(name=model.name, version=str(model.release), ministry=model.ministry),
        asked_at=grant.created_at,
        reviews=[
            GrantReviewOut(
                reviewer=each.reviewer, ministry=each.ministry, verdict=each.verdict, reason=each.reason, at=each.created_at
            )
            for each in reviews
        ],
        rows_today=rows_today,
        waiting=policy.grant_waiting(grant, reviews),
        actions=policy.grant_actions(caller, grant, model, reviews),
    )
