"""Why a result waits and who must act, in Korean and English. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.results.models import VOTES_NEEDED, Result, Status
from shared.auth import Role
from shared.contracts import Alarm


@dataclass(frozen=True)
class Waiting:
    """A stable code, a sentence in both languages, the roles one of which must act, and since when."""

    code: str
    ko: str
    en: str
    who: tuple[Role, ...]
    since: datetime


def why_waiting(result: Result, *, votes: int, unanswered: Mapping[int, Alarm]) -> Waiting | None:
    """None where the result waits for nobody any more."""
    if result.status is Status.CHECKING:
        ko, en = "자동 노출 통제 점검을 기다립니다.", "The automatic disclosure check is to be done."
        return Waiting("rules-check", ko, en, (), result.created_at)
    if result.status is not Status.HELD:
        return None
    since = result.held_at or result.created_at
    if unanswered:
        codes = ", ".join(sorted({alarm.code for alarm in unanswered.values()}))
        count = f"{len(unanswered)} {'alarm' if len(unanswered) == 1 else 'alarms'}"
        ko = f"경보 {len(unanswered)}건({codes})에 결과 점검자나 분석센터 담당자가 답해야 표결할 수 있습니다."
        en = f"An output checker or an analyst of the centre has to answer {count} ({codes}) before anybody votes."
        return Waiting("alarms-answered", ko, en, (Role.OUTPUT_CHECKER, Role.CENTRE_ANALYST), since)
    missing = VOTES_NEEDED - votes
    bodies = f"두 점검자는 서로 다른 기관 소속이며, 요청 기관({result.ministry}) 소속이 아니어야 합니다."
    ko = f"결과 점검자 {missing}명이 결과를 점검해야 합니다. {bodies}"
    checkers = "1 output checker, of a second body and" if missing == 1 else f"{missing} output checkers, of two bodies and"
    en = f"{checkers} not of {result.ministry}, {'has' if missing == 1 else 'have'} to check the result."
    return Waiting("outputs-checked", ko, en, (Role.OUTPUT_CHECKER,), since)
