"""One person has one part in a request, and enough members are left to decide on it."""

import pytest

from services.requests import queries
from services.requests.models import Status
from services.requests.waiting import why_waiting
from shared.contracts import MinistryLeft, Part, PartKind, RequestApproved, RequestSubmitted
from shared.errors import Forbidden, Unprocessable
from shared.paging import PageQuery
from tests.requests.examples import (
    HOUSEHOLD_ID,
    HOUSEHOLD_STEWARD,
    INCOME_ID,
    INCOME_STEWARD,
    KIM,
    MEMBERS,
    RULES,
    SECRETARY,
    approval,
    caller,
    joined,
    make_request,
    member,
    world,
)
from tests.requests.house import House

MANY = "lee.many"


async def test_who_decided_for_an_owner_neither_votes_nor_decides_for_another(house: House) -> None:
    request = await house.submit()
    await house.decide(request.id, caller("steward", "nts", MANY), approval(INCOME_ID))
    with pytest.raises(Forbidden, match="one person has one part"):
        await house.decide(request.id, caller("steward", "molit", MANY), approval(HOUSEHOLD_ID))
    await house.decide(request.id, HOUSEHOLD_STEWARD, approval(HOUSEHOLD_ID))
    for ministry in ("moel", "moe"):
        with pytest.raises(Forbidden, match="who decided for nts"):
            await house.vote(request.id, caller("council-member", ministry, MANY))
    await house.vote(request.id, member("moel"))


async def test_who_voted_takes_no_part_in_a_later_revision(house: House) -> None:
    request = await house.in_council()
    await house.vote(request.id, caller("council-member", "moel", MANY))
    await house.send_back(request.id, SECRETARY)
    with pytest.raises(Forbidden, match="the council's member of moel"):
        await house.resubmit(request.id, caller("requester", "mohw", MANY))
    await house.resubmit(request.id, KIM)
    with pytest.raises(Forbidden, match="one person has one part"):
        await house.decide(request.id, caller("steward", "nts", MANY), approval(INCOME_ID))
    with pytest.raises(Forbidden, match="one person has one part"):
        await house.send_back(request.id, caller("steward", "nts", MANY))
    await house.owners_approve(request.id)
    await house.vote(request.id, caller("council-member", "moel", MANY))


async def test_who_decided_does_not_ask_in_its_place(house: House) -> None:
    request = await house.submit()
    await house.decide(request.id, caller("steward", "nts", MANY), approval(INCOME_ID))
    with pytest.raises(Forbidden, match="one person has one part"):
        await house.withdraw(request.id, caller("requester", "mohw", MANY))
    await house.withdraw(request.id, caller("requester", "mohw", "a colleague"))


async def test_who_took_an_approval_back_does_not_vote_on_the_next_revision(house: House) -> None:
    request = await house.submit()
    await house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID))
    assert not {part for part in request.parts if part.subject == MANY}
    await house.revoke(request.id, caller("steward", "nts", MANY), INCOME_ID)
    found = (await house.look(request.id)).parts
    assert Part(subject=MANY, ministry="nts", part=PartKind.OWNER) in found


async def test_the_events_carry_who_has_acted(house: House) -> None:
    await house.approved()
    said = await house.said()
    submitted = next(event for event in said if isinstance(event, RequestSubmitted))
    assert submitted.brief.parts == (Part(subject="kim", ministry="mohw", part=PartKind.REQUESTER),)
    approved = next(event for event in said if isinstance(event, RequestApproved))
    assert {(one.subject, one.ministry, one.part) for one in approved.brief.parts} == {
        ("kim", "mohw", PartKind.REQUESTER),
        ("lee", "nts", PartKind.OWNER),
        ("park", "molit", PartKind.OWNER),
        *((f"council-member.{one}", one, PartKind.COUNCIL) for one in ("moel", "moe", "msit")),
    }


async def test_nothing_waits_on_the_list_of_whoever_has_another_part(house: House) -> None:
    request = await house.submit()
    await house.decide(request.id, caller("steward", "nts", MANY), approval(INCOME_ID))
    await house.decide(request.id, HOUSEHOLD_STEWARD, approval(HOUSEHOLD_ID))
    async with house.db.reading() as session:
        for who, listed in ((caller("council-member", "moel", MANY), []), (member("moel"), [request.id])):
            work, _ = await queries.list_work(session, who, RULES, PageQuery())
            assert [one.id for one in work] == listed


# Who is left


async def few_members(house: House, *left: str) -> None:
    await house.hear(*(joined(code) for code in ("mohw", "nts", "molit", *left)), *world()[len(MEMBERS) :])


@pytest.mark.parametrize("left", [(), ("moel",), ("moel", "moe")])
async def test_a_request_on_which_the_council_could_not_decide_is_refused(empty_house: House, left: tuple[str, ...]) -> None:
    await few_members(empty_house, *left)
    with pytest.raises(Unprocessable) as refused:
        await empty_house.submit()
    (error,) = refused.value.errors
    assert (error.pointer, error.code) == ("#/inputs", "no-quorum")
    assert "mohw, molit, nts" in error.detail
    assert await empty_house.said() == []


async def test_as_many_as_the_quorum_are_enough(empty_house: House) -> None:
    await few_members(empty_house, "moel", "moe", "msit")
    request = await empty_house.submit()
    await empty_house.send_back(request.id, SECRETARY)
    await empty_house.hear(MinistryLeft(code="msit", reason="It was merged."))
    with pytest.raises(Unprocessable):
        await empty_house.resubmit(request.id)


def test_nobody_is_named_who_cannot_act() -> None:
    today = RULES.day(make_request().since)
    members = frozenset(MEMBERS)
    for voted, left, code in (
        ({}, members, "council-votes"),
        ({}, {"mohw", "nts", "molit", "moel", "moe"}, "council-cannot-decide"),
        ({"moel": "approve"}, {"mohw", "nts", "molit", "moel", "moe"}, "council-cannot-decide"),
        ({"moel": "approve", "moe": "approve"}, {"mohw", "nts", "molit", "moel", "moe", "msit"}, "council-votes"),
        ({"moel": "approve", "moe": "reject"}, {"mohw", "moel", "moe"}, "council-cannot-decide"),
    ):
        request = make_request(Status.COUNCIL_REVIEW, voted=voted)
        found = why_waiting(request, 3 - len(voted), today, left)
        assert found and found.code == code, (voted, left)
        if code == "council-cannot-decide":
            assert [who.role for who in found.who] == ["council-secretary", "requester"]
    gone = why_waiting(make_request(Status.OWNER_REVIEW), 3, today, members - {"nts"})
    assert gone and gone.code == "owner-left" and "nts" in gone.en and "nts" in gone.ko
    alone = why_waiting(make_request(Status.OWNER_REVIEW), 3, today, members - {"nts", "mohw"})
    assert alone and [who.role for who in alone.who] == ["council-secretary"]
    assert why_waiting(make_request(Status.RETURNED), 3, today, members - {"mohw"}) is None
