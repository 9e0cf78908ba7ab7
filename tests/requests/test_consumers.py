"""News from other services in every order: the same end."""

from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.requests.consumers import consumers
from services.requests.models import PLUMBING, AnalysisRequest, Base, KnownDataset, KnownMethod, Status
from shared.contracts import (
    Audience,
    AudienceKind,
    Event,
    Outcome,
    Reason,
    RequestBrief,
    ResultHeld,
    ResultRecalled,
    ResultReleased,
    ResultWithheld,
    RunFinished,
    RunQueued,
    RunStarted,
)
from shared.db import Database
from shared.errors import Unprocessable
from shared.ids import new_id
from tests.exploring import examples
from tests.requests.examples import (
    INCOME_ID,
    METHOD,
    RULES,
    dataset_gone,
    household,
    income,
    live,
    make_request,
    method_gone,
    world,
)
from tests.requests.house import House

RUN, RESULT = new_id(), new_id()
MEMBERS = Audience(kind=AudienceKind.MEMBERS)


def finished(request_id: UUID, outcome: Outcome, code: str | None = None) -> RunFinished:
    brief = RequestBrief(
        request_id=request_id,
        title="t",
        purpose="p",
        ministry="mohw",
        requester="kim",
        audience=MEMBERS,
        dataset_ids=(),
        owners=(),
    )
    reason = Reason(code=code, detail="A sentence.") if code else None
    return RunFinished(run_id=RUN, brief=brief, method=METHOD, fence=1, outcome=outcome, reason=reason)


def queued(request_id: UUID) -> list[Event]:
    return [RunQueued(run_id=RUN, request_id=request_id), RunStarted(run_id=RUN, request_id=request_id, fence=1)]


def held(request_id: UUID) -> list[Event]:
    return [*queued(request_id), finished(request_id, Outcome.SUCCEEDED), ResultHeld(result_id=RESULT, request_id=request_id)]


def released(request_id: UUID) -> list[Event]:
    event = ResultReleased(result_id=RESULT, request_id=request_id, title="t", ministry="mohw", audience=MEMBERS)
    return [*held(request_id), event]


def stories(request_id: UUID) -> dict[Status, list[Event]]:
    """What may become of an approved request."""
    recalled = ResultRecalled(result_id=RESULT, request_id=request_id, ministry="mohw", audience=MEMBERS, reason="r")
    return {
        Status.IN_ANALYSIS: queued(request_id),
        Status.OUTPUT_REVIEW: held(request_id),
        Status.FAILED: [*queued(request_id), finished(request_id, Outcome.FAILED, "dataset-withdrawn")],
        Status.WITHHELD: [*held(request_id), ResultWithheld(result_id=RESULT, request_id=request_id, reason="r")],
        Status.RELEASED: released(request_id),
        Status.RECALLED: [*released(request_id), recalled],
    }


def test_everything_that_concerns_a_request_is_listened_to() -> None:
    assert set(consumers) == {
        "catalog.ministry-joined.v1",
        "catalog.ministry-renamed.v1",
        "catalog.ministry-left.v1",
        "catalog.ministry-key-registered.v1",
        "catalog.ministry-key-retired.v1",
        "catalog.dataset-published.v1",
        "catalog.dataset-withdrawn.v1",
        "analysis.method-live.v1",
        "analysis.method-withdrawn.v1",
        "analysis.model-released.v1",
        "analysis.model-withdrawn.v1",
        "analysis.run-queued.v1",
        "analysis.run-started.v1",
        "analysis.run-finished.v1",
        "results.result-held.v1",
        "results.result-released.v1",
        "results.result-withheld.v1",
        "results.result-recalled.v1",
    }


async def add_request(house: House, status: Status = Status.APPROVED) -> AnalysisRequest:
    request = make_request(status)
    async with house.db.transaction() as session:
        session.add(request)
    return request


async def after(house: House, events: list[Event], status: Status = Status.APPROVED) -> AnalysisRequest:
    request = await add_request(house, status)
    story = [event.model_copy(update=about(event, request.id)) for event in events]
    await house.hear(*story)
    return await house.look(request.id)


def about(event: Event, request_id: UUID) -> dict[str, object]:
    if isinstance(event, RunFinished):
        return {"brief": event.brief.model_copy(update={"request_id": request_id})}
    return {"request_id": request_id}


@settings(max_examples=examples(25))
@given(data=st.data(), end=st.sampled_from(list(stories(RUN))))
def test_every_order_ends_the_same(data: st.DataObject, end: Status) -> None:
    events = data.draw(st.permutations(stories(RUN)[end]))
    events += data.draw(st.lists(st.sampled_from(events), max_size=3))
    import asyncio

    async def play() -> None:
        with TemporaryDirectory() as folder:
            db = Database(f"sqlite+aiosqlite:///{Path(folder)}/x.db", Base.metadata, PLUMBING, "requests")
            async with db.engine.begin() as connection:
                await connection.run_sync(Base.metadata.create_all)
            request = await after(House(db), events)
            await db.close()
            assert request.status is end
            assert request.run_id == RUN

    asyncio.run(play())


async def test_all_orders_of_a_released_result(empty_house: House) -> None:
    for order in permutations(released(RUN)):
        request = await after(empty_house, list(order))
        assert (request.status, request.run_id, request.result_id) == (Status.RELEASED, RUN, RESULT)


@pytest.mark.parametrize("end", list(stories(RUN)))
@pytest.mark.parametrize("ended", [Status.WITHDRAWN, Status.REVOKED])
async def test_what_was_taken_back_stays_so(empty_house: House, end: Status, ended: Status) -> None:
    assert (await after(empty_house, stories(RUN)[end], ended)).status is ended


async def test_a_failed_run_says_why(empty_house: House) -> None:
    request = await after(empty_house, [*queued(RUN), finished(RUN, Outcome.FAILED, "dataset-withdrawn")])
    assert (request.reason_code, request.reason) == ("dataset-withdrawn", "A sentence.")
    request = await after(empty_house, [finished(RUN, Outcome.CANCELLED)])
    assert (request.status, request.reason_code) == (Status.FAILED, "cancelled")


async def test_news_of_unknown_requests_are_passed_over(empty_house: House) -> None:
    before = await empty_house.size()
    await empty_house.hear(*released(new_id()))
    assert await empty_house.size() == before


async def test_copies_only_move_up(empty_house: House) -> None:
    await empty_house.hear(income(version=2), sequence=2)
    await empty_house.hear(income(version=1), sequence=1)
    async with empty_house.db.reading() as session:
        known = await session.get_one(KnownDataset, INCOME_ID)
    assert known.live is not None and known.live.version == 2


async def test_a_withdrawal_that_comes_first_stays(empty_house: House) -> None:
    await empty_house.hear(dataset_gone(income()), sequence=2)
    await empty_house.hear(method_gone(), sequence=2)
    await empty_house.hear(*world(), sequence=1)
    await empty_house.hear(income(version=3), live(), sequence=3)
    async with empty_house.db.reading() as session:
        assert (await session.get_one(KnownDataset, INCOME_ID)).live is None
        assert (await session.get_one(KnownMethod, "blind_spots@1.0.0")).live is None
    with pytest.raises(Unprocessable) as refused:
        await empty_house.submit()
    assert {error.code for error in refused.value.errors} == {"withdrawn-dataset", "withdrawn-method"}


async def test_a_withdrawal_does_not_touch_what_is_decided(house: House) -> None:
    approved = await house.approved()
    refused = await house.submit()
    await house.withdraw(refused.id)
    await house.hear(dataset_gone(household()), method_gone())
    assert (await house.look(approved.id)).status is Status.APPROVED
    assert (await house.look(refused.id)).status is Status.WITHDRAWN
    await house.hear(finished(approved.id, Outcome.FAILED, "dataset-withdrawn"))
    assert (await house.look(approved.id)).status is Status.FAILED


async def test_a_withdrawal_heard_twice_returns_once(house: House) -> None:
    request = await house.submit()
    await house.hear(dataset_gone(income()))
    before = await house.size()
    await house.hear(dataset_gone(income()))
    assert await house.size() == before
    assert (await house.look(request.id)).rules_version == RULES.version
