"""The HTTP door: the walk, what each caller is offered, conventions, and bad input."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import BaseModel
from sqlalchemy import select

from services.requests.schemas import (
    DecisionIn,
    HistoryOut,
    ReasonIn,
    RequestIn,
    RequestOut,
    RequestSummary,
    VoteIn,
    WorkItem,
)
from shared.contracts import Event
from tests.requests.examples import (
    HOUSEHOLD_ID,
    INCOME_ID,
    approval,
    asked,
    ballot,
    dataset_gone,
    income,
    refusal,
    world,
)

Headers = Callable[..., dict[str, str]]


@pytest.fixture
async def client(serve: Callable[..., Awaitable[Any]], say: Callable[[Event], Awaitable[Any]]) -> Any:
    """The requests service, running, having heard of members, datasets and the method."""
    client = await serve("requests")
    for event in world():
        await say(event)
    await client.settle()
    return client


@pytest.fixture
def kim(headers: Headers) -> dict[str, str]:
    return headers("requester", "mohw", "kim")


def no_refusal(response: httpx.Response) -> Any:
    assert response.is_success, response.text
    return response.json()


def problem(response: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["type"] == f"http://test/requests/problems/{slug}"
    return document


def faults(response: httpx.Response) -> dict[str, str]:
    return {error["pointer"]: error["code"] for error in problem(response, 422, "unprocessable")["errors"]}


async def submit(client: Any, kim: dict[str, str]) -> str:
    return str(no_refusal(await client.post("/requests", json=asked(), headers=kim))["id"])


async def owners_approve(client: Any, headers: Headers, at: str) -> None:
    for ministry, dataset in (("nts", INCOME_ID), ("molit", HOUSEHOLD_ID)):
        no_refusal(await client.post(f"{at}/decisions", json=approval(dataset), headers=headers("steward", ministry)))


async def test_the_walk_over_http(client: Any, headers: Headers, kim: dict[str, str]) -> None:
    response = await client.post("/requests", json=asked(), headers=kim)
    body = no_refusal(response)
    assert response.status_code == 201 and response.headers["etag"] == f'"{body["version"]}"'
    at = response.headers["location"]
    assert at == f"/requests/{body['id']}"
    assert (body["status"], body["risk_tier"], body["lane"]) == ("owner_review", 4, "panel")
    assert body["waiting"]["code"] == "owners-decide" and body["actions"] == ["withdraw"]
    work = no_refusal(await client.get("/requests/worklist", headers=headers("steward", "nts")))["items"]
    assert [(item["task"], item["dataset_ids"], item["request"]["id"]) for item in work] == [
        ("decisions", [str(INCOME_ID)], body["id"])
    ]
    await owners_approve(client, headers, at)
    assert no_refusal(await client.get("/requests/worklist", headers=headers("steward", "nts")))["items"] == []
    for ministry in ("moel", "moe", "msit"):
        voter = headers("council-member", ministry)
        assert no_refusal(await client.get("/requests/worklist", headers=voter))["items"][0]["task"] == "votes"
        answer = no_refusal(await client.post(f"{at}/votes", json=ballot(), headers=voter))
    assert answer["status"] == "approved" and answer["tally"] == {"approve": 3, "reject": 0, "quorum": 3, "missing": 0}
    history = no_refusal(await client.get(f"{at}/history", headers=headers("auditor", "mois")))
    assert [entry["seq"] for entry in history] == list(range(1, 9)) and history[-1]["to_status"] == "approved"
    seen = await client.get(at, headers=kim)
    assert no_refusal(seen)["waiting"]["code"] == "run-not-queued"
    cached = await client.get(at, headers=kim | {"If-None-Match": seen.headers["etag"]})
    assert cached.status_code == 304


async def test_return_and_resubmit_over_http(client: Any, headers: Headers, kim: dict[str, str]) -> None:
    at = f"/requests/{await submit(client, kim)}"
    returned = await client.post(f"{at}/return", json={"reason": "Say why."}, headers=headers("steward", "nts"))
    assert no_refusal(returned)["status"] == "returned"
    item = no_refusal(await client.get("/requests/worklist", headers=kim))["items"][0]
    assert item["task"] == "resubmit" and item["request"]["waiting"]["who"][0]["subject"] == "kim"
    stale = await client.post(f"{at}/resubmit", json=asked(), headers=kim | {"If-Match": '"1"'})
    problem(stale, 412, "precondition-failed")
    again = await client.post(f"{at}/resubmit", json=asked(), headers=kim | {"If-Match": returned.headers["etag"]})
    assert no_refusal(again)["revision"] == 2
    withdrawn = await client.post(f"{at}/withdraw", json={"reason": "Not needed."}, headers=kim)
    assert no_refusal(withdrawn)["status"] == "withdrawn" and no_refusal(withdrawn)["actions"] == []


async def test_lists_are_scoped_filtered_and_paged(client: Any, headers: Headers, kim: dict[str, str]) -> None:
    ids = [await submit(client, kim) for _ in range(3)]
    await client.post(f"/requests/{ids[0]}/withdraw", json={"reason": "No."}, headers=kim)
    first = await client.get("/requests?limit=2", headers=headers("auditor", "mois"))
    assert [row["id"] for row in no_refusal(first)["items"]] == [ids[2], ids[1]]
    following = first.headers["link"].split(">")[0].removeprefix("<")
    assert [row["id"] for row in no_refusal(await client.get(following, headers=headers("auditor", "mois")))["items"]] == [ids[0]]
    for query, count in (("status=withdrawn", 1), ("ministry=nts", 0), ("ministry=mohw", 3)):
        assert len(no_refusal(await client.get(f"/requests?{query}", headers=kim))["items"]) == count
    for role, ministry in (("steward", "moe"), ("requester", "nts"), ("ops", "mohw"), ("worker", "mohw")):
        assert no_refusal(await client.get("/requests", headers=headers(role, ministry)))["items"] == []
        problem(await client.get(f"/requests/{ids[0]}", headers=headers(role, ministry)), 404, "not-found")
        problem(await client.get(f"/requests/{ids[0]}/history", headers=headers(role, ministry)), 404, "not-found")


async def test_one_person_cannot_fill_the_lists_of_others(
    serve: Callable[..., Awaitable[Any]], say: Callable[[Event], Awaitable[Any]], headers: Headers, kim: dict[str, str]
) -> None:
    client = await serve("requests", open_each=3, open_identical=2)
    for event in world():
        await say(event)
    await client.settle()

    async def post(**change: Any) -> httpx.Response:
        answer: httpx.Response = await client.post("/requests", json=asked(**change), headers=kim)
        return answer

    first = [await submit(client, kim) for _ in range(2)]
    same = problem(await post(), 409, "conflict")
    assert same["errors"] == [{"pointer": "#", "code": "asked-already", "detail": same["errors"][0]["detail"]}]
    assert "at most 2" in same["detail"]
    no_refusal(await post(title="Another question"))
    full = problem(await post(title="A third one"), 429, "too-many-requests")
    assert (full["quota"], full["limit"]) == ("open requests of one person", 3)
    assert len(no_refusal(await client.get("/requests", headers=kim))["items"]) == 3
    no_refusal(await client.post("/requests", json=asked(), headers=headers("requester", "mohw", "park")))
    no_refusal(await client.post(f"/requests/{first[0]}/withdraw", json={"reason": "No."}, headers=kim))
    no_refusal(await post())


async def test_the_same_key_submits_once(client: Any, kim: dict[str, str]) -> None:
    key = kim | {"Idempotency-Key": "once"}
    answers = [no_refusal(await client.post("/requests", json=asked(), headers=key)) for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(no_refusal(await client.get("/requests", headers=kim))["items"]) == 1
    assert faults(await client.post("/requests", json=asked(title="Other"), headers=key)) == {
        "header/idempotency-key": "key-reused"
    }


async def test_rules_are_shown_with_their_basis(client: Any, kim: dict[str, str]) -> None:
    rules = no_refusal(await client.get("/requests/rules", headers=kim))
    assert rules["quorum"]["value"] == 3 and all("verified" in code for code in rules["refusal_codes"])
    problem(await client.get("/requests/rules"), 401, "unauthorized")


INPUTS = asked()["inputs"]
BAD_SUBMISSIONS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"method": {"name": "nothing", "version": "1.0.0"}}, {"#/method/name": "unknown-method"}),
    ({"method": {"name": "blind_spots", "version": "one"}}, {"#/method/version": "string_pattern_mismatch"}),
    ({"inputs": {"income": INPUTS["income"]}}, {"#/inputs/household": "missing-input"}),
    ({"inputs": {}}, {"#/inputs": "too_short"}),
    ({"inputs": INPUTS | {"a/b": INPUTS["income"]}}, {"#/inputs/a~1b/[key]": "string_pattern_mismatch"}),
    ({"parameters": {"test_year": "2014"}}, {"#/parameters/test_year": "parameter-type"}),
    ({"parameters": []}, {"#/parameters": "dict_type"}),
    ({"inputs": INPUTS | {"income": {"dataset_id": str(uuid4())}}}, {"#/inputs/income/dataset_id": "unknown-dataset"}),
    ({"inputs": INPUTS | {"income": {"dataset_id": "../../etc"}}}, {"#/inputs/income/dataset_id": "uuid_parsing"}),
    ({"audience": {"kind": "ministries", "ministries": []}}, {"#/audience": "value_error"}),
    ({"title": "x" * 201}, {"#/title": "string_too_long"}),
    ({"title": " "}, {"#/title": "string_too_short"}),
    ({"title": "two\nlines"}, {"#/title": "value_error"}),
    ({"purpose": "bell\u0007"}, {"#/purpose": "value_error"}),
    ({"owner": "me"}, {"#/owner": "extra_forbidden"}),
]


async def test_bad_submissions_name_the_field_and_leave_nothing(client: Any, kim: dict[str, str]) -> None:
    for change, expected in BAD_SUBMISSIONS:
        assert faults(await client.post("/requests", json=asked(**change), headers=kim)) == expected
    assert no_refusal(await client.get("/requests", headers=kim))["items"] == []
    await submit(client, kim)


BAD_BODIES: list[tuple[bytes, int]] = [
    (b"{", 400),
    (b'{"title": NaN}', 400),
    (b'"text"', 422),
    (b"[" * 100_000, 400),
    (b'{"title": "a\\u0000"}', 400),
    (b'{"x": "' + b"y" * 10_000_000 + b'"}', 413),
]


async def test_bodies_that_are_no_request(client: Any, kim: dict[str, str]) -> None:
    for body, status in BAD_BODIES:
        response = await client.post("/requests", content=body, headers=kim | {"content-type": "application/json"})
        assert response.status_code == status, response.text
    await submit(client, kim)


async def test_parameters_nested_without_end(client: Any, kim: dict[str, str]) -> None:
    nested: list[Any] = []
    for _ in range(40):
        nested = [nested]
    assert faults(await client.post("/requests", json=asked(parameters={"a": nested}), headers=kim)) == {
        "#/parameters": "value_error"
    }
    await submit(client, kim)


async def test_deeds_that_are_refused_name_the_missing_right(client: Any, headers: Headers, kim: dict[str, str]) -> None:
    at = f"/requests/{await submit(client, kim)}"

    async def post(deed: str, body: dict[str, Any], *who: str) -> httpx.Response:
        found: httpx.Response = await client.post(f"{at}/{deed}", json=body, headers=headers(*who))
        return found

    refused = problem(await client.post("/requests", json=asked(), headers=headers("steward", "nts")), 403, "forbidden")
    assert "requester" in refused["right"]
    assert (
        problem(await post("decisions", approval(INCOME_ID), "steward", "molit"), 403, "forbidden")["right"] == "steward of nts"
    )
    assert (
        problem(await post("decisions", approval(INCOME_ID), "requester", "mohw"), 403, "forbidden")["right"] == "steward of nts"
    )
    assert (
        "own request"
        in problem(await post("decisions", approval(INCOME_ID), "steward", "nts", "kim"), 403, "forbidden")["detail"]
    )
    assert "recused" in problem(await post("votes", ballot(), "council-member", "nts"), 403, "forbidden")["detail"]
    problem(await post("votes", ballot(), "council-member", "moe"), 409, "conflict")
    problem(await post("decisions", approval(INCOME_ID), "steward", "moe"), 404, "not-found")
    assert faults(await post("decisions", approval(uuid4()), "steward", "nts")) == {"#/dataset_id": "not-in-request"}
    assert faults(await post("decisions", refusal(INCOME_ID, code="no-mood"), "steward", "nts")) == {"#/code": "unknown-code"}
    assert faults(await post("decisions", approval(INCOME_ID, reason=""), "steward", "nts")) == {"#/reason": "string_too_short"}
    no_refusal(await post("decisions", approval(INCOME_ID), "steward", "nts"))
    problem(await post("decisions", refusal(INCOME_ID), "steward", "nts"), 409, "conflict")
    problem(await post("resubmit", asked(), "requester", "mohw", "kim"), 409, "conflict")
    assert len(no_refusal(await client.get(f"{at}/history", headers=kim))) == 2
    table = client.app.state.db.tables.audit
    async with client.app.state.db.reading() as session:
        refusals = (await session.execute(select(table.c.action).where(table.c.outcome == "refused"))).scalars().all()
    assert {"requests.submit-request", "requests.decide-dataset", "requests.cast-vote", "requests.resubmit-request"} == set(
        refusals
    )


async def test_malformed_ids(client: Any, kim: dict[str, str]) -> None:
    assert faults(await client.get("/requests/not-an-id", headers=kim)) == {"path/request_id": "uuid_parsing"}
    assert faults(await client.get("/requests?status=asleep", headers=kim)) == {"query/status": "enum"}
    assert faults(await client.get("/requests?ministry=%27%3B--", headers=kim)) == {"query/ministry": "string_pattern_mismatch"}
    problem(await client.get(f"/requests/{uuid4()}", headers=kim), 404, "not-found")
    problem(await client.get("/requests?cursor=nonsense!", headers=kim), 400, "bad-request")


async def test_a_withdrawn_dataset_at_every_stop(
    client: Any, headers: Headers, kim: dict[str, str], say: Callable[[Event], Awaitable[Any]]
) -> None:
    waiting, council = [f"/requests/{await submit(client, kim)}" for _ in range(2)]
    await owners_approve(client, headers, council)
    await say(dataset_gone(income()))
    await client.settle()
    for at in (waiting, council):
        body = no_refusal(await client.get(at, headers=kim))
        assert (body["status"], body["reason_code"]) == ("returned", "dataset-withdrawn")
    problem(
        await client.post(f"{waiting}/decisions", json=approval(INCOME_ID), headers=headers("steward", "nts")), 409, "conflict"
    )
    problem(await client.post(f"{council}/votes", json=ballot(), headers=headers("council-member", "moe")), 409, "conflict")
    expected = {"#/inputs/income/dataset_id": "withdrawn-dataset"}
    assert faults(await client.post(f"{council}/resubmit", json=asked(), headers=kim)) == expected
    assert faults(await client.post("/requests", json=asked(), headers=kim)) == expected


@pytest.mark.parametrize("model", [RequestOut, RequestSummary, HistoryOut, WorkItem, RequestIn, DecisionIn, VoteIn, ReasonIn])
def test_the_examples_of_the_documentation_are_valid(model: type[BaseModel]) -> None:
    examples: Any = model.model_config["json_schema_extra"]
    for example in examples["examples"]:
        shown = model.model_validate(example).model_dump(mode="json", exclude_unset=True)
        assert shown == example


async def test_every_operation_has_words_and_every_body_an_example(client: Any) -> None:
    document = no_refusal(await client.get("/requests/openapi.json"))
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if "requests" not in operation.get("tags", []):
                continue
            assert operation.get("description"), (method, path)
            if "requestBody" in operation:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
                assert document["components"]["schemas"][schema]["examples"], (method, path)
