"""Announce, review and withdraw versions of methods."""

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from services.analysis import messages, policy
from services.analysis.actions.uploads import find_upload
from services.analysis.actions.withdrawals import end_withdrawn_runs
from services.analysis.models import Method, MethodReview, MethodState, Verdict, Withdrawn
from shared.audit import record_audit
from shared.auth import Principal, Role, require
from shared.clock import now
from shared.contracts import MethodCard, MethodLive, MethodRef, MethodWithdrawn
from shared.db import Session, check_version
from shared.errors import Conflict, NotFound
from shared.outbox import emit

REVIEWS_NEEDED = 2


async def announce_method(session: Session, caller: Principal, card: MethodCard, digest: str) -> tuple[Method, bool]:
    """Register a version, or know it again; False if it was there. A version's card and digest never change."""
    require(caller, Role.WORKER)
    policy.check_card(card)
    known = (await session.exec(named(card.name, card.version))).first()
    uploaded = await find_upload(session, card.name, card.version)
    if uploaded and MethodCard.model_validate(uploaded.manifest["card"]) != card:
        raise Conflict(messages.OTHER_CARD(name=card.name, version=card.version), reason="other-upload")
    if known:
        policy.check_same_announcement(caller, known, card, digest)
        return known, False
    method = Method(
        name=card.name,
        release=card.version,
        digest=digest,
        card=card.model_dump(mode="json"),
        announced_by=caller.subject,
        announced_ministry=caller.ministry,
    )
    session.add(method)
    await session.flush()
    await record_audit(session, "analysis.announce-method", f"method/{method.label}", detail={"digest": digest})
    return method, True


async def review_method(
    session: Session, caller: Principal, name: str, release: str, verdict: Verdict, reason: str, expected: int | None = None
) -> Method:
    """Record what a reviewer found. The second approval, of another body, makes the version live."""
    method = await locked_method(session, caller, name, release)
    uploaded = await find_upload(session, name, release)
    policy.check_may_review(caller, method, uploaded)
    check_version(method, expected)
    reviews = list((await session.exec(select(MethodReview).where(col(MethodReview.method_id) == method.id))).all())
    policy.check_reviewable(caller, method, reviews)
    review = MethodReview(method_id=method.id, reviewer=caller.subject, ministry=caller.ministry, verdict=verdict, reason=reason)
    session.add(review)
    method.touch()
    session.add(method)
    await record_audit(session, "analysis.review-method", f"method/{method.label}", detail={"verdict": verdict, "reason": reason})
    approvals = [each for each in (*reviews, review) if each.verdict is Verdict.APPROVE]
    if len(approvals) == REVIEWS_NEEDED:
        await make_method_live(session, method)
    return method


async def make_method_live(session: Session, method: Method) -> None:
    policy.check_method_move(method, MethodState.LIVE)
    method.state, method.live_at = MethodState.LIVE, now()
    await record_audit(session, "analysis.make-method-live", f"method/{method.label}", detail={"digest": method.digest})
    await emit(session, MethodLive(method=reference(method), card=MethodCard.model_validate(method.card)))


async def withdraw_method(
    session: Session, caller: Principal, name: str, release: str, reason: str, expected: int | None = None
) -> Method:
    """Take a version back for good: no claim, no new run, and what is under way on it ends."""
    method = await locked_method(session, caller, name, release)
    policy.check_may_withdraw(caller, method)
    check_version(method, expected)
    policy.check_method_move(method, MethodState.WITHDRAWN)
    method.state, method.withdrawn_reason = MethodState.WITHDRAWN, reason
    method.touch()
    session.add(method)
    await record_audit(session, "analysis.withdraw-method", f"method/{method.label}", detail={"reason": reason})
    await emit(session, MethodWithdrawn(method=reference(method), reason=reason))
    await end_withdrawn_runs(session, Withdrawn.METHOD, method.label)
    return method


async def locked_method(session: Session, caller: Principal, name: str, release: str) -> Method:
    method = (await session.exec(named(name, release).with_for_update())).first()
    if method is None:
        raise NotFound(messages.NO_METHOD_VERSION)
    policy.check_may_see_method(caller, method)
    return method


def named(name: str, release: str) -> SelectOfScalar[Method]:
    return select(Method).where(col(Method.name) == name, col(Method.release) == release)


def reference(method: Method) -> MethodRef:
    return MethodRef(name=method.name, version=method.release, digest=method.digest)
