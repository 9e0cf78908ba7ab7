"""Two different people, blind to each other, never the author; and nothing is released while a withdrawal waits."""

import asyncio
import json

import pytest
from sqlalchemy import update

from services.results.models import Status
from shared.contracts import (
    DatasetWithdrawn,
    Event,
    GrantRevoked,
    MethodWithdrawn,
    ModelWithdrawn,
    OutputKind,
    RequestBrief,
    RequestWithdrawn,
)
from shared.ids import new_id
from tests.results.build import AUTHOR, METHOD, artefact, brief, finished, metrics, table
from tests.results.conftest import APPROVE, REJECT, House

CHAMPION = new_id()


@pytest.fixture
async def plain(house: House) -> House:
    """No figures: nothing has to be drawn."""
    storage = house.storage
    artefacts = (
        await artefact(storage, OutputKind.TABLE, "by_region", table()),
        await artefact(storage, OutputKind.METRICS, "quality", metrics()),
    )
    original = house.held

    async def held(given: object = None, **of_brief: object) -> object:
        return await original(artefacts, **of_brief)

    house.held = held  # type: ignore[method-assign, assignment]
    return house


async def test_votes_are_hidden_until_both_are_in(plain: House) -> None:
    result = await plain.held()
    answer = (await plain.vote(result.id, "kim")).json()
    assert answer["status"] == "held"
    assert [vote["checker"] for vote in answer["votes"]["votes"]] == ["kim"]
    for caller, subject in ((("output-checker", "moel"), "lee"), (("auditor", "bai"), None), (("requester", "mohw"), None)):
        votes = (await plain.get(f"/results/{result.id}", *caller, subject=subject)).json()["votes"]
        assert votes == {"needed": 2, "cast": 1, "votes": []}
    assert "approve" not in (await plain.audit("results.cast-vote"))[0]["detail"]
    answer = (await plain.vote(result.id, "lee", ministry="moel")).json()
    assert answer["status"] == "released"
    assert [vote["checker"] for vote in answer["votes"]["votes"]] == ["kim", "lee"]
    auditor = (await plain.get(f"/results/{result.id}", "auditor", "bai")).json()
    assert [vote["approve"] for vote in auditor["votes"]["votes"]] == [True, True]
    (row,) = await plain.audit("results.release-result")
    assert [vote["checker"] for vote in json.loads(row["detail"])["votes"]] == ["kim", "lee"]


@pytest.mark.parametrize("bodies", [(APPROVE, REJECT), (REJECT, APPROVE), (REJECT, REJECT)])
async def test_one_rejection_withholds_it_once_both_have_voted(plain: House, bodies: tuple[dict[str, object], ...]) -> None:
    result = await plain.held()
    first = (await plain.vote(result.id, "kim", bodies[0])).json()
    assert first["status"] == "held"
    second = (await plain.vote(result.id, "lee", bodies[1])).json()
    assert second["status"] == "withheld"
    assert "do not name the sample" in second["reason"]
    own = (await plain.get(f"/results/{result.id}", "requester", "mohw")).json()
    assert "do not name the sample" in own["reason"]
    assert (await plain.get(f"/results/{result.id}", "steward", "nts")).status_code == 404


async def test_the_author_does_not_check_their_own_result(plain: House) -> None:
    result = await plain.held()
    answer = await plain.vote(result.id, AUTHOR, ministry="mohw")
    assert answer.status_code == 403
    assert answer.json()["right"] == "output-checker who is not the author"
    (row,) = await plain.audit("results.vote")
    assert row["outcome"] == "refused"


async def test_a_second_vote_of_the_same_person_is_refused(plain: House) -> None:
    result = await plain.held()
    await plain.vote(result.id, "kim")
    assert (await plain.vote(result.id, "kim", ministry="moel")).status_code == 409
    assert (await plain.result()).status is Status.HELD


async def test_only_output_checkers_vote(plain: House) -> None:
    result = await plain.held()
    cases = (("requester", "mohw", 403), ("steward", "nts", 404), ("auditor", "bai", 403), ("ops", "mois", 404))
    for roles, ministry, status in cases:
        answer = await plain.client.post(f"/results/{result.id}/votes", json=APPROVE, headers=plain.headers(roles, ministry))
        assert answer.status_code == status, roles
    assert (await plain.client.post(f"/results/{result.id}/votes", json=APPROVE)).status_code == 401
    assert (await plain.vote(new_id(), "kim")).status_code == 404


async def test_a_vote_without_a_reason_is_refused(plain: House) -> None:
    result = await plain.held()
    blank, maybe = {"approve": True, "reason": "   "}, {"approve": "maybe", "reason": "because it is"}
    for body in ({"approve": True}, blank, maybe, {**APPROVE, "x": 1}):
        answer = await plain.vote(result.id, "kim", body)
        assert answer.status_code == 422
        assert answer.json()["errors"]


async def test_a_vote_after_the_decision_is_refused(plain: House) -> None:
    result = await plain.released()
    assert (await plain.vote(result.id, "park")).status_code == 409


async def test_two_votes_at_the_same_time_release_it_once(plain: House) -> None:
    result = await plain.held()
    answers = await asyncio.gather(*(plain.vote(result.id, who) for who in ("kim", "lee", "park")))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409]
    assert len(await plain.said("results.result-released.v1")) == 1


def gone(kind: str, given: RequestBrief) -> Event:
    """What stands under a result is taken back."""
    of_the_request = {"request_id": given.request_id, "dataset_id": given.dataset_ids[1], "ministry": "nts"}
    return {
        "dataset": DatasetWithdrawn(dataset_id=given.dataset_ids[1], ministry="nts", reason="The owner took it back."),
        "request": RequestWithdrawn(request_id=given.request_id, ministry="mohw", reason="No longer needed."),
        "method": MethodWithdrawn(method=METHOD, reason="A fault was found."),
        "grant": GrantRevoked(**of_the_request, reason="A court order."),
        "model": ModelWithdrawn(model_id=CHAMPION, reason="A wrong year."),
    }[kind]


KINDS = {
    "dataset": "The dataset was withdrawn: ",
    "request": "The request was withdrawn: ",
    "method": "The method was withdrawn: ",
    "grant": "The owner of a dataset took back its approval: ",
    "model": "The model was withdrawn: ",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("early", [True, False])
async def test_a_withdrawal_withholds_what_is_not_released_in_either_order(plain: House, kind: str, early: bool) -> None:
    given = brief()
    event = gone(kind, given)
    if early:
        await plain.say(event)
    artefacts = (await artefact(plain.storage, OutputKind.TABLE, "by_region", table()),)
    await plain.finish(finished(artefacts, brief=given, champion_id=CHAMPION))
    if not early:
        await plain.until(Status.HELD)
        await plain.say(event)
    result = await plain.until(Status.WITHHELD)
    assert str(result.reason).startswith(KINDS[kind])
    assert (await plain.vote(result.id, "kim")).status_code == 409
    assert len(await plain.said("results.result-withheld.v1")) == 1


async def test_a_withdrawal_of_something_else_changes_nothing(plain: House) -> None:
    result = await plain.held()
    await plain.say(DatasetWithdrawn(dataset_id=new_id(), ministry="nts", reason="Another one."))
    await plain.say(MethodWithdrawn(method=METHOD.model_copy(update={"version": "2.0.0"}), reason="Another version."))
    other = {"ministry": "nts", "reason": "Not this one."}
    await plain.say(GrantRevoked(request_id=new_id(), dataset_id=result.dataset_ids[1], **other))
    await plain.say(GrantRevoked(request_id=result.request_id, dataset_id=new_id(), **other))
    await plain.say(ModelWithdrawn(model_id=CHAMPION, reason="Another model."))
    await plain.client.settle()
    assert (await plain.result(id=result.id)).status is Status.HELD


async def test_a_withdrawal_after_release_leaves_the_result_out(plain: House) -> None:
    result = await plain.released()
    await plain.say(RequestWithdrawn(request_id=result.request_id, ministry="mohw", reason="Too late."))
    await plain.client.settle()
    assert (await plain.result()).status is Status.RELEASED


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", ["new", "dead"])
async def test_nothing_is_released_while_a_withdrawal_waits_or_is_dead(plain: House, state: str, kind: str) -> None:
    result = await plain.held()
    event = gone(kind, brief())
    if isinstance(event, MethodWithdrawn):
        event = event.model_copy(update={"method": METHOD.model_copy(update={"version": "2.0.0"})})
    await plain.say(event)
    await plain.client.settle()
    inbox = plain.client.app.state.db.tables.inbox
    stuck = update(inbox).where(inbox.c.type == event.type)
    async with plain.client.app.state.db.transaction() as session:
        await session.execute(stuck.values(state=state, due_at=None))
    assert (await plain.vote(result.id, "kim")).status_code == 201
    answer = await plain.vote(result.id, "lee")
    assert answer.status_code == 409
    assert "withdrawal waits" in answer.json()["detail"]
    async with plain.client.app.state.db.transaction() as session:
        await session.execute(stuck.values(state="done"))
    assert (await plain.vote(result.id, "lee")).json()["status"] == "released"
