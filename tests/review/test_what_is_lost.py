"""What an unlucky user would lose: events that are too large, numbers that no column holds, words of a worker."""

from typing import Any

import pytest

from shared.bus import Incoming
from shared.contracts import Envelope
from shared.inbox import row_of
from tests.analysis.centre import Centre
from tests.catalog.conftest import Desk

PSEUDONYM = "4f" * 32


def wide(columns: int) -> list[dict[str, Any]]:
    title = {"ko": "가" * 200, "en": "a" * 200}
    key = {"name": "person_no", "type": "string", "role": "key", "key_domain": "person", "nullable": False}
    return [key] + [{"name": f"c{n}", "type": "number", "role": "measure", "title": title} for n in range(columns)]


async def test_a_wide_dataset_arrives_at_those_who_listen(desk: Desk, heard: list[Envelope]) -> None:
    dataset = await desk.register(table=wide(1700))
    names = ",".join(["person_no", *(f"c{n}" for n in range(1700))])
    put = await desk.put(dataset["id"], f"{names}\nP1{',1' * 1700}\n".encode())
    assert put.status_code == 202, put.text
    assert (await desk.checked(dataset["id"]))["state"] == "passed"
    await desk.client.settle()
    (envelope,) = [each for each in heard if each.type == "catalog.dataset-published.v1"]
    assert row_of(Incoming(envelope.model_dump_json().encode()))["state"] == "new"


@pytest.mark.parametrize("number", [2**31, 2**63, 10**30])
async def test_a_number_that_no_column_holds_is_no_crash(desk: Desk, number: int) -> None:
    dataset = await desk.register()
    answer = await desk.get(f"/catalog/datasets/{dataset['id']}/checks/{number}")
    assert answer.status_code in (404, 422), answer.text


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_time_at_the_end_of_the_calendar_is_no_crash(desk: Desk, since: str) -> None:
    answer = await desk.client.post("/catalog/ops/outbox/republish", json={"since": since}, headers=desk.as_("ops"))
    assert answer.status_code < 500, answer.text


async def test_what_a_worker_says_of_a_failure_carries_no_cell(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim
    said = f"Row {PSEUDONYM}: wages 51,234,000 and 990101-1234567, years 2012 and 2013."
    assert (await claim.beat(message=said)).status_code == 200
    assert (await live_centre.row(run_id)).message == "Row …: wages … and …, years 2012 and 2013."
    assert (await claim.finish("failed", reason={"code": "method-refused-input", "detail": said})).status_code == 200
    (event,) = await live_centre.finished()
    assert event.reason is not None
    assert event.reason.detail.startswith("Row …: wages … and …, years 2012 and 2013. ")


async def test_a_worker_cannot_speak_in_the_name_of_an_owner(live_centre: Centre) -> None:
    await live_centre.prepared()
    claim = await live_centre.worker().claim()
    assert claim
    reason = {"code": "dataset-withdrawn", "detail": "The owner of a dataset took it back."}
    answer = await claim.finish("failed", reason=reason)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/reason/code"
