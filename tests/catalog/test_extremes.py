"""What an unlucky user would lose: tables that are too wide for an event, numbers that no column holds, the ends of time."""

from typing import Any

import pytest

from shared.bus import Incoming
from shared.contracts import Envelope
from shared.inbox import row_of
from tests.catalog.conftest import Desk


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
