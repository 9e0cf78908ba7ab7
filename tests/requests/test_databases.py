"""On SQLite and on PostgreSQL: migrations from empty, the walk, and two people at once."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from services.requests import queries
from services.requests.actions import OpenLimits
from services.requests.app import MIGRATIONS
from services.requests.models import AnalysisRequest, Status
from shared.errors import Conflict, Unprocessable
from shared.migrate import check, upgrade
from shared.paging import PageQuery
from tests.requests.examples import (
    HOUSEHOLD_ID,
    HOUSEHOLD_STEWARD,
    INCOME_ID,
    INCOME_STEWARD,
    KIM,
    RULES,
    SECRETARY,
    approval,
    caller,
    dataset_gone,
    income,
    member,
    method_gone,
    refusal,
)
from tests.requests.house import COUNCIL, House, types


async def at_once(*deeds: Awaitable[AnalysisRequest | None]) -> list[Any]:
    return await asyncio.gather(*deeds, return_exceptions=True)


async def test_migrations_from_empty_match_the_models(database_url: str) -> None:
    await asyncio.to_thread(upgrade, MIGRATIONS, database_url)
    await asyncio.to_thread(check, MIGRATIONS, database_url)
    await asyncio.to_thread(upgrade, MIGRATIONS, database_url)


async def test_the_walk(migrated_house: House) -> None:
    request = await migrated_house.approved(columns=["taxpayer_no", "wages"], conditions=["조건"])
    assert (await migrated_house.look(request.id)).status is Status.APPROVED
    assert types(await migrated_house.said()) == ["RequestSubmitted", "RequestApproved"]
    assert len(await migrated_house.history(request.id)) == 8


async def test_two_last_votes_at_once_decide(migrated_house: House) -> None:
    for side, end in (("approve", Status.APPROVED), ("reject", Status.REFUSED)):
        request = await migrated_house.in_council()
        await migrated_house.vote(request.id, member(COUNCIL[0]), side)
        votes = await at_once(*(migrated_house.vote(request.id, member(ministry), side) for ministry in COUNCIL[1:]))
        assert not [outcome for outcome in votes if isinstance(outcome, Exception)]
        assert (await migrated_house.look(request.id)).status is end


async def test_two_owners_at_once_open_the_council_review(migrated_house: House) -> None:
    request = await migrated_house.submit()
    await at_once(
        migrated_house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID)),
        migrated_house.decide(request.id, HOUSEHOLD_STEWARD, approval(HOUSEHOLD_ID)),
    )
    assert (await migrated_house.look(request.id)).status is Status.COUNCIL_REVIEW


async def test_two_stewards_of_one_owner_at_once(migrated_house: House) -> None:
    request = await migrated_house.submit()
    colleague = caller("steward", "nts", "other")
    outcomes = await at_once(
        migrated_house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID)),
        migrated_house.decide(request.id, colleague, refusal(INCOME_ID)),
    )
    assert [type(outcome) for outcome in outcomes].count(Conflict) == 1
    assert len((await migrated_house.look(request.id)).decisions) == 1


async def test_what_one_person_has_open_is_bounded_also_at_once(migrated_house: House) -> None:
    """Ten times exactly the same, also where all are submitted at the same moment."""
    migrated_house.limits = OpenLimits(identical=10)
    outcomes = await at_once(*(migrated_house.submit() for _ in range(14)))
    accepted = [outcome for outcome in outcomes if isinstance(outcome, AnalysisRequest)]
    refused = {(type(outcome), outcome.errors[0].code) for outcome in outcomes if isinstance(outcome, Conflict)}
    assert (len(accepted), refused) == (10, {(Conflict, "asked-already")}), outcomes
    await migrated_house.submit(caller("requester", "mohw", "another"))  # bounded for each person
    await migrated_house.submit(title="Another question")
    await migrated_house.withdraw(accepted[0].id)
    await migrated_house.submit()


async def test_a_withdrawal_and_submissions_at_once(migrated_house: House) -> None:
    outcomes = await at_once(
        *(migrated_house.submit() for _ in range(3)),
        migrated_house.hear(dataset_gone(income())),
        *(migrated_house.submit() for _ in range(3)),
    )
    assert all(outcome is None or isinstance(outcome, AnalysisRequest | Unprocessable) for outcome in outcomes), outcomes
    async with migrated_house.db.reading() as session:
        kept, _ = await queries.list_requests(session, KIM, PageQuery(limit=50))
    assert {request.status for request in kept} <= {Status.RETURNED}


@pytest.mark.parametrize("gone", [dataset_gone(income()), method_gone()])
async def test_a_withdrawal_and_the_last_vote_at_once(migrated_house: House, gone: Any) -> None:
    request = await migrated_house.in_council()
    for ministry in COUNCIL[:2]:
        await migrated_house.vote(request.id, member(ministry))
    await at_once(migrated_house.hear(gone), migrated_house.vote(request.id, member(COUNCIL[2])))
    said = types(await migrated_house.said())
    status = (await migrated_house.look(request.id)).status
    assert (status, said[-1]) in ((Status.RETURNED, "RequestReturned"), (Status.APPROVED, "RequestApproved"))


async def test_lists(migrated_house: House) -> None:
    request = await migrated_house.in_council()
    for who, count in ((KIM, 0), (INCOME_STEWARD, 0), (member("moe"), 1), (member("nts"), 0), (SECRETARY, 0)):
        async with migrated_house.db.reading() as session:
            work, _ = await queries.list_work(session, who, RULES, PageQuery())
            assert len(work) == count
            if who is not SECRETARY and count:
                assert (await queries.get_request(session, who, request.id)).id == request.id
    async with migrated_house.db.reading() as session:
        assert len(await queries.list_history(session, INCOME_STEWARD, request.id)) == 4
