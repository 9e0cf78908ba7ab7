"""An alarm of a run holds its result until a person has answered it: who may, what follows, and what is kept of it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.results.models import Result, Status
from shared.contracts import Alarm, OutputKind
from shared.ids import new_id
from tests.results.build import AUTHOR, artefact, brief, finished, table
from tests.results.conftest import APPROVE, House

LEAK = Alarm(code="feature-leaks-label", detail="It alone tells the label apart.", feature="income.claims")
GOOD = Alarm(code="model-too-good", detail="The model ranks almost perfectly <b>.")
EXPLAINED = {"verdict": "explained", "reason": "The claims are filed before the label is known."}
UPHELD = {"verdict": "upheld", "reason": "The claims are filed when the benefit is paid."}


@pytest.fixture
def alarmed(house: House) -> Callable[..., Any]:
    """`await alarmed(LEAK, GOOD)`: a held result of a run that raised these."""

    async def held(*alarms: Alarm, fence: int = 1, run_id: Any = None, **of_brief: Any) -> Result:
        outputs = (await artefact(house.storage, OutputKind.TABLE, "by_region", table()),)
        event = finished(outputs, alarms=alarms, fence=fence, run_id=run_id, brief=brief(**of_brief))
        await house.finish(event)
        await house.client.settle()
        return await house.until(Status.HELD, run_id=event.run_id, run_fence=fence)

    return held


async def answer(
    house: House, result: Result, body: dict[str, Any] = EXPLAINED, *, number: Any = 1, who: str = "yoon", **more: Any
) -> httpx.Response:
    headers = house.headers(more.pop("role", "centre-analyst"), more.pop("ministry", "mois"), subject=who)
    path = f"/results/{more.pop('result_id', result.id)}/alarms/{number}/answers"
    response: httpx.Response = await house.client.post(path, json=body, headers=headers | more.pop("headers", {}))
    return response


async def shown(house: House, result: Result, role: str = "output-checker", ministry: str = "moel", who: str = "lee") -> Any:
    response = await house.get(f"/results/{result.id}", role, ministry, subject=who)
    assert response.status_code == 200, response.text
    return response.json()


async def test_nobody_votes_before_it_is_answered(house: House, alarmed: Callable[..., Any]) -> None:
    result = await alarmed(LEAK)
    seen = await shown(house, result)
    assert seen["actions"] == ["read", "answer-alarm"]
    assert (seen["waiting"]["code"], seen["waiting"]["who"]) == ("alarms-answered", ["output-checker", "centre-analyst"])
    assert seen["alarms"] == [{"number": 1, **LEAK.model_dump(), "answer": None}]
    refused = await house.vote(result.id, "lee")
    assert refused.status_code == 409
    assert "Alarm 1 (feature-leaks-label of income.claims)" in refused.json()["detail"]
    assert refused.json()["alarm"] == 1
    assert (await shown(house, result))["votes"]["cast"] == 0
    assert (await house.audit("results.vote"))[0]["outcome"] == "refused"
    own = await shown(house, result, "requester", "mohw", AUTHOR)
    assert (own["waiting"]["code"], own["actions"], len(own["alarms"])) == ("alarms-answered", [], 1)
    items = (await house.get("/results", "centre-analyst", "mois")).json()["items"]
    assert [(item["actions"], item["waiting"]["code"]) for item in items] == [(["read", "answer-alarm"], "alarms-answered")]


async def test_explained_it_goes_on_to_the_output_check(house: House, alarmed: Callable[..., Any]) -> None:
    result = await alarmed(LEAK)
    told = await answer(house, result)
    assert told.status_code == 201
    assert told.headers["etag"] == f'"{told.json()["version"]}"'
    (alarm,) = told.json()["alarms"]
    kept = {name: alarm["answer"][name] for name in ("verdict", "reason", "role", "ministry", "answered_by")}
    assert kept == EXPLAINED | {"role": "centre-analyst", "ministry": "mois", "answered_by": "yoon"}
    assert told.json()["waiting"]["code"] == "outputs-checked"
    (row,) = await house.audit("results.answer-alarm")
    assert (row["actor"], row["outcome"]) == ("yoon", "done")
    assert json.loads(row["detail"]) == EXPLAINED | {"alarm": 1, "code": LEAK.code}
    for who in ("kim", "lee"):
        assert (await house.vote(result.id, who)).status_code == 201
    assert (await house.result(id=result.id)).status is Status.RELEASED
    reader = await shown(house, result, "steward", "nts", "park")
    assert reader["waiting"] is None
    assert reader["alarms"][0]["answer"] | {"at": ""} == kept | {"answered_by": None, "at": ""}


async def test_whoever_answers_as_a_checker_may_vote(house: House, alarmed: Callable[..., Any]) -> None:
    result = await alarmed(LEAK)
    told = await answer(house, result, who="kim", role="output-checker")
    assert told.json()["alarms"][0]["answer"]["role"] == "output-checker"
    assert "vote" in told.json()["actions"]
    assert (await house.vote(result.id, "kim")).status_code == 201


async def test_upheld_it_does_not_leave(house: House, alarmed: Callable[..., Any]) -> None:
    result = await alarmed(LEAK, GOOD)
    told = await answer(house, result, UPHELD)
    assert (told.status_code, told.json()["status"]) == (201, "withheld")
    assert told.json()["reason"] == f"An alarm was upheld (feature-leaks-label): {UPHELD['reason']}"
    (event,) = await house.said("results.result-withheld.v1")
    assert event.data["reason"] == told.json()["reason"]
    (row,) = await house.audit("results.withhold-result")
    assert json.loads(row["detail"])["alarm"] == 1
    assert (await house.vote(result.id, "kim")).status_code == 409
    assert (await answer(house, result, number=2)).status_code == 409
    own = await shown(house, result, "requester", "mohw", AUTHOR)
    assert [alarm["answer"] and alarm["answer"]["verdict"] for alarm in own["alarms"]] == ["upheld", None]
    assert own["waiting"] is None


async def test_each_alarm_is_answered(house: House, alarmed: Callable[..., Any]) -> None:
    result = await alarmed(LEAK, GOOD)
    first = (await answer(house, result, number=2)).json()
    assert "1 alarm (feature-leaks-label)" in first["waiting"]["en"]
    assert "Alarm 1" in (await house.vote(result.id, "kim")).json()["detail"]
    assert (await answer(house, result)).json()["waiting"]["code"] == "outputs-checked"
    assert (await house.vote(result.id, "kim")).status_code == 201


async def test_a_result_without_alarms_is_as_before(house: House, alarmed: Callable[..., Any]) -> None:
    result = await alarmed()
    seen = await shown(house, result)
    assert (seen["alarms"], seen["actions"], seen["waiting"]["code"]) == ([], ["read", "vote"], "outputs-checked")
    assert (await house.get(f"/results/{result.id}", "centre-analyst", "mois")).status_code == 404
    assert (await answer(house, result)).status_code == 404
    assert (await answer(house, result, role="output-checker", who="kim")).status_code == 404
    assert (await house.vote(result.id, "kim")).status_code == 201


async def test_only_checkers_and_analysts_answer_and_no_author(house: House, alarmed: Callable[..., Any]) -> None:
    result = await alarmed(LEAK, authors=("colleague",))
    cases = (
        ("requester", "mohw", AUTHOR, 403),
        ("steward", "nts", "park", 404),
        ("auditor", "bai", "bai", 403),
        ("ops", "mois", "ops", 404),
        ("worker", "mois", "worker", 404),
        ("council-secretary", "mois", "han", 404),
        ("output-checker", "mohw", AUTHOR, 403),
        ("centre-analyst", "mohw", "colleague", 403),
        ("centre-analyst", "mois", "colleague", 404),
    )
    for role, ministry, who, status in cases:
        refused = await answer(house, result, who=who, role=role, ministry=ministry)
        assert refused.status_code == status, (role, ministry, refused.text)
    path = f"/results/{result.id}/alarms/1/answers"
    assert (await house.client.post(path, json=EXPLAINED)).status_code == 401
    assert (await shown(house, result))["alarms"][0]["answer"] is None
    assert "own request" in (await answer(house, result, who="colleague", ministry="mohw")).json()["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"reason": "A sentence."}, "#/verdict"),
        ({"verdict": "explained"}, "#/reason"),
        (EXPLAINED | {"verdict": "ignored"}, "#/verdict"),
        (EXPLAINED | {"reason": "    no    "}, "#/reason"),
        (EXPLAINED | {"reason": "a\u0007bcdef"}, "#/reason"),
        (EXPLAINED | {"reason": "x" * 2001}, "#/reason"),
        (EXPLAINED | {"reason": ["because"]}, "#/reason"),
        (EXPLAINED | {"by": "somebody else"}, "#/by"),
    ],
)
async def test_a_bad_answer_names_the_field(
    house: House, alarmed: Callable[..., Any], body: dict[str, Any], pointer: str
) -> None:
    result = await alarmed(LEAK)
    refused = await answer(house, result, body)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    assert (await shown(house, result))["alarms"][0]["answer"] is None


async def test_an_alarm_that_is_not_there(house: House, alarmed: Callable[..., Any]) -> None:
    result = await alarmed(LEAK)
    for number, status in ((2, 404), (50, 404), (0, 422), (51, 422), (-1, 422), ("one", 422), (10**30, 422)):
        assert (await answer(house, result, number=number)).status_code == status, number
    assert (await answer(house, result, result_id=new_id())).status_code == 404
    assert (await answer(house, result, result_id="none")).status_code == 422


async def test_an_answer_stands(house: House, alarmed: Callable[..., Any]) -> None:
    result = await alarmed(LEAK)
    assert (await answer(house, result)).status_code == 201
    again = await answer(house, result, UPHELD, who="other")
    assert (again.status_code, again.json()["detail"]) == (409, "This alarm was answered; an answer stands.")
    assert (await house.result()).status is Status.HELD


async def test_the_same_key_gives_the_same_answer(house: House, alarmed: Callable[..., Any]) -> None:
    result = await alarmed(LEAK)
    key = {"Idempotency-Key": "once"}
    first, again = [await answer(house, result, headers=key) for _ in range(2)]
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert len(await house.audit("results.answer-alarm")) == 1
    assert (await answer(house, result, UPHELD, headers=key)).status_code == 422
    assert (await house.result()).status is Status.HELD


async def test_an_answer_to_what_was_changed_meanwhile_is_refused(house: House, alarmed: Callable[..., Any]) -> None:
    result = await alarmed(LEAK, GOOD)
    seen = await house.get(f"/results/{result.id}", "centre-analyst", "mois", subject="yoon")
    assert (await answer(house, result, number=2)).status_code == 201
    stale = await answer(house, result, headers={"If-Match": seen.headers["etag"]})
    assert stale.status_code == 412


async def test_of_several_at_once_one_answers(house: House, alarmed: Callable[..., Any]) -> None:
    result = await alarmed(LEAK)
    answers = await asyncio.gather(
        *(answer(house, result, body, who=f"a{at}") for at, body in enumerate((EXPLAINED, UPHELD) * 2))
    )
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]
    (accepted,) = [each.json() for each in answers if each.status_code == 201]
    verdict = accepted["alarms"][0]["answer"]["verdict"]
    assert (await house.result()).status is (Status.HELD if verdict == "explained" else Status.WITHHELD)


async def test_alarms_of_a_later_attempt_are_answered_anew(house: House, alarmed: Callable[..., Any]) -> None:
    first = await alarmed(LEAK)
    assert (await answer(house, first)).status_code == 201
    later = await alarmed(GOOD, LEAK, fence=2, run_id=first.run_id)
    assert later.id == first.id
    seen = await shown(house, later)
    assert [(alarm["code"], alarm["answer"]) for alarm in seen["alarms"]] == [(GOOD.code, None), (LEAK.code, None)]
    assert (await house.vote(later.id, "kim")).status_code == 409
    for number in (1, 2):
        assert (await answer(house, later, number=number)).status_code == 201
    assert (await house.vote(later.id, "kim", APPROVE)).status_code == 201
    assert len(await house.audit("results.answer-alarm")) == 3


@pytest.mark.parametrize(
    ("tongue", "before", "after"),
    [
        ("ko", ["경보와 답변", "아직 답변되지 않음"], ["해명됨", "분석센터 담당자"]),
        ("en", ["Alarms and answers", "not answered yet"], ["explained", "analyst of the centre"]),
    ],
)
async def test_the_report_shows_alarms_and_answers(
    house: House, alarmed: Callable[..., Any], tongue: str, before: list[str], after: list[str]
) -> None:
    result = await alarmed(LEAK, GOOD)
    path, params = f"/results/{result.id}/report", {"lang": tongue}
    page = (await house.get(path, "centre-analyst", "mois", params=params)).text
    assert all(words in page for words in [*before, LEAK.code, "income.claims", "almost perfectly &lt;b&gt;"])
    for number in (1, 2):
        await answer(house, result, number=number)
    for who in ("kim", "lee"):
        await house.vote(result.id, who)
    page = (await house.get(path, "steward", "nts", params=params)).text
    assert all(words in page for words in [*after, EXPLAINED["reason"]])
    assert before[1] not in page
    assert "yoon" not in page
