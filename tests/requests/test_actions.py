"""The deeds on a real database: rows, history, audit and events of every step."""

import pytest

from services.requests.models import Status
from shared.auth import Principal
from shared.contracts import RequestApproved, RequestRefused, RequestReturned, RequestSubmitted
from shared.errors import Conflict, Forbidden, NotFound, PreconditionFailed, Problem, Unprocessable
from tests.requests.examples import (
    HOUSEHOLD_ID,
    HOUSEHOLD_STEWARD,
    INCOME_ID,
    INCOME_STEWARD,
    RULES,
    SECRETARY,
    approval,
    caller,
    dataset_gone,
    household,
    income,
    live,
    member,
    method_gone,
    refusal,
)
from tests.requests.house import COUNCIL, House, types


def codes(problem: Problem) -> dict[str, str]:
    return {error.pointer: error.code for error in problem.errors}


async def test_the_walk_to_approval(house: House) -> None:
    request = await house.approved(conditions=["Only 2026."], columns=["taxpayer_no", "wages"])
    assert (await house.look(request.id)).status is Status.APPROVED
    submitted, approved = await house.said()
    assert isinstance(submitted, RequestSubmitted) and submitted.brief.owners == ("molit", "nts")
    assert isinstance(approved, RequestApproved)
    assert approved.brief.dataset_ids == (HOUSEHOLD_ID, INCOME_ID) and approved.rules_version == RULES.version
    assert approved.parameters == {"test_year": 2014, "capacity": 0.05, "split": {"seed": 7}}
    inputs = {one.role: one for one in approved.inputs}
    assert inputs["income"].columns == {"person_no": "taxpayer_no", "wages": "wages"}
    assert inputs["income"].conditions == ("Only 2026.",)
    assert inputs["income"].object == income().object
    assert [one.name for one in inputs["income"].table] == ["taxpayer_no", "wages"]
    assert inputs["household"].columns == {"person_no": "person_no", "household_size": "household_size", "region": "region"}


async def test_history_and_audit_hold_every_step(house: House) -> None:
    request = await house.approved()
    entries = await house.history(request.id)
    assert [(entry.deed, entry.actor, entry.to_status.value) for entry in entries] == [
        ("submit-request", "kim", "owner_review"),
        ("decide-dataset", "park", "owner_review"),
        ("decide-dataset", "lee", "owner_review"),
        ("open-council-review", "/requests", "council_review"),
        *(("cast-vote", f"council-member.{ministry}", "council_review") for ministry in COUNCIL),
        ("approve-request", "/requests", "approved"),
    ]
    assert [entry.seq for entry in entries] == list(range(1, 9))
    assert entries[0].from_status is None and all(entry.from_status for entry in entries[1:])
    assert entries[1].reason == "Covered by the Act." and entries[1].ministry == "molit"
    assert await house.deeds() == [f"requests.{entry.deed}" for entry in entries]
    assert (await house.look(request.id)).version == 1 + len(entries)


async def test_the_bytes_approved_are_those_the_owner_decided_on(house: House) -> None:
    request = await house.submit()
    await house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID))
    await house.hear(income(version=2), household(version=2))
    await house.decide(request.id, HOUSEHOLD_STEWARD, approval(HOUSEHOLD_ID))
    for ministry in COUNCIL:
        await house.vote(request.id, member(ministry))
    approved = (await house.said())[-1]
    assert isinstance(approved, RequestApproved)
    assert {one.role: one.dataset_version for one in approved.inputs} == {"income": 1, "household": 2}
    assert {one.role: one.object.sha256 for one in approved.inputs} == {"income": f"{1:064x}", "household": f"{2:064x}"}


async def test_a_dataset_that_lost_a_column_is_not_decided_on(house: House) -> None:
    request = await house.submit()
    await house.hear(income(version=2, table=tuple(one for one in income().table if one.name != "wages")))
    with pytest.raises(Conflict, match="changed since"):
        await house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID))
    with pytest.raises(Conflict, match="changed since"):
        await house.decide(request.id, INCOME_STEWARD, refusal(INCOME_ID))
    await house.send_back(request.id, INCOME_STEWARD)


async def test_a_parameter_names_a_column_that_is_asked_for_and_leaves(house: House) -> None:
    naming = {"type": "object", "properties": {"measure": {"type": "string", "x-column-of": "income"}}}
    known = live()
    await house.hear(known.model_copy(update={"card": known.card.model_copy(update={"parameters": naming})}))
    for measure in ("income__wages", "earners"):
        with pytest.raises(Unprocessable) as refused:
            await house.submit(parameters={"measure": measure})
        assert codes(refused.value) == {"#/parameters/measure": "unfit-column"}
    request = await house.submit(parameters={"measure": "interest"})
    with pytest.raises(Unprocessable) as refused:
        await house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID, columns=["taxpayer_no", "wages"]))
    assert codes(refused.value) == {"#/columns": "named-columns"}
    await house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID, columns=["taxpayer_no", "wages", "interest"]))


async def test_an_owner_refuses(house: House) -> None:
    request = await house.submit()
    refused = await house.decide(request.id, INCOME_STEWARD, refusal(INCOME_ID))
    assert (refused.status, refused.reason_code) == (Status.REFUSED, "other-statute")
    event = (await house.said())[-1]
    assert isinstance(event, RequestRefused) and event.reason.code == "other-statute"
    with pytest.raises(Conflict):
        await house.decide(request.id, HOUSEHOLD_STEWARD, approval(HOUSEHOLD_ID))


async def test_the_council_rejects(house: House) -> None:
    request = await house.in_council()
    for ministry, side in zip(COUNCIL, ("reject", "approve", "reject"), strict=True):
        request = await house.vote(request.id, member(ministry), side)
    assert (request.status, request.reason_code) == (Status.REFUSED, "council-rejected")
    assert types(await house.said()) == ["RequestSubmitted", "RequestRefused"]


async def test_two_votes_decide_nothing_and_a_tie_waits(house: House) -> None:
    request = await house.in_council()
    for ministry, side in (("moel", "approve"), ("moe", "approve")):
        assert (await house.vote(request.id, member(ministry), side)).status is Status.COUNCIL_REVIEW
    tied = await house.in_council()
    for ministry, side in (("moel", "approve"), ("moe", "reject")):
        await house.vote(tied.id, member(ministry), side)
    assert (await house.look(tied.id)).status is Status.COUNCIL_REVIEW
    assert (await house.vote(tied.id, member("msit"), "reject")).status is Status.REFUSED


@pytest.mark.parametrize("who", [INCOME_STEWARD, SECRETARY])
async def test_return_and_resubmit_begin_again(house: House, who: Principal) -> None:
    request = await house.submit()
    await house.decide(request.id, HOUSEHOLD_STEWARD, approval(HOUSEHOLD_ID))
    returned = await house.send_back(request.id, who)
    assert (returned.status, returned.reason, returned.decide_by) == (Status.RETURNED, "Because.", None)
    again = await house.resubmit(request.id, title="Better")
    assert (again.status, again.revision, again.title, again.reason) == (Status.OWNER_REVIEW, 2, "Better", None)
    assert set(again.undecided) == {HOUSEHOLD_ID, INCOME_ID} and len(again.decisions) == 1
    await house.owners_approve(request.id)
    event = (await house.said())[-1]
    assert isinstance(event, RequestSubmitted) and event.revision == 2
    assert (await house.look(request.id)).status is Status.COUNCIL_REVIEW


async def test_votes_of_an_earlier_revision_do_not_count(house: House) -> None:
    request = await house.in_council()
    for ministry in COUNCIL[:2]:
        await house.vote(request.id, member(ministry))
    await house.send_back(request.id, member("motie"))
    await house.resubmit(request.id)
    await house.owners_approve(request.id)
    assert (await house.vote(request.id, member(COUNCIL[2]))).status is Status.COUNCIL_REVIEW
    for ministry in COUNCIL[:2]:
        request = await house.vote(request.id, member(ministry))
    assert request.status is Status.APPROVED and len(request.votes) == 5


async def test_a_colleague_who_resubmits_becomes_an_author(house: House) -> None:
    request = await house.submit()
    await house.send_back(request.id, SECRETARY)
    await house.resubmit(request.id, caller("requester", "mohw", "choi"))
    with pytest.raises(Forbidden, match="own request"):
        await house.decide(request.id, caller("steward", "nts", "choi"), approval(INCOME_ID))


async def test_withdraw_at_every_stage(house: House) -> None:
    for request in (await house.submit(), await house.in_council(), await house.approved()):
        assert (await house.withdraw(request.id)).status is Status.WITHDRAWN
        assert types(await house.said())[-1] == "RequestWithdrawn"
        with pytest.raises(Conflict):
            await house.withdraw(request.id)


async def test_if_match_is_checked_before_anything_changes(house: House) -> None:
    request = await house.submit()
    before = await house.size()
    with pytest.raises(PreconditionFailed):
        await house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID), expected=request.version - 1)
    with pytest.raises(PreconditionFailed):
        await house.send_back(request.id, INCOME_STEWARD, expected=99)
    assert await house.size() == before
    await house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID), expected=request.version)


async def test_everything_wrong_with_a_submission_is_reported_and_nothing_is_kept(house: House) -> None:
    before = await house.size()
    with pytest.raises(Unprocessable) as refused:
        await house.submit(
            parameters={"test_year": "2014"},
            inputs={"income": {"dataset_id": str(HOUSEHOLD_ID)}},
            audience={"kind": "ministries", "ministries": ["mohw", "atlantis"]},
        )
    assert codes(refused.value) == {
        "#/audience/ministries/1": "unknown-ministry",
        "#/inputs/household": "missing-input",
        "#/inputs/income/columns/wages": "missing-column",
        "#/parameters/test_year": "parameter-type",
    }
    assert await house.size() == before


@pytest.mark.parametrize(
    ("method", "pointer", "code"),
    [
        ({"name": "no_such", "version": "1.0.0"}, "#/method/name", "unknown-method"),
        ({"name": "blind_spots", "version": "9.0.0"}, "#/method/version", "unknown-version"),
        ({"name": "blind", "version": "1.0.0"}, "#/method/name", "unknown-method"),
        ({"name": "blind%spots", "version": "1.0.0"}, None, None),
    ],
)
async def test_unknown_methods(house: House, method: dict[str, str], pointer: str | None, code: str | None) -> None:
    if pointer is None:
        with pytest.raises(ValueError):
            await house.submit(method=method)
        return
    with pytest.raises(Unprocessable) as refused:
        await house.submit(method=method)
    assert codes(refused.value) == {pointer: code}


async def test_who_may_not(house: House) -> None:
    with pytest.raises(Forbidden):
        await house.submit(INCOME_STEWARD)
    request = await house.submit()
    before = await house.size()
    for stranger in (caller("steward", "moe"), caller("requester", "moe"), caller("ops", "mohw")):
        with pytest.raises(NotFound):
            await house.withdraw(request.id, stranger)
    with pytest.raises(Forbidden, match="owns the dataset"):
        await house.decide(request.id, HOUSEHOLD_STEWARD, approval(INCOME_ID))
    with pytest.raises(Forbidden, match="Only members"):
        await house.vote(request.id, SECRETARY)
    with pytest.raises(Forbidden, match="recused"):
        await house.vote(request.id, member("nts"))
    with pytest.raises(Conflict):
        await house.vote(request.id, member("moe"))
    assert await house.size() == before


async def test_a_second_decision_and_a_second_vote(house: House) -> None:
    request = await house.submit()
    await house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID))
    with pytest.raises(Conflict, match="already"):
        await house.decide(request.id, caller("steward", "nts", "other"), refusal(INCOME_ID))
    await house.decide(request.id, HOUSEHOLD_STEWARD, approval(HOUSEHOLD_ID))
    with pytest.raises(Conflict):
        await house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID))
    await house.vote(request.id, member("moe"))
    with pytest.raises(Conflict, match="voted already"):
        await house.vote(request.id, member("moe"), "reject")
    assert len((await house.look(request.id)).current_votes) == 1


async def test_nobody_approves_what_they_asked_for(house: House) -> None:
    both = caller("requester,steward,council-member", "nts", "both")
    request = await house.submit(both)
    with pytest.raises(Forbidden, match="own request"):
        await house.decide(request.id, both, approval(INCOME_ID))
    await house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID))


async def test_a_dataset_that_nobody_asked_for_is_not_decided_on(house: House) -> None:
    request = await house.submit()
    with pytest.raises(Unprocessable) as refused:
        await house.decide(request.id, INCOME_STEWARD, approval(KIM_ID))
    assert codes(refused.value) == {"#/dataset_id": "not-in-request"}
    with pytest.raises(Unprocessable) as refused:
        await house.decide(request.id, INCOME_STEWARD, approval(INCOME_ID, columns=["taxpayer_no"]))
    assert codes(refused.value) == {"#/columns": "required-columns"}
    assert (await house.look(request.id)).decisions == []


KIM_ID = HOUSEHOLD_ID.__class__(int=5)


@pytest.mark.parametrize("gone", [dataset_gone(income()), method_gone()])
async def test_a_withdrawal_returns_what_is_in_review(house: House, gone: object) -> None:
    waiting, council, returned = await house.submit(), await house.in_council(), await house.submit()
    await house.send_back(returned.id, SECRETARY)
    await house.hear(gone)  # type: ignore[arg-type]  # one of two events
    for request in (waiting, council):
        found = await house.look(request.id)
        assert found.status is Status.RETURNED and found.reason_code in ("dataset-withdrawn", "method-withdrawn")
        assert (await house.history(request.id))[-1].actor in ("/catalog", "/analysis")
        with pytest.raises(Unprocessable) as refused:
            await house.resubmit(request.id)
        assert set(codes(refused.value).values()) <= {"withdrawn-dataset", "withdrawn-method"}
    events = [event for event in await house.said() if isinstance(event, RequestReturned)]
    assert [event.request_id for event in events] == [returned.id, waiting.id, council.id]
    with pytest.raises(Conflict):
        await house.vote(council.id, member("moe"))
    assert (await house.withdraw(waiting.id)).status is Status.WITHDRAWN


async def test_a_withdrawn_dataset_is_replaced(house: House) -> None:
    request = await house.submit()
    await house.hear(dataset_gone(income()))
    other = income().model_copy(update={"dataset_id": KIM_ID, "ministry": "moel"})
    await house.hear(other)
    inputs = {"household": {"dataset_id": str(HOUSEHOLD_ID)}, "income": {"dataset_id": str(KIM_ID)}}
    again = await house.resubmit(request.id, inputs=inputs)
    assert again.owners == ["moel", "molit"]
    with pytest.raises(Forbidden):
        await house.decide(request.id, INCOME_STEWARD, approval(KIM_ID))


async def test_nothing_is_approved_on_what_was_withdrawn(house: House) -> None:
    """Even if the request itself were not returned in time."""
    from services.requests.models import KnownDataset, KnownMethod

    for model, name in ((KnownDataset, INCOME_ID), (KnownMethod, "blind_spots@1.0.0")):
        request = await house.in_council()
        for ministry in COUNCIL[:2]:
            await house.vote(request.id, member(ministry))
        async with house.db.transaction() as session:
            (await session.get_one(model, name)).withdrawn = True
        with pytest.raises(Conflict, match="withdrawn"):
            await house.vote(request.id, member(COUNCIL[2]))
        assert (await house.look(request.id)).status is Status.COUNCIL_REVIEW
        async with house.db.transaction() as session:
            (await session.get_one(model, name)).withdrawn = False
