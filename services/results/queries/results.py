"""Results: found, listed, and shown as far as the caller may see them."""

import json
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Text, and_, false, not_, or_, true, type_coerce
from sqlmodel import col, select

from services.results import policy, waiting
from services.results.models import VOTES_NEEDED, AlarmAnswer, Known, ReleaseVote, Result, Status
from services.results.schemas.alarms import AlarmOut, AnswerOut
from services.results.schemas.results import (
    FigureOut,
    ListOut,
    MethodOut,
    MetricsOut,
    ResultOut,
    ResultSummary,
    TableOut,
    VoteOut,
    VotesOut,
    WaitingOut,
    WithheldOut,
)
from shared.auth import Principal, Role
from shared.contracts import AudienceKind, RowBalance
from shared.db import Session
from shared.paging import PageQuery, paginate


def visible(caller: Principal | None) -> ColumnElement[bool]:
    """policy.knows, as SQL. A test holds the two together."""
    out = col(Result.status).in_(policy.OUT)
    ways: list[ColumnElement[bool]] = [and_(out, col(Result.audience_kind) == AudienceKind.PUBLIC)]
    if caller is None:
        return or_(*ways)
    own = col(Result.ministry) == caller.ministry
    if not caller.roles <= policy.NO_DATA:
        named = col(Result.audience_ministries).contains(f"|{caller.ministry}|", autoescape=True)
        ways += [and_(out, col(Result.audience_kind) == AudienceKind.MEMBERS), and_(out, or_(named, own))]
    if not caller.roles <= policy.NO_RECORDS:
        ways.append(own)
    written = type_coerce(col(Result.authors), Text).contains(json.dumps(caller.subject, ensure_ascii=False), autoescape=True)
    if caller.has(Role.OUTPUT_CHECKER):
        ways.append(not_(written))
    if caller.has(Role.CENTRE_ANALYST):
        ways.append(and_(not_(written), type_coerce(col(Result.alarms), Text) != "[]"))
    ways += [true() if caller.has(Role.AUDITOR) else false(), out if caller.has(Role.COUNCIL_SECRETARY) else false()]
    return or_(*ways)


async def list_results(
    session: Session, caller: Principal | None, page: PageQuery, *, q: str | None, status: Status | None, ministry: str | None
) -> tuple[list[ResultSummary], str | None]:
    query = select(Result).where(visible(caller))
    for word in (q or "").split()[:10]:
        query = query.where(
            or_(col(Result.title).icontains(word, autoescape=True), col(Result.purpose).icontains(word, autoescape=True))
        )
    if status:
        query = query.where(col(Result.status) == status)
    if ministry:
        query = query.where(col(Result.ministry) == ministry)
    rows, cursor = await paginate(session, query, Result, page)
    ids = [row.id for row in rows]
    votes, answers = await votes_by_result(session, ids), await answers_by_result(session, ids)
    return [ResultSummary.model_validate(summary(caller, row, votes[row.id], answers[row.id])) for row in rows], cursor


async def readable_result(session: Session, caller: Principal | None, result_id: UUID) -> Result:
    return policy.check_readable(caller, await session.get(Result, result_id))


async def show_result(session: Session, caller: Principal | None, result_id: UUID) -> tuple[Result, ResultOut]:
    """The result with what this caller may see of it; a recalled one is gone for those who only read it."""
    result = policy.check_known(caller, await session.get(Result, result_id))
    if result.status is Status.RECALLED and not policy.keeps_record(caller, result):
        policy.check_readable(caller, result)
    return result, await as_shown(session, caller, result)


async def as_shown(session: Session, caller: Principal | None, result: Result) -> ResultOut:
    votes = (await votes_by_result(session, [result.id]))[result.id]
    answers = (await answers_by_result(session, [result.id]))[result.id]
    method = await method_card(session, result)
    shown = summary(caller, result, votes, answers) | {
        "purpose": result.purpose,
        "owners": result.owners,
        "request_id": result.request_id,
        "match_rates": result.match_rates,
        "balance": balance_shown(result, exact=policy.sees_exact_counts(caller, result)),
        "rules": result.rules,
        "withheld": withheld(result),
        "alarms": alarms_shown(result, answers, by_name=policy.keeps_record(caller, result)),
        "method": MethodOut(
            name=result.method_name, version=result.method_version, digest=result.method_digest, title=method.get("title")
        ),
    }
    if policy.reads(caller, result):
        shown |= contents(result)
    if policy.keeps_record(caller, result):
        shown |= record_part(caller, result, votes)
    return ResultOut.model_validate(shown)


def summary(
    caller: Principal | None, result: Result, votes: Sequence[ReleaseVote], answers: Sequence[AlarmAnswer]
) -> dict[str, object]:
    why = waiting.why_waiting(result, votes=len(votes), unanswered=policy.unanswered(result, answers))
    return {
        "id": result.id,
        "created_at": result.created_at,
        "version": result.version,
        "status": result.status,
        "reason": result.reason,
        "title": result.title,
        "ministry": result.ministry,
        "audience": result.audience,
        "released_at": result.released_at,
        "waiting": WaitingOut.model_validate(why) if why else None,
        "actions": policy.actions_for(caller, result, votes, answers),
    }


def contents(result: Result) -> dict[str, object]:
    base = f"/results/{result.id}"
    passed = result.contents
    return {
        "tables": [
            TableOut(name=each["name"], title=each["title"], rows=each["rows"], href=f"{base}/tables/{each['name']}")
            for each in passed.get("tables", ())
        ],
        "figures": [
            FigureOut(
                name=each["name"],
                title=each["title"],
                tables=each["tables"],
                svg=f"{base}/figures/{each['name']}.svg",
                png=f"{base}/figures/{each['name']}.png",
                vega_lite=f"{base}/figures/{each['name']}.json",
            )
            for each in passed.get("figures", ())
        ],
        "metrics": [
            MetricsOut(name=each["name"], figures=each["figures"], href=f"{base}/metrics/{each['name']}")
            for each in passed.get("metrics", ())
        ],
        "report": f"{base}/report",
    }


def record_part(caller: Principal | None, result: Result, votes: Sequence[ReleaseVote]) -> dict[str, object]:
    """For those who keep the record: who asked, how the check stands, and, but for the ministry itself, each finding."""
    base = f"/results/{result.id}/restricted-list"
    shown: dict[str, object] = {
        "run_id": result.run_id,
        "requester": result.requester,
        "dataset_ids": result.dataset_ids,
        "held_at": result.held_at,
        "ended_at": result.ended_at,
        "votes": votes_shown(caller, votes),
        "restricted_lists": [
            ListOut(
                name=each["name"],
                entities=each["lines"],
                sealed=each.get("sealed", 0),
                kid=each.get("kid"),
                href=f"{base}?name={each['name']}",
            )
            for each in result.contents.get("lists", ())
        ],
    }
    sees_findings = caller is not None and (policy.is_checker(caller, result) or caller.has(Role.AUDITOR))
    return shown | ({"verdicts": result.verdicts} if sees_findings else {})


def votes_shown(caller: Principal | None, votes: Sequence[ReleaseVote]) -> VotesOut:
    revealed = policy.votes_revealed(votes)
    shown = [vote for vote in votes if revealed or (caller is not None and vote.checker == caller.subject)]
    return VotesOut(
        needed=VOTES_NEEDED,
        cast=len(votes),
        votes=[
            VoteOut(checker=vote.checker, ministry=vote.ministry, approve=vote.approve, reason=vote.reason, at=vote.created_at)
            for vote in shown
        ],
    )


def withheld(result: Result) -> list[WithheldOut]:
    return [
        WithheldOut(
            kind=verdict["kind"], name=verdict["name"], reasons=list(dict.fromkeys(each["code"] for each in verdict["findings"]))
        )
        for verdict in result.verdicts
        if not verdict["passed"]
    ]


def balance_shown(result: Result, *, exact: bool) -> dict[str, RowBalance]:
    """Role -> what became of its rows; unless `exact` every count is rounded up to full tens."""
    found = {role: RowBalance.model_validate(each) for role, each in result.balance.items()}
    return found if exact else {role: each.rounded() for role, each in found.items()}


def alarms_shown(result: Result, answers: Sequence[AlarmAnswer], *, by_name: bool) -> list[AlarmOut]:
    """Every alarm of the accepted attempt, with what was answered."""
    given = {answer.number: answer for answer in answers if answer.run_fence == result.run_fence}
    return [
        AlarmOut(number=number, answer=answer_shown(given.get(number), by_name=by_name), **alarm.model_dump())
        for number, alarm in result.raised.items()
    ]


def answer_shown(answer: AlarmAnswer | None, *, by_name: bool) -> AnswerOut | None:
    if answer is None:
        return None
    return AnswerOut(
        verdict=answer.verdict,
        reason=answer.reason,
        role=answer.role,
        ministry=answer.ministry,
        answered_by=answer.answered_by if by_name else None,
        at=answer.created_at,
    )


async def answers_by_result(session: Session, ids: Sequence[UUID]) -> defaultdict[UUID, list[AlarmAnswer]]:
    found: defaultdict[UUID, list[AlarmAnswer]] = defaultdict(list)
    query = select(AlarmAnswer).where(col(AlarmAnswer.result_id).in_(ids)).order_by(col(AlarmAnswer.id))
    for answer in await session.exec(query):
        found[answer.result_id].append(answer)
    return found


async def votes_by_result(session: Session, ids: Sequence[UUID]) -> defaultdict[UUID, list[ReleaseVote]]:
    found: defaultdict[UUID, list[ReleaseVote]] = defaultdict(list)
    query = select(ReleaseVote).where(col(ReleaseVote.result_id).in_(ids)).order_by(col(ReleaseVote.id))
    for vote in await session.exec(query):
        found[vote.result_id].append(vote)
    return found


async def method_card(session: Session, result: Result) -> dict[str, object]:
    """The card of the method as far as it was told; empty if it was not."""
    key = f"{result.method_name}@{result.method_version}"
    found = (await session.exec(select(Known).where(Known.kind == "method", Known.key == key))).first()
    return found.facts if found else {}
