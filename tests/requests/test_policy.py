"""Who may, and when: every pair of states, every role at every state."""

from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.requests import policy
from services.requests.models import TRANSITIONS, Status
from shared.auth import Principal, Role
from shared.errors import Conflict, Forbidden
from tests.requests.examples import (
    HOUSEHOLD_ID,
    HOUSEHOLD_STEWARD,
    INCOME_ID,
    INCOME_STEWARD,
    KIM,
    MEMBERS,
    SECRETARY,
    caller,
    make_request,
    member,
)

BEGUN = (Status.OWNER_REVIEW, Status.RETURNED, Status.COUNCIL_REVIEW)
RUNNING = (Status.APPROVED, Status.IN_ANALYSIS, Status.OUTPUT_REVIEW)
TERMINAL = {Status.RECALLED, Status.REFUSED, Status.WITHDRAWN, Status.REVOKED, Status.FAILED, Status.WITHHELD}
PRINCIPALS = st.builds(
    Principal,
    subject=st.sampled_from(["kim", "lee", "han"]),
    ministry=st.sampled_from(MEMBERS),
    roles=st.frozensets(st.sampled_from(Role), max_size=3),
)


@pytest.mark.parametrize(("status", "to"), list(product(Status, Status)))
def test_every_pair_of_states(status: Status, to: Status) -> None:
    request = make_request(status)
    if to in TRANSITIONS[status]:
        policy.check_move(request, to)
    else:
        with pytest.raises(Conflict):
            policy.check_move(request, to)


def test_transitions_cover_every_status_and_make_sense() -> None:
    assert set(TRANSITIONS) == set(Status)
    assert {status for status, after in TRANSITIONS.items() if not after} == TERMINAL
    assert all(Status.WITHDRAWN in TRANSITIONS[status] for status in (*BEGUN, *RUNNING))
    revocable = {Status.OWNER_REVIEW, Status.COUNCIL_REVIEW, *RUNNING}
    assert {status for status in Status if Status.REVOKED in TRANSITIONS[status]} == revocable
    assert [status for status in Status if Status.APPROVED in TRANSITIONS[status]] == [Status.COUNCIL_REVIEW]
    reachable, waiting = {Status.OWNER_REVIEW}, [Status.OWNER_REVIEW]
    while waiting:
        new = TRANSITIONS[waiting.pop()] - reachable
        reachable |= new
        waiting += new
    assert reachable == set(Status)


def test_an_owner_decides_on_its_own_dataset_only() -> None:
    request = make_request()
    policy.check_may_decide(INCOME_STEWARD, request, "nts")
    for other in (HOUSEHOLD_STEWARD, KIM, SECRETARY, caller("requester", "nts"), member("nts")):
        with pytest.raises(Forbidden) as refused:
            policy.check_may_decide(other, request, "nts")
        assert refused.value.extensions["right"] == "steward of nts"


def test_nobody_decides_on_their_own_request() -> None:
    for request in (make_request(), make_request(authors=["kim", "second"])):
        author = request.authors[-1]
        with pytest.raises(Forbidden, match="own request"):
            policy.check_may_decide(caller("steward", "nts", author), request, "nts")
        with pytest.raises(Forbidden, match="own request"):
            policy.check_may_vote(caller("council-member", "moel", author), request)
        with pytest.raises(Forbidden, match="own request"):
            policy.check_may_return(caller("council-secretary", "moel", author), request)


@pytest.mark.parametrize("ministry", ["mohw", "nts", "molit"])
def test_members_with_a_part_are_recused(ministry: str) -> None:
    with pytest.raises(Forbidden, match="recused"):
        policy.check_may_vote(member(ministry), make_request(Status.COUNCIL_REVIEW))
    with pytest.raises(Forbidden):
        policy.check_may_return(member(ministry), make_request(Status.COUNCIL_REVIEW))


def test_one_vote_per_member_and_ministry() -> None:
    request = make_request(Status.COUNCIL_REVIEW, voted={"moel": "approve"})
    policy.check_not_voted(member("moe"), request)
    with pytest.raises(Conflict, match="You have voted"):
        policy.check_not_voted(member("moel"), request)
    with pytest.raises(Conflict, match="Your ministry"):
        policy.check_not_voted(caller("council-member", "moel", "another"), request)
    with pytest.raises(Conflict, match="You have voted"):
        policy.check_not_voted(caller("council-member", "moe", "council-member.moel"), request)


def test_votes_of_an_earlier_revision_bind_nobody() -> None:
    request = make_request(Status.COUNCIL_REVIEW, voted={"moel": "approve"}, revision=2)
    policy.check_not_voted(member("moel"), request)


def test_a_dataset_is_decided_on_once() -> None:
    request = make_request(decided=(INCOME_ID,))
    policy.check_undecided(request, HOUSEHOLD_ID)
    with pytest.raises(Conflict, match="already"):
        policy.check_undecided(request, INCOME_ID)


OFFERS: list[tuple[Principal, Status, list[str]]] = [
    (KIM, Status.OWNER_REVIEW, ["withdraw"]),
    (KIM, Status.RETURNED, ["resubmit", "withdraw"]),
    (KIM, Status.COUNCIL_REVIEW, ["withdraw"]),
    *((KIM, status, ["withdraw"]) for status in RUNNING),
    (INCOME_STEWARD, Status.OWNER_REVIEW, ["decisions", "return"]),
    (INCOME_STEWARD, Status.COUNCIL_REVIEW, []),
    (member("moel"), Status.OWNER_REVIEW, []),
    (member("moel"), Status.COUNCIL_REVIEW, ["votes", "return"]),
    (member("nts"), Status.COUNCIL_REVIEW, []),
    (SECRETARY, Status.OWNER_REVIEW, ["return"]),
    (SECRETARY, Status.COUNCIL_REVIEW, ["return"]),
    (caller("auditor", "mois"), Status.COUNCIL_REVIEW, []),
    (caller("requester", "nts"), Status.RETURNED, []),
]


@pytest.mark.parametrize(("who", "status", "offered"), OFFERS)
def test_what_is_offered(who: Principal, status: Status, offered: list[str]) -> None:
    assert policy.actions_for(who, make_request(status)) == offered


@pytest.mark.parametrize("status", [*sorted(TERMINAL), Status.RELEASED])
@given(who=PRINCIPALS)
def test_nothing_is_offered_at_the_end(status: Status, who: Principal) -> None:
    assert policy.actions_for(who, make_request(status)) == []


@given(who=PRINCIPALS, status=st.sampled_from(Status), decided=st.sampled_from([(), (INCOME_ID,), (INCOME_ID, HOUSEHOLD_ID)]))
def test_what_is_offered_is_always_visible_and_never_ones_own_decision(
    who: Principal, status: Status, decided: tuple[UUID, ...]
) -> None:
    request = make_request(status, decided=decided)
    offered = policy.actions_for(who, request)
    if offered:
        assert policy.may_read(who, request)
    if who.subject == "kim":
        assert not {"decisions", "revocations", "votes", "return"} & set(offered)
    if who.ministry in request.recused:
        assert "votes" not in offered


def test_who_may_read() -> None:
    request = make_request()
    for who in (
        KIM,
        INCOME_STEWARD,
        HOUSEHOLD_STEWARD,
        SECRETARY,
        member("moe"),
        caller("auditor", "moe"),
        caller("steward", "mohw"),
    ):
        assert policy.may_read(who, request)
    for who in (
        caller("requester", "nts"),
        caller("steward", "moe"),
        caller("ops", "mohw"),
        caller("worker", "nts"),
        caller("output-checker", "nts"),
    ):
        assert not policy.may_read(who, request)
