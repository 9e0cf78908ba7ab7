"""What a hostile method or a curious reader would try to get out of the results."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from services.results.disclosure import Rules, check_figure
from services.results.models import Status
from shared.contracts import Audience, AudienceKind, OutputKind, RowBalance
from shared.ids import new_id
from tests.results.build import artefact, brief, figure, finished, listing, outputs, table
from tests.results.conftest import House

HIDDEN = "resident 990101-1234567 earns 1234"


def smuggled(place: str) -> bytes:
    line = json.loads(listing(1))
    (line if place == "line" else line["reasons"][0])["income__wages"] = HIDDEN
    return (json.dumps(line, ensure_ascii=False) + "\n").encode()


@pytest.mark.parametrize("place", ["line", "reason"])
async def test_a_restricted_list_carries_no_member_but_its_own(house: House, place: str) -> None:
    result = await house.held(
        (
            await artefact(house.storage, OutputKind.TABLE, "by_region", table()),
            await artefact(house.storage, OutputKind.RESTRICTED_LIST, "households", smuggled(place)),
        )
    )
    assert result.status is Status.HELD
    assert result.contents["lists"] == []
    (verdict,) = [each for each in result.verdicts if each["kind"] == "restricted_list"]
    assert not verdict["passed"]


async def test_a_secret_shown_once_is_not_kept_in_plain_for_a_replay(house: House) -> None:
    body = {"url": "http://127.0.0.1:9/dure", "events": ["results.result-released.v1"], "description": "test"}
    headers = house.headers("steward", "nts") | {"Idempotency-Key": "once"}
    first = await house.client.post("/results/subscriptions", json=body, headers=headers)
    assert first.status_code == 201
    table = house.client.app.state.db.tables.idempotency
    async with house.client.app.state.db.reading() as session:
        (kept,) = (await session.execute(select(table))).mappings().all()
    assert first.json()["secret"].removeprefix("whsec_") not in kept["body"]
    again = await house.client.post("/results/subscriptions", json=body, headers=headers)
    assert (again.status_code, again.json(), again.headers["etag"]) == (201, first.json(), first.headers["etag"])
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_ministry_keeps_few_subscriptions(house: House) -> None:
    """Each release is told to each: without a bound one ministry could aim thousands of calls at anybody."""
    body = {"url": "http://127.0.0.1:9/dure", "events": ["results.result-released.v1"], "description": "test"}
    answers = [
        await house.client.post("/results/subscriptions", json=body, headers=house.headers("steward", "nts")) for _ in range(21)
    ]
    assert {answer.status_code for answer in answers[:20]} == {201}
    assert answers[20].status_code == 409
    other = await house.client.post("/results/subscriptions", json=body, headers=house.headers("steward", "mois"))
    assert other.status_code == 201


async def test_a_match_rate_does_not_tell_of_single_rows(house: House) -> None:
    """1999 of 2000 found is one household that was not."""
    audience = Audience(kind=AudienceKind.PUBLIC)
    event = finished(await outputs(house.storage), brief=brief(audience), run_id=new_id(), match_rates={"benefits": 0.9995})
    await house.say(event)
    result = await house.until(Status.HELD, run_id=event.run_id)
    for who, ministry in (("kim", "mois"), ("lee", "moel")):
        assert (await house.vote(result.id, who, ministry=ministry)).status_code == 201
    shown = (await house.get(f"/results/{result.id}")).json()
    assert shown["match_rates"] == {"benefits": 1.0}


async def test_a_balance_of_rows_is_exact_for_who_checks_and_rounded_for_who_reads(house: House) -> None:
    exact = RowBalance(read=2003, dropped={"placeholder-key": 3}, linked=1999, used=1999)
    audience = Audience(kind=AudienceKind.PUBLIC)
    event = finished(await outputs(house.storage), brief=brief(audience), run_id=new_id(), balance={"benefits": exact})
    await house.say(event)
    result = await house.until(Status.HELD, run_id=event.run_id)
    checking = await house.client.get(f"/results/{result.id}", headers=house.headers("output-checker", "mois"))
    assert checking.json()["balance"] == {"benefits": exact.model_dump()}
    for who, ministry in (("kim", "mois"), ("lee", "moel")):
        assert (await house.vote(result.id, who, ministry=ministry)).status_code == 201
    shown = (await house.get(f"/results/{result.id}")).json()
    assert shown["balance"] == {
        "benefits": {"read": 2010, "dropped": {"placeholder-key": 10}, "unreadable": 0, "linked": 2000, "used": 2000}
    }
    for tongue, words in (("ko", "번호 자리의 대체 표기"), ("en", "a placeholder instead of a key")):
        page = (await house.client.get(f"/results/{result.id}/report", headers={"Accept-Language": tongue})).text
        assert words in page
        assert "2,010" in page
        assert "1999" not in page
        assert "2,003" not in page


@pytest.mark.parametrize(
    "how", [{"and": ["sequence(1e9)[0] > 0"]}, {"not": "sequence(1e9)[0] > 0"}, {"or": [{"and": ["data('x')"]}]}]
)
def test_a_function_is_not_allowed_inside_a_composed_condition(how: dict[str, Any]) -> None:
    spec = figure(transform=[{"filter": how}])
    verdict = check_figure(spec, "bars", {"by_region"}, Rules.load())
    assert [finding.code for finding in verdict.findings] == ["function-not-allowed"]


async def test_whoever_wrote_a_revision_of_the_request_checks_none_of_it(house: House) -> None:
    result = await house.held(authors=("requester.mohw", "second.author"))
    answer = await house.vote(result.id, "second.author", ministry="mohw")
    assert (answer.status_code, answer.json().get("right")) == (403, "output-checker who is not the author")
    shown = (await house.get(f"/results/{result.id}", "output-checker", "mois", subject="second.author")).status_code
    assert shown == 404
