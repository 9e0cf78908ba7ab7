"""What the database lists is what the rules allow, for every caller and every request."""

from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import event
from sqlmodel import select

from services.requests import policy, queries
from services.requests.models import AnalysisRequest, HistoryEntry, Status
from services.requests.schemas import WorkItem
from shared.auth import Principal, Role
from shared.clock import now
from shared.paging import PageQuery
from tests.requests.examples import (
    HOUSEHOLD_ID,
    HOUSEHOLD_STEWARD,
    INCOME_ID,
    KIM,
    MEMBERS,
    RULES,
    SECRETARY,
    caller,
    make_request,
    make_vote,
)
from tests.requests.house import House

CALLERS = [
    *(
        Principal(subject=f"{role}.{ministry}", ministry=ministry, roles=frozenset({role}))
        for role, ministry in product(Role, MEMBERS[:5])
    ),
    KIM,
    SECRETARY,
    caller("requester,steward", "nts"),
    caller("council-member,steward", "molit"),
    caller("council-member", "moe", "kim"),
    caller("steward", "nts", "kim"),
    caller("council-member", "moe", "council-member.moel"),
]


@pytest.fixture
async def full_house(empty_house: House) -> House:
    """Requests in every status, some decided, voted or revised."""
    later = make_request(Status.COUNCIL_REVIEW, voted={"moel": "approve"}, revision=2)
    later.inputs += [
        one.__class__(**one.model_dump(exclude={"id", "revision", "ministry"}), revision=2, ministry="mois")
        for one in later.inputs
    ]
    rows = [
        *(make_request(status) for status in Status),
        make_request(decided=(INCOME_ID,)),
        make_request(decided=(INCOME_ID, HOUSEHOLD_ID)),
        make_request(Status.COUNCIL_REVIEW, voted={"moel": "approve"}),
        later,
        make_request(ministry="moe"),
        make_request(Status.COUNCIL_REVIEW, ministry="moe", decide_by=now().date() - timedelta(days=2)),
    ]
    async with empty_house.db.transaction() as session:
        session.add_all(rows)
        session.add_all(submission(row) for row in rows)
    return empty_house


def submission(row: AnalysisRequest) -> HistoryEntry:
    return HistoryEntry(
        request_id=row.id, seq=1, revision=1, deed="submit-request", to_status=Status.OWNER_REVIEW, actor="kim", role="requester"
    )


async def everything(house: House) -> list[AnalysisRequest]:
    async with house.db.reading() as session:
        return list((await session.exec(select(AnalysisRequest))).all())


@pytest.mark.parametrize("who", CALLERS, ids=lambda who: f"{'+'.join(sorted(who.roles))}@{who.ministry}/{who.subject}")
async def test_lists_and_rules_agree(full_house: House, who: Principal) -> None:
    requests = await everything(full_house)
    page = PageQuery(limit=200)
    async with full_house.db.reading() as session:
        seen, _ = await queries.list_requests(session, who, page)
        work, _ = await queries.list_work(session, who, RULES, page)
    assert {row.id for row in seen} == {row.id for row in requests if policy.may_read(who, row)}
    for row in requests:  # what is left out for want of a role would have been refused
        assert policy.actions_for(who, row) == [name for name, check in policy.ACTIONS.items() if policy.allowed(check, who, row)]
    tasks = {row.id for row in requests if {"decisions", "votes", "resubmit"} & set(policy.actions_for(who, row))}
    overdue = {row.id for row in requests if row.decide_by} if who.has(Role.COUNCIL_SECRETARY) else set()
    assert {row.id for row in work} == tasks | overdue
    assert {row.id for row in work} <= {row.id for row in seen}
    whole, members = {row.id: row for row in requests}, frozenset(MEMBERS)
    for each in seen:  # a list says of a request what the request itself says
        assert queries.summary(each, who, RULES, members) == queries.summary(whole[each.id], who, RULES, members)


async def test_a_list_costs_two_statements_and_reads_no_prose(full_house: House) -> None:
    asked: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        asked.append(statement)

    event.listen(full_house.db.engine.sync_engine, "before_cursor_execute", note)
    async with full_house.db.reading() as session:
        rows, _ = await queries.list_requests(session, caller("auditor", "bai"), PageQuery(limit=50))
    assert len(rows) > 15 and len(asked) == 2
    assert not any(column in statement for statement in asked for column in ("purpose", "parameters", "seen", "columns"))


def work_item(request: AnalysisRequest, who: Principal) -> WorkItem:
    members = frozenset(MEMBERS)
    return queries.work_item(request, queries.summary(request, who, RULES, members), who)


async def test_a_work_item_says_what_to_do(full_house: House) -> None:
    [request] = [
        row for row in await everything(full_house) if row.status is Status.OWNER_REVIEW and len(row.current_decisions) == 1
    ]
    item = work_item(request, HOUSEHOLD_STEWARD)
    assert (item.task, item.dataset_ids) == ("decisions", [HOUSEHOLD_ID])
    [late] = [row for row in await everything(full_house) if row.decide_by]
    item = work_item(late, SECRETARY)
    assert item.task == "overdue" and item.request.waiting is not None and item.request.waiting.overdue


def test_only_votes_that_count_are_tallied() -> None:
    request = make_request(Status.COUNCIL_REVIEW, voted={"moel": "approve", "nts": "approve"})
    request.votes.append(make_vote("moe", revision=7))
    told = queries.facts(request, KIM, RULES, frozenset(MEMBERS))
    assert (told["tally"].approve, told["tally"].missing) == (1, 2) and len(told["votes"]) == 3
