"""Every read of requests, never past what the caller may see."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Uuid,
    and_,
    bindparam,
    false,
    literal,
    null,
    or_,
    true,
    type_coerce,
    union_all,
)  # fmt: skip
from sqlalchemy import select as plain_select
from sqlmodel import col, select

from services.requests import messages, panel, policy, waiting
from services.requests.models import (
    IN_REVIEW,
    AnalysisRequest,
    Decision,
    HistoryEntry,
    KnownKey,
    KnownMethod,
    Listed,
    Proceedings,
    RequestInput,
    Revocation,
    Said,
    Status,
    Vote,
)
from services.requests.rules import Rules
from services.requests.schemas import RequestOut, RequestSummary, TallyOut, WaitingOut, WorkItem
from shared.auth import Principal, Role
from shared.clock import now
from shared.contracts import MethodRef, PublicKey
from shared.db import Session
from shared.errors import NotFound
from shared.members import present_members
from shared.paging import PageQuery, paginate_rows

OVERDUE = "overdue"
METHOD_READ = "method_read"  # in a session's `info`: the method that a submission was checked against
SaidRow = RequestInput | Decision | Revocation | Vote
UNSEALED = (*IN_REVIEW, Status.RETURNED, Status.APPROVED)  # nothing was sealed yet


def owned_by(ministry: str, *also: ColumnElement[bool]) -> ColumnElement[bool]:
    """Requests with an input of this ministry's, of any revision unless `also` says otherwise."""
    inputs = select(RequestInput.id).where(
        col(RequestInput.request_id) == col(AnalysisRequest.id), col(RequestInput.ministry) == ministry, *also
    )
    return inputs.correlate(AnalysisRequest).exists()


def visible_to(caller: Principal) -> ColumnElement[bool]:
    """The same rule as policy.may_read, in SQL."""
    if any(caller.has(role) for role in policy.READERS):
        return true()
    own = col(AnalysisRequest.ministry) == caller.ministry
    if caller.has(Role.STEWARD):
        return or_(own, owned_by(caller.ministry))
    return own if caller.has(Role.REQUESTER) else false()


async def get_request(session: Session, caller: Principal, request_id: UUID) -> AnalysisRequest:
    query = select(AnalysisRequest).where(col(AnalysisRequest.id) == request_id, visible_to(caller))
    request = (await session.exec(query)).one_or_none()
    if request is None:
        raise NotFound(messages.NO_REQUEST)
    return request


async def list_requests(
    session: Session, caller: Principal, page: PageQuery, *, status: Status | None = None, ministry: str | None = None
) -> tuple[list[Listed], str | None]:
    conditions = [visible_to(caller)]
    if status is not None:
        conditions.append(col(AnalysisRequest.status) == status)
    if ministry is not None:
        conditions.append(col(AnalysisRequest.ministry) == ministry)
    return await listed(session, page, *conditions)


# What a list shows, and what the rules ask of each row: no prose, no parameters, no copies of datasets.
SHOWN = (
    "id",
    "version",
    "created_at",
    "status",
    "since",
    "decide_by",
    "revision",
    "title",
    "requester",
    "authors",
    "ministry",
    "run_id",
)
METHOD = ("method_name", "method_version", "method_digest")
LISTED = plain_select(*(getattr(AnalysisRequest, name) for name in (*SHOWN, *METHOD)))


def said(kind: str, table: type[SaidRow], dataset: Any, subject: Any = None, word: Any = None) -> Select[Any]:
    """Inputs, decisions, revocations or votes of some requests, in columns that are the same for all of them."""
    columns: tuple[Any, ...] = (
        literal(kind).label("kind"),
        col(table.request_id).label("request_id"),
        col(table.revision).label("revision"),
        col(table.ministry).label("ministry"),
        type_coerce(dataset, Uuid).label("dataset_id"),
        (literal("") if subject is None else subject).label("subject"),
        (literal("") if word is None else type_coerce(word, String)).label("word"),
        col(table.id).label("id"),
    )
    found: Select[Any] = plain_select(*columns).where(col(table.request_id).in_(bindparam("ids", expanding=True)))
    return found


# One statement for the four: each costs more by itself than by its rows. The first votes count, so their order matters.
ALL_SAID = union_all(
    said("inputs", RequestInput, RequestInput.dataset_id),
    said("decisions", Decision, Decision.dataset_id, col(Decision.decided_by), Decision.verdict),
    said("revocations", Revocation, Revocation.dataset_id, col(Revocation.revoked_by)),
    said("votes", Vote, null(), col(Vote.member), Vote.ballot),
).subquery("said")
IN_ORDER = plain_select(*(column for column in ALL_SAID.c if column.name != "id")).order_by(ALL_SAID.c.id)


async def listed(session: Session, page: PageQuery, *conditions: ColumnElement[bool]) -> tuple[list[Listed], str | None]:
    """One page of the requests that meet the conditions, newest first, by two statements; and the next page's cursor."""
    rows, cursor = await paginate_rows(session, LISTED.where(*conditions), AnalysisRequest, page)
    requests = {row.id: as_listed(row) for row in rows}
    if requests:
        said: Sequence[Any] = (await (await session.connection()).execute(IN_ORDER, {"ids": list(requests)})).all()
        for kind, request_id, *what in said:
            getattr(requests[request_id], kind).append(Said(*what))
    return list(requests.values()), cursor


def as_listed(row: Sequence[Any]) -> Listed:
    *own, name, version, digest = row
    return Listed(*own, MethodRef(name=name, version=version, digest=digest))  # type: ignore[call-arg]


async def list_history(session: Session, caller: Principal, request_id: UUID) -> Sequence[HistoryEntry]:
    """Everything that happened to a request, oldest first."""
    request = await get_request(session, caller, request_id)
    query = select(HistoryEntry).where(col(HistoryEntry.request_id) == request.id).order_by(col(HistoryEntry.seq))
    return (await session.exec(query)).all()


async def list_work(session: Session, caller: Principal, rules: Rules, page: PageQuery) -> tuple[list[Listed], str | None]:
    """The requests that wait for this caller."""
    return await listed(session, page, waits_for(caller, rules.day(now())))


def waits_for(caller: Principal, today: date) -> ColumnElement[bool]:
    waits: list[ColumnElement[bool]] = [false()]
    if caller.has(Role.STEWARD):
        waits.append(decision_waits(caller))
    if caller.has(Role.COUNCIL_MEMBER):
        waits.append(vote_waits(caller))
    if caller.has(Role.REQUESTER):
        returned = col(AnalysisRequest.status) == Status.RETURNED
        own = col(AnalysisRequest.ministry) == caller.ministry
        waits.append(and_(returned, own, ~decided_by(caller), ~voted_by(caller)))
    if caller.has(Role.COUNCIL_SECRETARY):
        late = col(AnalysisRequest.decide_by) < today
        waits.append(and_(late, col(AnalysisRequest.status).in_(IN_REVIEW)))
    return or_(*waits)


def decision_waits(caller: Principal) -> ColumnElement[bool]:
    decided = select(Decision.id).where(
        col(Decision.request_id) == col(RequestInput.request_id),
        col(Decision.revision) == col(RequestInput.revision),
        col(Decision.dataset_id) == col(RequestInput.dataset_id),
    )
    undecided = ~decided.correlate(RequestInput).exists()
    current = col(RequestInput.revision) == col(AnalysisRequest.revision)
    asked = owned_by(caller.ministry, current, undecided)
    elsewhere = decided_by(caller, but_not_for=caller.ministry)
    review = col(AnalysisRequest.status) == Status.OWNER_REVIEW
    return and_(review, asked, not_written_by(caller), ~elsewhere, ~voted_by(caller))


def vote_waits(caller: Principal) -> ColumnElement[bool]:
    mine = or_(col(Vote.ministry) == caller.ministry, col(Vote.member) == caller.subject)
    voted = select(Vote.id).where(
        col(Vote.request_id) == col(AnalysisRequest.id), col(Vote.revision) == col(AnalysisRequest.revision), mine
    )
    current = col(RequestInput.revision) == col(AnalysisRequest.revision)
    return and_(
        col(AnalysisRequest.status) == Status.COUNCIL_REVIEW,
        col(AnalysisRequest.ministry) != caller.ministry,
        ~owned_by(caller.ministry, current),
        ~voted.correlate(AnalysisRequest).exists(),
        not_written_by(caller),
        ~decided_by(caller),
    )


def decided_by(caller: Principal, *, but_not_for: str | None = None) -> ColumnElement[bool]:
    """Requests, of any revision, that the caller decided on for an owner, or for another owner than this one."""
    ways = []
    for table, who in ((Decision, Decision.decided_by), (Revocation, Revocation.revoked_by)):
        query = select(table.id).where(col(table.request_id) == col(AnalysisRequest.id), col(who) == caller.subject)
        if but_not_for is not None:
            query = query.where(col(table.ministry) != but_not_for)
        ways.append(query.correlate(AnalysisRequest).exists())
    return or_(*ways)


def voted_by(caller: Principal) -> ColumnElement[bool]:
    """Requests, of any revision, that the caller voted on."""
    votes = select(Vote.id).where(col(Vote.request_id) == col(AnalysisRequest.id), col(Vote.member) == caller.subject)
    return votes.correlate(AnalysisRequest).exists()


def not_written_by(caller: Principal) -> ColumnElement[bool]:
    written = select(HistoryEntry.id).where(
        col(HistoryEntry.request_id) == col(AnalysisRequest.id),
        col(HistoryEntry.actor) == caller.subject,
        col(HistoryEntry.deed).in_(("submit-request", "resubmit-request")),
    )
    return ~written.correlate(AnalysisRequest).exists()


async def sealing_key(session: Session, ministry: str) -> PublicKey | None:
    """The key that was registered last of those of the ministry that are valid now, as far as we heard; None if there is none."""
    at = now()
    valid = (col(KnownKey.valid_from) <= at, col(KnownKey.valid_until) > at, col(KnownKey.retired).is_(False))
    newest = select(KnownKey.x).where(KnownKey.ministry == ministry, *valid).order_by(col(KnownKey.sequence).desc())
    x = (await session.exec(newest.limit(1))).first()
    return PublicKey(x=x) if x else None


async def sealed_to(session: Session, request: AnalysisRequest) -> str | None:
    """The kid of the key that the request's restricted list would be sealed to now; None if it makes none, or made it."""
    if request.status not in UNSEALED:
        return None
    name = f"{request.method_name}@{request.method_version}"
    method = session.info.get(METHOD_READ)
    if method is None or method.id != name:
        method = await session.get(KnownMethod, name)
    if method is None or not method.lists_entities:
        return None
    key = await sealing_key(session, request.ministry)
    return key.kid if key else None


def summary(
    request: Proceedings, caller: Principal, rules: Rules, members: frozenset[str], today: date | None = None
) -> RequestSummary:
    known = shown(request, counted(request, rules), caller, today or rules.day(now()), members)
    return RequestSummary.model_validate(known)


async def summaries(session: Session, requests: Sequence[Listed], caller: Principal, rules: Rules) -> list[RequestSummary]:
    members, today = await present_members(session), rules.day(now())
    return [summary(request, caller, rules, members, today) for request in requests]


async def describe(session: Session, request: AnalysisRequest, caller: Principal, rules: Rules) -> RequestOut:
    """The request with everything that was asked and said, and what this caller may do now."""
    more: dict[str, Any] = {"audience": request.readers, "lane": rules.lane(request.risk_tier).name}
    more["sealed_to"] = await sealed_to(session, request)
    return RequestOut.model_validate(facts(request, caller, rules, await present_members(session)) | more, from_attributes=True)


def counted(request: Proceedings, rules: Rules) -> panel.Tally:
    return panel.count_votes(request.current_votes, recused=request.recused, quorum=rules.quorum.value)


def shown(request: Proceedings, tally: panel.Tally, caller: Principal, today: date, members: frozenset[str]) -> dict[str, Any]:
    """What a list shows of a request."""
    why = waiting.why_waiting(request, tally.missing, today, members)
    return {
        **{name: getattr(request, name) for name in SUMMARY_FIELDS},
        "waiting": why and WaitingOut.model_validate(why),
        "actions": policy.actions_for(caller, request),
    }


SUMMARY_FIELDS = tuple(RequestSummary.model_fields.keys() - {"waiting", "actions"})


def facts(request: AnalysisRequest, caller: Principal, rules: Rules, members: frozenset[str]) -> dict[str, Any]:
    """All that does not need the database."""
    tally = counted(request, rules)
    return {
        **{name: getattr(request, name) for name in RequestOut.model_fields if hasattr(request, name)},
        **shown(request, tally, caller, rules.day(now()), members),
        "tally": TallyOut.model_validate(tally),
    }


async def work_items(session: Session, requests: Sequence[Listed], caller: Principal, rules: Rules) -> list[WorkItem]:
    """Entries of the work list: what this caller has to do."""
    shown = await summaries(session, requests, caller, rules)
    return [work_item(request, each, caller) for request, each in zip(requests, shown, strict=True)]


def work_item(request: Proceedings, told: RequestSummary, caller: Principal) -> WorkItem:
    task = next((name for name in ("decisions", "votes", "resubmit") if name in told.actions), OVERDUE)
    mine = [dataset for dataset, owner in request.undecided.items() if owner == caller.ministry]
    return WorkItem(task=task, dataset_ids=mine if task == "decisions" else [], request=told)
