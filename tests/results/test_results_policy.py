"""Who may see and do what, for every state, audience and role; and the same question asked in SQL."""

from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from services.results import policy
from services.results.models import PLUMBING, TRANSITIONS, AlarmAnswer, AlarmVerdict, Base, ReleaseVote, Result, Status
from services.results.queries.results import visible
from services.results.waiting import why_waiting
from shared.auth import Principal, Role
from shared.contracts import AudienceKind
from shared.db import Database
from shared.errors import Conflict, Forbidden, Gone, NotFound
from shared.ids import new_id
from tests.results.build import AUTHOR

AUDIENCES = {"ministries": "|nts|m_1|", "members": "", "public": ""}


def caller(*roles: Role, ministry: str = "moel", subject: str = "someone") -> Principal:
    return Principal(subject=subject, ministry=ministry, roles=frozenset(roles))


CALLERS: dict[str, Principal | None] = {
    "public": None,
    "nobody": caller(),
    "own requester": caller(Role.REQUESTER, ministry="mohw", subject=AUTHOR),
    "own steward": caller(Role.STEWARD, ministry="mohw"),
    "own worker": caller(Role.WORKER, ministry="mohw"),
    "own ops": caller(Role.OPS, ministry="mohw"),
    "own auditor": caller(Role.AUDITOR, ministry="mohw"),
    "named steward": caller(Role.STEWARD, ministry="nts"),
    "lookalike": caller(Role.STEWARD, ministry="mx1"),
    "other steward": caller(Role.STEWARD),
    "checker": caller(Role.OUTPUT_CHECKER),
    "author who checks": caller(Role.OUTPUT_CHECKER, Role.REQUESTER, ministry="mohw", subject=AUTHOR),
    "author elsewhere": caller(Role.OUTPUT_CHECKER, subject=AUTHOR),
    "secretary": caller(Role.COUNCIL_SECRETARY),
    "auditor": caller(Role.AUDITOR),
    "auditor of nts": caller(Role.AUDITOR, ministry="nts"),
    "ops": caller(Role.OPS),
    "worker": caller(Role.WORKER),
    "analyst": caller(Role.CENTRE_ANALYST),
    "author at the centre": caller(Role.CENTRE_ANALYST, subject=AUTHOR),
}
EVERYWHERE = {"own requester", "own steward", "own auditor", "checker", "author who checks", "auditor", "auditor of nts"}
MEMBERS = set(CALLERS) - {
    "public",
    "nobody",
    "own worker",
    "own ops",
    "own auditor",
    "auditor",
    "auditor of nts",
    "ops",
    "worker",
}


ALARM = {"code": "model-too-good", "detail": "It ranks almost perfectly.", "feature": None}


def result(status: Status = Status.HELD, audience: str = "members", *, alarmed: bool = False) -> Result:
    return Result(
        id=new_id(),
        run_id=new_id(),
        run_fence=1,
        request_id=new_id(),
        title="t",
        purpose="p",
        ministry="mohw",
        authors=[AUTHOR],
        requester=AUTHOR,
        audience_kind=AudienceKind(audience),
        audience_ministries=AUDIENCES[audience],
        owners=["nts"],
        dataset_ids=[],
        method_name="m",
        method_version="1.0.0",
        method_digest="a" * 64,
        match_rates={},
        artefacts=[],
        alarms=[ALARM] if alarmed else [],
        status=status,
        contents={"lists": [{"name": "l"}]},
    )


def test_whoever_resubmitted_is_an_author_too() -> None:
    held = result()
    held.authors = [AUTHOR, "colleague"]
    assert policy.is_author(caller(Role.OUTPUT_CHECKER, subject="colleague"), held)
    assert not policy.is_checker(caller(Role.OUTPUT_CHECKER, subject="colleague"), held)
    assert policy.is_checker(caller(Role.OUTPUT_CHECKER, subject="somebody else"), held)


def expected_to_know(status: Status, audience: str) -> set[str]:
    if status not in policy.OUT:
        return EVERYWHERE
    readers = {"ministries": {"named steward"}, "members": MEMBERS, "public": set(CALLERS)}[audience]
    return EVERYWHERE | {"secretary"} | readers


def expected_to_read(status: Status, audience: str) -> set[str]:
    if status is Status.HELD:
        return {"checker"}
    if status is not Status.RELEASED:
        return set()
    named = {"own requester", "own steward", "author who checks", "named steward", "checker"}
    return {"ministries": named, "members": MEMBERS, "public": set(CALLERS)}[audience]


CASES = list(product(Status, AUDIENCES))


@pytest.mark.parametrize(("status", "audience"), CASES)
def test_who_knows_and_who_reads(status: Status, audience: str) -> None:
    row = result(status, audience)
    assert {name for name, who in CALLERS.items() if policy.knows(who, row)} == expected_to_know(status, audience)
    assert {name for name, who in CALLERS.items() if policy.reads(who, row)} == expected_to_read(status, audience)


@pytest.mark.parametrize(("status", "audience"), CASES)
def test_an_analyst_of_the_centre_sees_what_raised_an_alarm(status: Status, audience: str) -> None:
    row = result(status, audience, alarmed=True)
    known, read = expected_to_know(status, audience) | {"analyst"}, expected_to_read(status, audience)
    assert {name for name, who in CALLERS.items() if policy.knows(who, row)} == known
    read |= {"analyst"} if status is Status.HELD else set()
    assert {name for name, who in CALLERS.items() if policy.reads(who, row)} == read


@pytest.mark.parametrize("status", Status)
def test_an_unanswered_alarm_offers_an_answer_instead_of_a_vote(status: Status) -> None:
    row = result(status, alarmed=True)
    values: dict[str, Any] = {"result_id": row.id, "number": 1, "verdict": AlarmVerdict.EXPLAINED}
    answer, former = AlarmAnswer(run_fence=1, **values), AlarmAnswer(run_fence=0, **values)
    for answers, offered in (([], "answer-alarm"), ([former], "answer-alarm"), ([answer], "vote")):
        actions = {name: policy.actions_for(who, row, [], answers) for name, who in CALLERS.items()}
        may = {name for name, names in actions.items() if {"answer-alarm", "vote"} & {*names}}
        wanted = {"checker"} if offered == "vote" else {"checker", "analyst"}
        assert may == (wanted if status is Status.HELD else set())
        assert all({"answer-alarm", "vote"} & {*actions[name]} == {offered} for name in may)


@pytest.mark.parametrize("status", Status)
def test_an_alarm_is_answered_only_while_the_result_is_held(status: Status) -> None:
    row = result(status, alarmed=True)
    if status is Status.HELD:
        assert policy.check_answerable(row, 1, []).code == ALARM["code"]
    else:
        with pytest.raises(Conflict, match=status):
            policy.check_answerable(row, 1, [])
    with pytest.raises(NotFound):
        policy.check_answerable(row, 2, [])


@pytest.mark.parametrize("status", Status)
def test_why_it_waits_and_who_must_act(status: Status) -> None:
    row = result(status, alarmed=True)
    alarmed, first, last = (
        why_waiting(row, votes=votes, unanswered=alarms) for votes, alarms in ((0, row.raised), (0, {}), (1, {}))
    )
    codes = [why.code if why else None for why in (alarmed, first, last)]
    wanted = {Status.CHECKING: ["rules-check"] * 3, Status.HELD: ["alarms-answered", "outputs-checked", "outputs-checked"]}
    assert codes == wanted.get(status, [None] * 3)
    if alarmed and first and last and status is Status.HELD:
        assert "1 alarm (model-too-good)" in alarmed.en and "경보 1건(model-too-good)" in alarmed.ko
        assert alarmed.who == (Role.OUTPUT_CHECKER, Role.CENTRE_ANALYST)
        assert first.en.startswith("2 output checkers, of two bodies and not of ")
        assert last.en.startswith("1 output checker, of a second body and not of ")


async def test_the_list_shows_exactly_what_each_caller_knows(tmp_path: Path) -> None:
    db = Database(f"sqlite+aiosqlite:///{tmp_path}/r.db", Base.metadata, PLUMBING, "results")
    async with db.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    rows = [result(status, audience, alarmed=alarmed) for status, audience in CASES for alarmed in (False, True)]
    known = {name: {row.id for row in rows if policy.knows(who, row)} for name, who in CALLERS.items()}
    async with db.transaction() as session:
        session.add_all(rows)
    async with db.reading() as session:
        for name, who in CALLERS.items():
            listed: set[UUID] = set((await session.exec(select(Result.id).where(visible(who)))).all())
            assert listed == known[name], name
    await db.close()


@pytest.mark.parametrize(("status", "name"), [(status, name) for status in Status for name in CALLERS])
def test_what_is_not_readable_is_404_410_or_403(status: Status, name: str) -> None:
    row, who = result(status), CALLERS[name]
    if policy.reads(who, row):
        assert policy.check_readable(who, row) is row
        return
    wanted: type[Exception] = NotFound if not policy.knows(who, row) else Gone if status is Status.RECALLED else Forbidden
    with pytest.raises(wanted):
        policy.check_readable(who, row)


def test_every_pair_of_states_moves_as_the_table_says() -> None:
    assert set(TRANSITIONS) == set(Status)
    moves = {(here, there) for here, there in product(Status, Status) if moves_to(result(here), there)}
    assert moves == {
        (Status.CHECKING, Status.HELD),
        (Status.CHECKING, Status.WITHHELD),
        (Status.HELD, Status.CHECKING),
        (Status.HELD, Status.RELEASED),
        (Status.HELD, Status.WITHHELD),
        (Status.RELEASED, Status.RECALLED),
    }


def moves_to(row: Result, to: Status) -> bool:
    try:
        policy.check_move(row, to)
    except Conflict:
        return False
    return True


@pytest.mark.parametrize("status", Status)
def test_the_actions_offered_are_those_that_are_taken(status: Status) -> None:
    row = result(status)
    offered = {name: set(policy.actions_for(who, row, [])) for name, who in CALLERS.items()}
    voters = {name for name, actions in offered.items() if "vote" in actions}
    recallers = {name for name, actions in offered.items() if "recall" in actions}
    listers = {name for name, actions in offered.items() if "read-restricted-list" in actions}
    assert voters == ({"checker"} if status is Status.HELD else set())
    released = status is Status.RELEASED
    assert recallers == ({"checker", "secretary", "author who checks", "author elsewhere"} if released else set())
    assert listers == ({"own requester", "own steward", "author who checks"} if released else set())
    for name, who in CALLERS.items():
        assert ("vote" in offered[name]) == (who is not None and may_vote(who, row)), name
        assert ("read-restricted-list" in offered[name]) == (who is not None and may_list(who, row)), name


def may_vote(who: Principal, row: Result) -> bool:
    try:
        policy.check_vote_open(policy.check_may_vote(who, row), [], who)
    except (Forbidden, NotFound, Conflict):
        return False
    return True


def may_list(who: Principal, row: Result) -> bool:
    try:
        policy.check_list_reader(who, row)
    except (Forbidden, NotFound, Conflict, Gone):
        return False
    return True


def test_who_has_voted_is_offered_no_second_vote() -> None:
    row, who = result(), caller(Role.OUTPUT_CHECKER)
    vote = ReleaseVote(result_id=row.id, checker=who.subject, ministry="moel", approve=True, reason="fine")
    assert "vote" not in policy.actions_for(who, row, [vote])
    with pytest.raises(Conflict):
        policy.check_vote_open(row, [vote], who)
