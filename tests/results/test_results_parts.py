"""Two checkers of two bodies, neither the one that asked; nobody of them has another part in the request."""

import pytest
from sqlmodel import select

from services.results.models import Result, Status
from services.results.policy import actions_for
from shared.auth import Principal, Role
from shared.contracts import OutputKind, Part, PartKind
from tests.results.build import artefact, brief, table
from tests.results.conftest import House

PARTS = (
    Part(subject="requester.mohw", ministry="mohw", part=PartKind.REQUESTER),
    Part(subject="lee.many", ministry="nts", part=PartKind.OWNER),
    Part(subject="jung.many", ministry="moel", part=PartKind.COUNCIL),
)


@pytest.fixture
async def held(house: House) -> Result:
    return await house.held((await artefact(house.storage, OutputKind.TABLE, "by_region", table()),), parts=PARTS)


async def test_nobody_of_the_asking_ministry_checks_its_result(house: House, held: Result) -> None:
    for subject in ("colleague1", "colleague2"):
        answer = await house.vote(held.id, subject, ministry="mohw")
        assert (answer.status_code, answer.json()["right"]) == (403, "output-checker of another ministry than mohw")
    shown = (await house.get(f"/results/{held.id}", "output-checker", "mohw", subject="colleague1")).json()
    assert (shown["status"], shown["actions"]) == ("held", [])
    assert (await house.get(f"/results/{held.id}/tables/by_region", "output-checker", "mohw")).status_code == 403
    assert (await house.result(id=held.id)).status is Status.HELD


async def test_the_second_checker_is_of_another_body(house: House, held: Result) -> None:
    assert (await house.vote(held.id, "kim", ministry="mois")).status_code == 201
    for subject in ("another", "third"):
        again = await house.vote(held.id, subject, ministry="mois")
        assert (again.status_code, again.json()["detail"].split(":")[0]) == (409, "Somebody of mois has voted already")
    colleague = (await house.get(f"/results/{held.id}", "output-checker", "mois", subject="another")).json()
    assert "vote" not in colleague["actions"]
    assert (await house.vote(held.id, "oh", ministry="moel")).json()["status"] == "released"


@pytest.mark.parametrize("subject", ["lee.many", "jung.many"])
async def test_who_decided_or_voted_does_not_check(house: House, held: Result, subject: str) -> None:
    """Under whatever body their next token names."""
    for ministry in ("msit", "nts", "moel"):
        answer = await house.vote(held.id, subject, ministry=ministry)
        assert (answer.status_code, answer.json()["right"]) == (403, "somebody without another part in the request")
        table = f"/results/{held.id}/tables/by_region"
        assert (await house.get(table, "output-checker", ministry, subject=subject)).status_code == 403
    assert (await house.vote(held.id, "somebody", ministry="nts")).status_code == 201, "another person of that body may"


async def test_what_is_offered_is_what_may_be_done(house: House, held: Result) -> None:
    for subject in ("lee.many", "jung.many", "requester.mohw", "free"):
        for ministry in ("mohw", "nts", "moel", "msit"):
            caller = Principal(subject, ministry, frozenset({Role.OUTPUT_CHECKER}))
            async with house.client.app.state.db.reading() as session:
                row = (await session.exec(select(Result).where(Result.id == held.id))).one()
            offered = "vote" in actions_for(caller, row, [])
            assert offered == (subject == "free" and ministry != "mohw"), (subject, ministry)


async def test_a_result_of_before_parts_were_carried_is_checked_by_others_than_its_authors(house: House) -> None:
    result = await house.held((await artefact(house.storage, OutputKind.TABLE, "by_region", table()),))
    assert (await house.result(id=result.id)).parts == []
    assert (await house.vote(result.id, brief().requester, ministry="msit")).status_code in (403, 404)
    assert (await house.vote(result.id, "lee.many", ministry="msit")).status_code == 201
