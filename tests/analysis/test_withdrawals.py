"""What is withdrawn stays so, in whatever order it arrives and at whatever stop the run is."""

from collections.abc import Awaitable, Callable
from itertools import permutations
from uuid import UUID

import pytest

from services.analysis.consumers import consumers
from services.analysis.models import RunStatus
from shared.contracts import (
    Audience,
    AudienceKind,
    DatasetWithdrawn,
    Event,
    GrantRevoked,
    MinistryJoined,
    MinistryKeyRegistered,
    MinistryKeyRetired,
    MinistryLeft,
    Outcome,
    RequestApproved,
    RequestWithdrawn,
    ResultHeld,
    ResultRecalled,
    ResultReleased,
    ResultWithheld,
)
from shared.ids import new_id
from tests.analysis.centre import Centre
from tests.analysis.examples import CSV, METERS_FILE, SITES_FILE, approved

Hear = Callable[[Centre, RequestApproved], Awaitable[None]]


def request_gone(event: RequestApproved) -> RequestWithdrawn:
    return RequestWithdrawn(request_id=event.brief.request_id, ministry="mohw", reason="Not needed.")


def dataset_gone(event: RequestApproved) -> DatasetWithdrawn:
    return DatasetWithdrawn(dataset_id=event.inputs[1].dataset_id, ministry="motie", reason="Wrong year.")


def grant_gone(event: RequestApproved) -> GrantRevoked:
    given = event.inputs[1]
    return GrantRevoked(
        request_id=event.brief.request_id, dataset_id=given.dataset_id, ministry=given.ministry, reason="A court order."
    )


async def withdraw_method(centre: Centre) -> None:
    answer = await centre.client.post(
        "/analysis/methods/peers/1.0.0/withdraw",
        json={"reason": "Wrong."},
        headers=centre.headers("centre-analyst", "centre"),
    )
    assert answer.status_code == 200


async def hear_request_gone(centre: Centre, event: RequestApproved) -> None:
    await centre.hear(request_gone(event))


async def hear_dataset_gone(centre: Centre, event: RequestApproved) -> None:
    await centre.hear(dataset_gone(event))


async def hear_grant_gone(centre: Centre, event: RequestApproved) -> None:
    await centre.hear(grant_gone(event))


async def hear_method_gone(centre: Centre, event: RequestApproved) -> None:
    await withdraw_method(centre)


async def hear_approved(centre: Centre, event: RequestApproved) -> None:
    await centre.approve(event)


ENDINGS: dict[Hear, tuple[RunStatus, str]] = {
    hear_request_gone: (RunStatus.CANCELLED, "request-withdrawn"),
    hear_dataset_gone: (RunStatus.FAILED, "dataset-withdrawn"),
    hear_grant_gone: (RunStatus.FAILED, "grant-revoked"),
    hear_method_gone: (RunStatus.FAILED, "method-withdrawn"),
}


async def ended(centre: Centre, request_id: UUID) -> tuple[RunStatus, str]:
    run = await centre.row(await centre.run_of(request_id))
    assert run.reason is not None
    assert run.due_at is None
    assert await centre.key_destroyed(request_id)
    return run.status, run.reason["code"]


@pytest.mark.parametrize("gone", ENDINGS)
@pytest.mark.parametrize("order", [0, 1])
async def test_one_withdrawal_before_or_after_the_approval(live_centre: Centre, gone: Hear, order: int) -> None:
    event = approved()
    deeds = [hear_approved, gone] if order else [gone, hear_approved]
    for deed in deeds:
        await deed(live_centre, event)
    assert await ended(live_centre, event.brief.request_id) == ENDINGS[gone]
    (told,) = await live_centre.finished()
    assert (told.outcome.value, told.fence) == (ENDINGS[gone][0].value, 0)


def itself(event: RequestApproved) -> RequestApproved:
    return event


async def in_every_order(centre: Centre, *kinds: Callable[[RequestApproved], Event]) -> list[RequestApproved]:
    """The approvals of one request for each order of these events; all go on side by side."""
    for data in (SITES_FILE, METERS_FILE):
        await centre.storage.put_bytes(data, CSV)
    orders = [(approved(), order) for order in permutations(kinds)]
    for step in range(len(kinds)):
        for event, order in orders:
            await centre.say(order[step](event))
        await centre.client.settle()
    return [event for event, _ in orders]


@pytest.mark.fit
async def test_all_orders(live_centre: Centre) -> None:
    """Approval and withdrawals in every order: always one run, ended once, for a reason that arrived."""
    events = await in_every_order(live_centre, itself, request_gone, dataset_gone, grant_gone)
    finished = await live_centre.finished()
    assert len(events) == len(finished) == 24
    for event in events:
        found = await ended(live_centre, event.brief.request_id)
        assert found in {
            ENDINGS[hear_request_gone],
            ENDINGS[hear_dataset_gone],
            ENDINGS[hear_grant_gone],
        }
        (told,) = [each for each in finished if each.brief.request_id == event.brief.request_id]
        assert (told.outcome.value, told.reason and told.reason.code) == (found[0].value, found[1])


async def test_withdrawals_in_any_order_after_the_method_is_gone(live_centre: Centre) -> None:
    await withdraw_method(live_centre)
    events = await in_every_order(live_centre, itself, request_gone, dataset_gone)
    for event in events:
        assert await ended(live_centre, event.brief.request_id) in set(ENDINGS.values())
    finished = await live_centre.finished()
    assert {each.brief.request_id for each in finished} == {event.brief.request_id for event in events}
    assert all(each.fence == 0 for each in finished)


@pytest.mark.parametrize("gone", ENDINGS)
@pytest.mark.parametrize("stop", [RunStatus.PREPARED, RunStatus.RUNNING])
async def test_at_a_later_stop(live_centre: Centre, gone: Hear, stop: RunStatus) -> None:
    event = approved()
    run_id = await live_centre.prepared(event)
    claim = await live_centre.worker().claim() if stop is RunStatus.RUNNING else None
    await gone(live_centre, event)
    assert await ended(live_centre, event.brief.request_id) == ENDINGS[gone]
    if claim is None:
        assert await live_centre.worker().claim() is None
    else:
        assert (await claim.beat()).json()["cancel"] is True
        assert (await claim.call("GET", "/signals")).json() == {"cancel": True}
        assert (await claim.put()).status_code == 409
        assert (await claim.finish("cancelled")).status_code == 200
        assert (await claim.finish("succeeded")).status_code == 409
    assert len(await live_centre.finished()) == 1
    run = await live_centre.row(run_id)
    assert run.bundle is not None
    await live_centre.until_cleared(run_id)
    assert not await live_centre.storage.exists(run.bundle["files"][0]["sha256"])


async def test_a_withdrawal_of_another_dataset_or_request_changes_nothing(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    await live_centre.hear(dataset_gone(approved()))
    await live_centre.hear(request_gone(approved()))
    assert (await live_centre.row(run_id)).status is RunStatus.PREPARED


async def test_a_revoked_grant_ends_its_own_request_alone(live_centre: Centre) -> None:
    """Another request for the same dataset goes on, and so does one whose other dataset was granted to somebody else."""
    event, other = approved(), approved()
    run_id = await live_centre.prepared(other)
    await live_centre.hear(grant_gone(event))
    assert (await live_centre.row(run_id)).status is RunStatus.PREPARED
    elsewhere = grant_gone(other).model_copy(update={"dataset_id": new_id()})
    await live_centre.hear(elsewhere)
    assert (await live_centre.row(run_id)).status is RunStatus.PREPARED
    await live_centre.hear(grant_gone(other))
    assert (await live_centre.row(run_id)).status is RunStatus.FAILED


@pytest.mark.parametrize("gone", [request_gone, grant_gone])
async def test_a_finished_run_stays_finished(live_centre: Centre, gone: Callable[[RequestApproved], Event]) -> None:
    event = approved()
    run_id = await live_centre.prepared(event)
    claim = await live_centre.worker().claim()
    assert claim is not None
    await claim.succeed()
    assert not await live_centre.key_destroyed(event.brief.request_id)
    await live_centre.hear(dataset_gone(event))
    assert not await live_centre.key_destroyed(event.brief.request_id)
    await live_centre.hear(gone(event))
    assert (await live_centre.row(run_id)).status is RunStatus.SUCCEEDED
    assert await live_centre.key_destroyed(event.brief.request_id)
    assert [each.outcome for each in await live_centre.finished()] == [Outcome.SUCCEEDED]


def released(request_id: UUID) -> ResultReleased:
    audience = Audience(kind=AudienceKind.PUBLIC)
    return ResultReleased(result_id=new_id(), request_id=request_id, title="t", ministry="mohw", audience=audience)


def withheld(request_id: UUID) -> ResultWithheld:
    return ResultWithheld(result_id=new_id(), request_id=request_id, reason="No.")


def recalled(request_id: UUID) -> ResultRecalled:
    audience = Audience(kind=AudienceKind.PUBLIC)
    return ResultRecalled(result_id=new_id(), request_id=request_id, ministry="mohw", audience=audience, reason="Wrong.")


@pytest.mark.parametrize("closing", [released, withheld, recalled])
async def test_the_key_is_destroyed_when_the_request_closes(live_centre: Centre, closing: Callable[[UUID], Event]) -> None:
    event = approved()
    await live_centre.prepared(event)
    claim = await live_centre.worker().claim()
    assert claim is not None
    await claim.succeed()
    assert not await live_centre.key_destroyed(event.brief.request_id)
    await live_centre.hear(closing(event.brief.request_id))
    assert await live_centre.key_destroyed(event.brief.request_id)
    await live_centre.hear(closing(event.brief.request_id))


async def test_the_approval_twice_is_one_run(live_centre: Centre) -> None:
    event = approved()
    first = await live_centre.approve(event)
    await live_centre.until(first, RunStatus.PREPARED)
    assert await live_centre.approve(event) == first
    assert (await live_centre.row(first)).status is RunStatus.PREPARED


async def test_an_approval_for_other_code_fails(live_centre: Centre) -> None:
    event = approved()
    other = event.model_copy(update={"method": event.method.model_copy(update={"digest": "cd" * 32})})
    unknown = approved()
    unknown = unknown.model_copy(update={"method": unknown.method.model_copy(update={"version": "9.0.0"})})
    for each in (other, unknown):
        await live_centre.approve(each)
        assert await ended(live_centre, each.brief.request_id) == (RunStatus.FAILED, "method-not-live")


def test_events_we_do_not_act_on_are_not_ours() -> None:
    assert ResultHeld.type not in consumers
    assert set(consumers) == {
        each.type
        for each in (
            RequestApproved,
            RequestWithdrawn,
            GrantRevoked,
            DatasetWithdrawn,
            ResultReleased,
            ResultWithheld,
            ResultRecalled,
            MinistryJoined,
            MinistryKeyRegistered,
            MinistryLeft,
            MinistryKeyRetired,
        )
    }
