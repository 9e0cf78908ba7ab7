"""A request names a released model as its champion; one that is withdrawn sends the request back."""

from typing import Any
from uuid import UUID

import pytest

from services.requests import queries
from services.requests.models import Status
from shared.contracts import (
    MethodLive,
    MethodRef,
    MethodWithdrawn,
    ModelFormat,
    ModelRef,
    ModelReleased,
    ModelWithdrawn,
    RequestApproved,
    RequestReturned,
    StoredObject,
)
from shared.errors import Conflict, Unprocessable
from shared.ids import new_id
from tests.requests.examples import (
    CARD,
    HOUSEHOLD_ID,
    HOUSEHOLD_STEWARD,
    INCOME_ID,
    INCOME_STEWARD,
    METHOD,
    RULES,
    approval,
    caller,
    member,
    method_gone,
)
from tests.requests.house import COUNCIL, House

LATER = METHOD.model_copy(update={"version": "1.1.0"})
OTHER = MethodRef(name="peers", version="1.0.0", digest="b" * 64)


def released(ministry: str = "mohw", method: MethodRef = METHOD, model_id: UUID | None = None) -> ModelReleased:
    stored = StoredObject(sha256="c" * 64, size=270_916, media_type="application/octet-stream")
    model = ModelRef(model_id=model_id or new_id(), name="scorer", method=method, format=ModelFormat.ONNX, object=stored)
    return ModelReleased(model=model, run_id=new_id(), ministry=ministry)


def gone(event: ModelReleased) -> ModelWithdrawn:
    return ModelWithdrawn(model_id=event.model.model_id, reason="A wrong year.")


def named(event: ModelReleased) -> dict[str, Any]:
    return {"champion": {"model_id": str(event.model.model_id)}}


async def faults(house: House, event: ModelReleased, **more: Any) -> list[tuple[str, str]]:
    with pytest.raises(Unprocessable) as refused:
        await house.submit(**named(event), **more)
    return [(error.pointer, error.code) for error in refused.value.errors]


async def test_the_approval_carries_the_model_that_was_released(house: House) -> None:
    event = released()
    await house.hear(event)
    request = await house.submit(**named(event))
    assert request.champion == {"model_id": event.model.model_id}
    await house.owners_approve(request.id)
    for ministry in COUNCIL:
        await house.vote(request.id, member(ministry))
    approvals = [each for each in await house.said() if isinstance(each, RequestApproved)]
    assert [each.champion for each in approvals] == [event.model]


async def test_a_request_without_a_champion_carries_none(house: House) -> None:
    await house.approved()
    approvals = [each for each in await house.said() if isinstance(each, RequestApproved)]
    assert [each.champion for each in approvals] == [None]


async def test_a_model_that_is_not_released_or_is_gone_is_refused(house: House) -> None:
    event = released()
    assert await faults(house, event) == [("#/champion/model_id", "unknown-model")]
    await house.hear(event, gone(event))
    assert await faults(house, event) == [("#/champion/model_id", "withdrawn-model")]


async def test_withdrawn_before_released_stays_withdrawn(house: House) -> None:
    event = released()
    await house.hear(gone(event), sequence=2)
    await house.hear(event, sequence=1)
    assert await faults(house, event) == [("#/champion/model_id", "withdrawn-model")]


async def test_a_model_of_another_method_is_refused(house: House) -> None:
    event = released(method=OTHER)
    await house.hear(event)
    assert await faults(house, event) == [("#/champion/model_id", "other-method")]


async def test_a_model_of_an_earlier_version_of_the_method_is_taken(house: House) -> None:
    event = released()
    await house.hear(event, MethodLive(method=LATER, card=CARD.model_copy(update={"version": LATER.version})))
    request = await house.submit(method={"name": LATER.name, "version": LATER.version}, **named(event))
    assert request.champion_id == event.model.model_id


async def test_a_model_of_another_ministry_needs_its_version_to_be_live(house: House) -> None:
    theirs, ours = released("nts", LATER), released("mohw", LATER)
    await house.hear(theirs, ours)
    assert await faults(house, theirs) == [("#/champion/model_id", "unknown-model")]
    assert (await house.submit(**named(ours))).champion_id == ours.model.model_id
    await house.hear(MethodLive(method=LATER, card=CARD.model_copy(update={"version": LATER.version})))
    assert (await house.submit(**named(theirs))).champion_id == theirs.model.model_id
    await house.hear(MethodWithdrawn(method=LATER, reason="A fault."))
    assert await faults(house, theirs) == [("#/champion/model_id", "unknown-model")]


async def test_every_fault_of_a_submission_is_told_together(house: House) -> None:
    found = await faults(house, released(), parameters={}, audience={"kind": "ministries", "ministries": ["nobody"]})
    assert {pointer for pointer, _ in found} >= {"#/champion/model_id", "#/audience/ministries/0"}


@pytest.mark.parametrize("owners_decided", [False, True])
async def test_withdrawing_a_model_returns_the_requests_in_review(house: House, owners_decided: bool) -> None:
    event = released()
    await house.hear(event)
    request, other = await house.submit(**named(event)), await house.submit()
    if owners_decided:
        await house.owners_approve(request.id)
    await house.hear(gone(event), gone(event))
    back = await house.look(request.id)
    assert (back.status, back.reason_code) == (Status.RETURNED, "model-withdrawn")
    assert (await house.look(other.id)).status is Status.OWNER_REVIEW
    assert [each.request_id for each in await house.said() if isinstance(each, RequestReturned)] == [request.id]
    with pytest.raises(Unprocessable):
        await house.resubmit(request.id, **named(event))
    again = await house.resubmit(request.id)
    assert (again.status, again.champion) == (Status.OWNER_REVIEW, None)


async def test_an_approval_does_not_outrun_a_withdrawal(house: House) -> None:
    """The council's last vote finds the model gone, whatever became of the request itself."""
    event = released()
    await house.hear(event)
    request = await house.submit(**named(event))
    await house.decide(request.id, HOUSEHOLD_STEWARD, approval(HOUSEHOLD_ID))
    await house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID))
    for ministry in COUNCIL[:-1]:
        await house.vote(request.id, member(ministry))
    await house.hear(gone(event))
    with pytest.raises(Conflict):
        await house.vote(request.id, member(COUNCIL[-1]))
    assert [each for each in await house.said() if isinstance(each, RequestApproved)] == []


async def test_a_champion_is_told_with_the_request(house: House) -> None:
    event = released()
    await house.hear(event)
    request = await house.submit(**named(event))
    kim = caller("requester", "mohw", "kim")
    async with house.db.reading() as session:
        told = await queries.describe(session, await queries.get_request(session, kim, request.id), kim, RULES)
    assert told.champion is not None
    assert told.champion.model_id == event.model.model_id


async def test_both_withdrawals_at_once_return_a_request_once(house: House) -> None:
    event = released()
    await house.hear(event)
    request = await house.submit(**named(event))
    await house.hear(gone(event), method_gone())
    assert (await house.look(request.id)).status is Status.RETURNED
    assert len([each for each in await house.said() if isinstance(each, RequestReturned)]) == 1
