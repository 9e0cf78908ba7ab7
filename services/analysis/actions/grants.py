"""Ask for a scoring grant, decide on it, take it back; and what the door is told of released models."""

from collections.abc import Iterable
from uuid import UUID

from sqlmodel import col, func, select

from services.analysis import messages, policy
from services.analysis.models import Grant, GrantObjection, GrantReview, GrantState, ReleasedModel, Verdict
from services.analysis.rules import Rules
from services.analysis.schemas import GrantIn
from shared.audit import record_audit
from shared.auth import Principal
from shared.clock import now
from shared.contracts import ModelRef, ScoringGrantAsked, ScoringGrantObjected
from shared.db import Session, check_version
from shared.errors import NotFound
from shared.outbox import emit


async def ask_for_grant(session: Session, caller: Principal, data: GrantIn, *, rules: Rules) -> Grant:
    """Ask, in the name of the caller's ministry, that a client may have rows scored. The owners of the data hear of it."""
    policy.check_may_ask(caller)
    model = policy.check_askable(await session.get(ReleasedModel, data.model_id))
    policy.check_asked(data, rules, now())
    grant = Grant(**data.model_dump(), ministry=caller.ministry, asked_by=caller.subject)
    grant.rows_per_minute = min(grant.rows_per_minute or rules.rows_per_minute.value, grant.rows_per_day)
    session.add(grant)
    await session.flush()
    detail = {"model_id": grant.model_id, "client": grant.client, "purpose": grant.purpose, "legal_basis": grant.legal_basis}
    detail |= {"rows_per_day": grant.rows_per_day, "rows_per_minute": grant.rows_per_minute, "rules": rules.version}
    await record_audit(session, "analysis.ask-for-grant", f"grant/{grant.id}", detail=detail)
    told = ScoringGrantAsked(
        grant_id=grant.id, model_id=model.id, ministry=grant.ministry, purpose=grant.purpose, owners=tuple(model.owners)
    )
    await emit(session, told)
    return grant


async def review_grant(
    session: Session, caller: Principal, grant_id: UUID, verdict: Verdict, reason: str, expected: int | None = None
) -> Grant:
    """Record a decision. The second approval, of another body, grants it; a single rejection refuses it."""
    grant, model = await locked_grant(session, caller, grant_id)
    policy.check_may_review_grant(caller, grant, model)
    check_version(grant, expected)
    policy.check_not_withdrawn(model)
    reviews = list((await session.exec(select(GrantReview).where(col(GrantReview.grant_id) == grant.id))).all())
    policy.check_grant_reviewable(caller, grant, reviews)
    review = GrantReview(grant_id=grant.id, reviewer=caller.subject, ministry=caller.ministry, verdict=verdict, reason=reason)
    session.add(review)
    if (state := policy.decided([*reviews, review])) is not grant.state:
        policy.check_grant_move(grant, state)
        grant.state = state
    grant.touch()
    session.add(grant)
    detail = {"verdict": verdict, "reason": reason, "state": grant.state}
    await record_audit(session, "analysis.review-grant", f"grant/{grant.id}", detail=detail)
    return grant


async def object_to_grant(session: Session, caller: Principal, grant_id: UUID, reason: str, expected: int | None = None) -> Grant:
    """An owner of the data objects: a grant that is asked for is refused, one that holds is taken back."""
    grant, model = await locked_grant(session, caller, grant_id)
    policy.check_may_object(caller, model)
    check_version(grant, expected)
    state = policy.objected(grant)
    policy.check_grant_move(grant, state)
    grant.state = state
    if state is GrantState.REVOKED:
        grant.revoked_reason = reason
    grant.touch()
    session.add(grant)
    objection = GrantObjection(grant_id=grant.id, objected_by=caller.subject, ministry=caller.ministry, reason=reason)
    session.add(objection)
    detail = {"reason": reason, "state": state}
    await record_audit(session, "analysis.object-to-grant", f"grant/{grant.id}", detail=detail)
    told = ScoringGrantObjected(grant_id=grant.id, model_id=model.id, ministry=caller.ministry, state=state.value, reason=reason)
    await emit(session, told)
    return grant


async def revoke_grant(session: Session, caller: Principal, grant_id: UUID, reason: str, expected: int | None = None) -> Grant:
    """Take a grant back for good; the door stops answering within a second."""
    grant, model = await locked_grant(session, caller, grant_id)
    policy.check_may_revoke(caller, grant, model)
    check_version(grant, expected)
    policy.check_grant_move(grant, GrantState.REVOKED)
    grant.state, grant.revoked_reason = GrantState.REVOKED, reason
    grant.touch()
    session.add(grant)
    await record_audit(session, "analysis.revoke-grant", f"grant/{grant.id}", detail={"reason": reason})
    return grant


async def locked_grant(session: Session, caller: Principal, grant_id: UUID) -> tuple[Grant, ReleasedModel]:
    grant = (await session.exec(select(Grant).where(col(Grant.id) == grant_id).with_for_update())).first()
    if grant is None:
        raise NotFound(messages.NO_GRANT)
    model = await session.get_one(ReleasedModel, grant.model_id)
    policy.check_may_see_grant(caller, grant, model)
    return grant, model


async def keep_released_model(session: Session, model: ModelRef, ministry: str, owners: Iterable[str] = ()) -> ReleasedModel:
    """Have the door know a model that was released, as the next version of its name. Nothing happens if it does already."""
    if known := await session.get(ReleasedModel, model.model_id):
        return known
    name = f"{model.method.name}.{model.name}"
    newest = (await session.exec(select(func.max(ReleasedModel.release)).where(col(ReleasedModel.name) == name))).one()
    kept = ReleasedModel(
        id=model.model_id, name=name, release=(newest or 0) + 1, ministry=ministry, method_name=model.method.name,
        method_release=model.method.version, format=model.format, sha256=model.object.sha256, size=model.object.size,
        owners=sorted(set(owners)),
    )  # fmt: skip
    session.add(kept)
    await session.flush()
    return kept


async def keep_withdrawn_model(session: Session, model_id: UUID) -> None:
    """Nothing is scored with it from now on; its grants stay as they were decided."""
    model = await session.get(ReleasedModel, model_id, with_for_update=True)
    if model is not None and model.withdrawn_at is None:
        model.withdrawn_at = now()
        model.touch()
        session.add(model)
