"""Every status says why it waits and who must act, or that it waits for nobody."""

from datetime import date, timedelta

import pytest

from services.requests.models import TRANSITIONS, Status
from services.requests.panel import count_votes
from services.requests.waiting import Waiting, why_waiting
from shared.ids import new_id
from tests.requests.examples import INCOME_ID, MEMBERS, RULES, make_request

TODAY = date(2026, 11, 23)


def why(status: Status, **more: object) -> Waiting | None:
    request = make_request(status, **more)  # type: ignore[arg-type]  # a test's shorthand
    tally = count_votes(request.current_votes, recused=request.recused, quorum=RULES.quorum.value)
    return why_waiting(request, tally.missing, TODAY, MEMBERS)


@pytest.mark.parametrize("status", Status)
def test_every_status_that_can_move_waits_for_somebody(status: Status) -> None:
    found = why(status)
    if found is None:
        assert status is Status.RELEASED or not TRANSITIONS[status]
    else:
        assert found.ko and found.en and found.who


def test_owners_are_named_until_they_have_decided() -> None:
    both, one = why(Status.OWNER_REVIEW), why(Status.OWNER_REVIEW, decided=(INCOME_ID,))
    assert both and [who.ministry for who in both.who] == ["molit", "nts"]
    assert one and [who.ministry for who in one.who] == ["molit"] and "1 dataset " in one.en


def test_the_council_is_told_how_many_votes_are_missing() -> None:
    found = why(Status.COUNCIL_REVIEW, voted={"moel": "approve", "nts": "approve"})
    assert found and found.code == "council-votes" and "2 more votes" in found.en
    assert set(found.who[0].except_ministries) == {"moel", "nts", "molit", "mohw"}
    tied = why(Status.COUNCIL_REVIEW, voted={"moel": "approve", "moe": "approve", "msit": "reject", "motie": "reject"})
    assert tied and tied.code == "council-tied"


def test_a_run_that_is_queued_waits_for_a_worker() -> None:
    assert (found := why(Status.APPROVED)) and found.code == "run-not-queued"
    assert (found := why(Status.APPROVED, run_id=new_id())) and found.code == "run-queued"


def test_overdue_is_shown() -> None:
    assert (late := why(Status.OWNER_REVIEW, decide_by=TODAY - timedelta(days=1))) and late.overdue
    assert (last := why(Status.OWNER_REVIEW, decide_by=TODAY)) and not last.overdue
