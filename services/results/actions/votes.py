"""Two output checkers decide, blind to each other; a released result can be recalled."""

from collections.abc import Sequence
from uuid import UUID

from services.results import messages, policy
from services.results.actions.alarms import answers_of
from services.results.actions.deliveries import queue_deliveries
from services.results.actions.results import locked, votes_of, withdrawn, withhold_result
from services.results.models import ReleaseVote, Result, Status
from shared.audit import record_audit
from shared.auth import Principal
from shared.clock import now
from shared.contracts import ResultRecalled, ResultReleased
from shared.db import Session, check_version
from shared.errors import Conflict
from shared.inbox import withdrawal_waits
from shared.outbox import emit

REJECTED = "The output check rejected it: "


async def cast_vote(
    session: Session, caller: Principal, result_id: UUID, *, approve: bool, reason: str, expected: int | None = None
) -> Result:
    """Vote on a held result. When both checkers have voted, it is released or withheld."""
    result = policy.check_may_vote(caller, await locked(session, result_id))
    votes = await votes_of(session, result.id)
    answers = await answers_of(session, result.id)
    policy.check_no_other_answer(caller, answers)
    policy.check_vote_open(result, votes, caller)
    policy.check_alarms_answered(result, answers)
    check_version(result, expected)
    vote = ReleaseVote(result_id=result.id, checker=caller.subject, ministry=caller.ministry, approve=approve, reason=reason)
    session.add(vote)
    result.touch()
    # What was voted stays out of the audit until both are in: the auditor reads no unrevealed vote.
    await record_audit(session, "results.cast-vote", f"result/{result.id}", detail={"vote": len(votes) + 1})
    if policy.votes_revealed([*votes, vote]):
        await conclude(session, result, [*votes, vote])
    return result


async def conclude(session: Session, result: Result, votes: Sequence[ReleaseVote]) -> None:
    """Both votes are in: released if both approve and nothing it stands on was withdrawn."""
    detail = {"votes": [{"checker": vote.checker, "approve": vote.approve, "reason": vote.reason} for vote in votes]}
    if rejections := [vote.reason for vote in votes if not vote.approve]:
        await withhold_result(session, result, (REJECTED + " / ".join(rejections))[:4000], detail)
        return
    if await withdrawal_waits(session):
        raise Conflict(messages.WITHDRAWAL_WAITS)
    if reason := await withdrawn(session, result):
        await withhold_result(session, result, reason, detail)
        return
    policy.check_move(result, Status.RELEASED)
    result.status, result.released_at = Status.RELEASED, now()
    await record_audit(session, "results.release-result", f"result/{result.id}", detail=detail)
    event = ResultReleased(
        result_id=result.id, request_id=result.request_id, title=result.title, ministry=result.ministry, audience=result.audience
    )
    await queue_deliveries(session, result, await emit(session, event), everyone=True)


async def recall_result(
    session: Session, caller: Principal, result_id: UUID, *, reason: str, expected: int | None = None
) -> Result:
    """Take a released result back; every reader is told why."""
    result = policy.check_may_recall(caller, await locked(session, result_id))
    policy.check_move(result, Status.RECALLED)
    check_version(result, expected)
    result.status, result.reason, result.ended_at = Status.RECALLED, reason, now()
    result.touch()
    await record_audit(session, "results.recall-result", f"result/{result.id}", detail={"reason": reason})
    event = ResultRecalled(
        result_id=result.id, request_id=result.request_id, ministry=result.ministry, audience=result.audience, reason=reason
    )
    await queue_deliveries(session, result, await emit(session, event), everyone=True)
    return result
