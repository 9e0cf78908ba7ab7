"""A restricted list is asked for only where somebody can open it: keys of ministries, as far as they were heard of."""

from datetime import timedelta
from itertools import permutations

import pytest

from services.requests import queries
from services.requests.models import Status
from shared.clock import now
from shared.contracts import MinistryKeyRegistered, OutputKind, PublicKey, RequestApproved
from shared.errors import Unprocessable
from tests.requests.examples import (
    KEY_A,
    KIM,
    MEMBERS,
    RULES,
    SECRETARY,
    household,
    income,
    joined,
    live,
    member,
    method_gone,
    public_key,
    registered,
    retired,
)
from tests.requests.house import COUNCIL, House

KEY_B, KEY_C = public_key("B"), public_key("C")
DAY = timedelta(days=1)


@pytest.fixture
async def keyless(empty_house: House) -> House:
    """Everything is known but a key."""
    await empty_house.hear(*(joined(code) for code in MEMBERS), household(), income(), live())
    return empty_house


async def refused(house: House) -> dict[str, tuple[str, str]]:
    """Pointer -> code and sentence of what a submission is refused for."""
    before = await house.size()
    with pytest.raises(Unprocessable) as problem:
        await house.submit()
    assert await house.size() == before
    return {error.pointer: (error.code, error.detail) for error in problem.value.errors}


async def sealed_to(house: House) -> str | None:
    """What a new request of the ministry says."""
    request = await house.submit()
    return await shown(house, request.id)


async def shown(house: House, request_id: object) -> str | None:
    async with house.db.reading() as session:
        request = await queries.get_request(session, KIM, request_id)  # type: ignore[arg-type]
        return (await queries.describe(session, request, KIM, RULES)).sealed_to


async def test_without_a_key_it_is_refused_and_says_who_registers_one(keyless: House) -> None:
    code, sentence = (await refused(keyless))["#/method"]
    assert code == "no-sealing-key"
    assert "A steward of mohw" in sentence and "POST /catalog/ministries/mohw/keys" in sentence
    await keyless.hear(registered())
    assert await sealed_to(keyless) == KEY_A.kid


async def test_it_is_told_beside_every_other_fault(keyless: House) -> None:
    with pytest.raises(Unprocessable) as problem:
        await keyless.submit(parameters={})
    found = {(error.pointer, error.code) for error in problem.value.errors}
    assert found == {("#/parameters/test_year", "missing-parameter"), ("#/method", "no-sealing-key")}


async def test_the_key_of_another_ministry_does_not_help(keyless: House) -> None:
    await keyless.hear(registered(ministry="nts"))
    assert "#/method" in await refused(keyless)


@pytest.mark.parametrize(
    "useless",
    [
        registered(begins=now() + DAY),
        registered(begins=now() - 2 * DAY, ends=now() - DAY),
        registered().model_copy(update={"kid": KEY_B.kid}),
    ],
    ids=["not yet valid", "no longer valid", "under a name that is not its own"],
)
async def test_a_key_that_nothing_may_be_sealed_to_is_none(keyless: House, useless: MinistryKeyRegistered) -> None:
    await keyless.hear(useless)
    assert "#/method" in await refused(keyless)


async def test_a_retired_key_is_none_in_whatever_order_it_is_heard(keyless: House) -> None:
    for key, order in zip((KEY_A, KEY_B), permutations((0, 1)), strict=True):
        news = registered(key), retired(key)
        await keyless.hear(*(news[at] for at in order), *news)
        assert "#/method" in await refused(keyless)


async def test_the_newest_valid_key_is_shown(keyless: House) -> None:
    await keyless.hear(registered(KEY_A), registered(KEY_B), registered(KEY_C, begins=now() + DAY))
    assert await sealed_to(keyless) == KEY_B.kid
    await keyless.hear(retired(KEY_B))
    assert await sealed_to(keyless) == KEY_A.kid


async def test_a_method_that_lists_nobody_needs_no_key(keyless: House) -> None:
    await keyless.hear(live(OutputKind.TABLE, OutputKind.MODEL))
    assert await sealed_to(keyless) is None
    request = await keyless.approved()
    assert (await approval(keyless)).sealing_key is None
    assert (await keyless.look(request.id)).status is Status.APPROVED


async def test_a_request_returned_needs_a_key_again(house: House) -> None:
    request = await house.submit()
    await house.send_back(request.id, SECRETARY)
    await house.hear(retired())
    with pytest.raises(Unprocessable) as problem:
        await house.resubmit(request.id)
    assert [(error.pointer, error.code) for error in problem.value.errors] == [("#/method", "no-sealing-key")]
    assert (await house.look(request.id)).revision == 1
    await house.hear(registered(KEY_B))
    assert (await house.resubmit(request.id)).revision == 2
    assert await shown(house, request.id) == KEY_B.kid


async def approval(house: House) -> RequestApproved:
    event = (await house.said())[-1]
    assert isinstance(event, RequestApproved)
    return event


async def test_the_approval_carries_the_newest_key(house: House) -> None:
    request = await house.in_council()
    await house.hear(registered(KEY_B))
    for ministry in COUNCIL:
        await house.vote(request.id, member(ministry))
    assert (await approval(house)).sealing_key == KEY_B
    assert await shown(house, request.id) == KEY_B.kid


async def test_a_retirement_before_the_approval_stops_nothing(house: House) -> None:
    """The figures are of use without the list; the request says that it would be sealed to nobody."""
    request = await house.in_council()
    await house.hear(retired())
    for ministry in COUNCIL:
        await house.vote(request.id, member(ministry))
    found: PublicKey | None = (await approval(house)).sealing_key
    assert found is None
    assert await shown(house, request.id) is None


async def test_once_it_is_refused_or_withdrawn_nothing_would_be_sealed(house: House) -> None:
    request = await house.submit()
    await house.withdraw(request.id)
    assert await shown(house, request.id) is None
    other = await house.submit()
    await house.hear(method_gone())
    assert await shown(house, other.id) is None
