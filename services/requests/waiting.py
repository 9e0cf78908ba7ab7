"""Why a request waits and who must act, in Korean and English. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from services.requests.models import Proceedings, Status
from shared.auth import Role


@dataclass(frozen=True)
class Member:
    """Somebody who must act: anyone with this role, of this ministry if one is named."""

    role: str
    ministry: str | None = None
    subject: str | None = None
    except_ministries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Why:
    """A stable code, and a sentence in both languages."""

    code: str
    ko: str
    en: str


@dataclass(frozen=True)
class Waiting:
    """Why it waits, for whom, since when, and by when they should have acted."""

    code: str
    ko: str
    en: str
    who: tuple[Member, ...]
    since: datetime
    decide_by: date | None
    overdue: bool


def why_waiting(request: Proceedings, missing: int, today: date, members: Collection[str]) -> Waiting | None:
    """None where the request waits for nobody any more. `missing` votes are needed before the council decides; 0 is a tie.

    Whoever is named can act: a body that is not among the `members` cannot.
    """
    found = reason(request, missing, members)
    if found is None:
        return None
    why, who = found
    overdue = request.decide_by is not None and today > request.decide_by
    return Waiting(why.code, why.ko, why.en, who, request.since, request.decide_by, overdue)


def reason(request: Proceedings, missing: int, members: Collection[str]) -> tuple[Why, tuple[Member, ...]] | None:
    match request.status:
        case Status.OWNER_REVIEW:
            return owners_decide(request, members)
        case Status.RETURNED:
            return requester_corrects(request) if request.ministry in members else None
        case Status.COUNCIL_REVIEW:
            return council_votes(request, missing, members)
        case Status.APPROVED:
            return run_begins(request)
        case Status.IN_ANALYSIS:
            why = Why("run-works", "분석을 실행하고 있습니다.", "The method is running.")
            return why, (Member(Role.WORKER),)
        case Status.OUTPUT_REVIEW:
            ko = "서로 다른 두 기관의 결과 점검자 두 명이 결과를 점검해야 합니다. 요청 기관은 점검하지 않습니다."
            en = "Two output checkers of two bodies, neither of them the one that asked, have to check the result."
            who = (Member(Role.OUTPUT_CHECKER, except_ministries=(request.ministry,)),)
            return Why("outputs-checked", ko, en), who
        case Status.RELEASED | Status.RECALLED | Status.REFUSED | Status.WITHDRAWN:
            return None
        case Status.REVOKED | Status.FAILED | Status.WITHHELD:
            return None


def stuck(request: Proceedings, members: Collection[str], why: Why) -> tuple[Why, tuple[Member, ...]]:
    """Nobody is left who could decide: the secretary returns it, or who asked withdraws it."""
    secretary, asker = Member(Role.COUNCIL_SECRETARY), Member(Role.REQUESTER, ministry=request.ministry)
    return why, (secretary, asker) if request.ministry in members else (secretary,)


def owners_decide(request: Proceedings, members: Collection[str]) -> tuple[Why, tuple[Member, ...]]:
    count, owners = len(request.undecided), sorted(set(request.undecided.values()))
    if gone := [owner for owner in owners if owner not in members]:
        ko = f"데이터 보유 기관({', '.join(gone)})이 더 이상 회원이 아니어서 결정할 수 없습니다. 반려하거나 철회해야 합니다."
        en = f"{', '.join(gone)} left and decides on nothing any more: the request has to be returned or withdrawn."
        return stuck(request, members, Why("owner-left", ko, en))
    ko = f"데이터 보유 부처의 결정을 기다립니다 (데이터셋 {count}개: {', '.join(owners)})."
    en = f"Waits for the owners to decide on {count} {'dataset' if count == 1 else 'datasets'} ({', '.join(owners)})."
    return Why("owners-decide", ko, en), tuple(Member(Role.STEWARD, ministry=owner) for owner in owners)


def requester_corrects(request: Proceedings) -> tuple[Why, tuple[Member, ...]]:
    why = Why(
        "requester-corrects",
        "보완을 위해 반려되었습니다. 요청 부처가 고쳐서 다시 제출하거나 철회해야 합니다.",
        "It was returned for correction: the requester corrects and resubmits it, or withdraws it.",
    )
    return why, (Member(Role.REQUESTER, ministry=request.ministry, subject=request.requester),)


def council_votes(request: Proceedings, missing: int, members: Collection[str]) -> tuple[Why, tuple[Member, ...]]:
    voted = {vote.ministry for vote in request.current_votes}
    left = set(members) - voted - request.recused
    if len(left) < max(missing, 1):
        ko = "표결할 수 있는 회원 기관이 부족하여 협의회가 의결할 수 없습니다. 요청을 반려하거나 철회해야 합니다."
        en = "Too few members are left that may vote: the council cannot decide, and the request has to be returned or withdrawn."
        return stuck(request, members, Why("council-cannot-decide", ko, en))
    who = Member(Role.COUNCIL_MEMBER, except_ministries=tuple(sorted(voted | request.recused)))
    if missing:
        votes = "vote" if missing == 1 else "votes"
        ko, en = f"협의회 표결에 {missing}표가 더 필요합니다.", f"The council needs {missing} more {votes}."
        return Why("council-votes", ko, en), (who,)
    ko, en = "협의회 표결이 동수입니다. 한 표가 더 필요합니다.", "The council's votes are tied: one more is needed."
    return Why("council-tied", ko, en), (who,)


def run_begins(request: Proceedings) -> tuple[Why, tuple[Member, ...]]:
    if request.run_id is None:
        ko, en = "승인되었습니다. 분석센터가 실행을 준비합니다.", "Approved: the centre is about to queue the run."
        return Why("run-not-queued", ko, en), (Member(Role.CENTRE_ANALYST),)
    why = Why("run-queued", "실행 대기 중입니다. 작업기가 곧 맡습니다.", "The run is queued; a worker takes it soon.")
    return why, (Member(Role.WORKER),)
