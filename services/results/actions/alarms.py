"""A person says what an alarm of a run means; until every one is answered nobody votes on the result."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from services.results import policy
from services.results.actions.results import locked, withhold_result
from services.results.models import AlarmAnswer, AlarmVerdict, Result
from shared.audit import record_audit
from shared.auth import Principal, Role
from shared.db import Session, check_version

UPHELD = "An alarm was upheld"


async def answers_of(session: Session, result_id: UUID) -> Sequence[AlarmAnswer]:
    return (await session.exec(select(AlarmAnswer).where(AlarmAnswer.result_id == result_id).order_by(col(AlarmAnswer.id)))).all()


async def answer_alarm(
    session: Session,
    caller: Principal,
    result_id: UUID,
    number: int,
    *,
    verdict: AlarmVerdict,
    reason: str,
    expected: int | None = None,
) -> Result:
    """Answer one alarm of a held result; an alarm that is upheld withholds the result."""
    result = policy.check_may_answer(caller, await locked(session, result_id))
    alarm = policy.check_answerable(result, number, await answers_of(session, result.id))
    check_version(result, expected)
    answer = AlarmAnswer(
        result_id=result.id,
        run_fence=result.run_fence,
        number=number,
        code=alarm.code,
        verdict=verdict,
        reason=reason,
        answered_by=caller.subject,
        ministry=caller.ministry,
        role=Role.OUTPUT_CHECKER if policy.is_checker(caller, result) else Role.CENTRE_ANALYST,
    )
    session.add(answer)
    result.touch()
    detail = {"alarm": number, "code": alarm.code, "verdict": verdict, "reason": reason}
    await record_audit(session, "results.answer-alarm", f"result/{result.id}", detail=detail)
    if verdict is AlarmVerdict.UPHELD:
        await withhold_result(session, result, f"{UPHELD} ({alarm.code}): {reason}"[:4000], {"alarm": number})
    return result
