"""The registry: announce, review by two bodies, live, withdrawn."""

from typing import Any

import pytest

from services.analysis import policy
from services.analysis.models import METHOD_TRANSITIONS, Method, MethodState, RunStatus
from shared.contracts import MethodCard, MethodLive, MethodWithdrawn
from shared.errors import Conflict, TooLarge, Unprocessable
from tests.analysis.centre import Centre
from tests.analysis.examples import DIGEST, METHOD, approved, both, card, person


async def test_two_reviewers_of_two_bodies_make_a_version_live(centre: Centre) -> None:
    announced = await centre.announce()
    assert announced.status_code == 201
    assert announced.headers["Location"] == "/analysis/methods/peers/1.0.0"
    assert announced.json()["state"] == "registered"
    first = (await centre.review("mois")).json()
    assert first["state"] == "registered"
    assert "mois" in first["waiting"]
    assert await centre.said(MethodLive) == []
    second = (await centre.review("moel")).json()
    assert second["state"] == "live"
    assert second["waiting"] is None
    assert [review["ministry"] for review in second["reviews"]] == ["mois", "moel"]
    assert await centre.said(MethodLive) == [MethodLive(method=METHOD, card=card())]


async def test_the_same_announcement_again_is_the_same(centre: Centre) -> None:
    assert (await centre.announce()).status_code == 201
    assert (await centre.announce()).status_code == 200
    for again in (centre.announce(digest="cd" * 32), centre.announce(card(purpose="Something else."))):
        answer = await again
        assert answer.status_code == 409
        assert answer.json()["reason"] == "other-content"
        assert "new version" in answer.json()["detail"]
    other = await centre.announce(subject="worker.other")
    assert other.status_code == 409
    assert other.json()["reason"] == "other-client"
    assert "another client" in other.json()["detail"]


async def test_only_a_worker_announces(centre: Centre) -> None:
    body = {"card": card().model_dump(mode="json"), "digest": DIGEST}
    for role in ("requester", "centre-analyst", "method-reviewer", "ops"):
        answer = await centre.client.post("/analysis/methods", json=body, headers=centre.headers(role, "mois"))
        assert (answer.status_code, answer.json()["right"]) == (403, "worker")


async def test_a_body_reviews_once_and_nobody_reviews_their_own(centre: Centre) -> None:
    assert (await centre.announce(subject="both")).status_code == 201
    own = await centre.review("mois", role="worker,method-reviewer", subject="both")
    assert (own.status_code, own.json()["right"]) == (403, "another reviewer")
    assert (await centre.review("mois", subject="kim")).status_code == 201
    again = await centre.review("mois", subject="kim")
    assert again.status_code == 409
    assert "already" in again.json()["detail"]
    colleague = await centre.review("mois", subject="lee")
    assert colleague.status_code == 409
    assert "mois" in colleague.json()["detail"]
    moved = await centre.review("moel", subject="kim")
    assert moved.status_code == 409
    stranger = await centre.review("moel", role="steward")
    assert stranger.status_code == 404
    assert await centre.said(MethodLive) == []


async def test_a_rejected_version_never_goes_live(centre: Centre) -> None:
    await centre.announce()
    rejected = (await centre.review("mois", "reject")).json()
    assert rejected["state"] == "registered"
    assert "new version" in rejected["waiting"]
    assert (await centre.review("moel")).status_code == 409
    await centre.make_live(card(version="1.0.1"))
    assert [event.method.version for event in await centre.said(MethodLive)] == ["1.0.1"]


async def test_an_approved_then_rejected_version_never_goes_live(centre: Centre) -> None:
    await centre.announce()
    assert (await centre.review("mois")).status_code == 201
    assert (await centre.review("moel", "reject")).json()["state"] == "registered"
    assert (await centre.review("motie")).status_code == 409
    assert await centre.said(MethodLive) == []


async def test_withdrawal_ends_what_waits_and_stays(live_centre: Centre) -> None:
    run_id = await live_centre.prepared()
    headers = live_centre.headers("centre-analyst", "centre")
    answer = await live_centre.client.post(
        "/analysis/methods/peers/1.0.0/withdraw", json={"reason": "A unit was wrong."}, headers=headers
    )
    assert answer.json()["state"] == "withdrawn"
    assert answer.json()["withdrawn_reason"] == "A unit was wrong."
    assert [event.reason for event in await live_centre.said(MethodWithdrawn)] == ["A unit was wrong."]
    run = await live_centre.row(run_id)
    assert run.status is RunStatus.FAILED
    assert run.reason and run.reason["code"] == "method-withdrawn"
    again = await live_centre.client.post("/analysis/methods/peers/1.0.0/withdraw", json={"reason": "Twice."}, headers=headers)
    assert again.status_code == 409
    refused = await live_centre.announce()
    assert (refused.status_code, refused.json()["reason"]) == (409, "withdrawn")
    assert (await live_centre.review("motie")).status_code == 409
    later = await live_centre.row(await live_centre.approve(approved()))
    assert later.reason and later.reason["code"] == "method-withdrawn"


async def test_who_may_withdraw(live_centre: Centre) -> None:
    for role, subject, status in (
        ("worker", "worker.other", 403),
        ("method-reviewer", None, 403),
        ("worker", "worker.centre", 200),
    ):
        headers = live_centre.headers(role, "centre", subject=subject)
        answer = await live_centre.client.post("/analysis/methods/peers/1.0.0/withdraw", json={"reason": "r"}, headers=headers)
        assert answer.status_code == status, answer.text


async def test_what_is_only_registered_is_seen_by_those_who_work_on_it(centre: Centre) -> None:
    await centre.announce()
    seen = {
        "method-reviewer": 200,
        "centre-analyst": 200,
        "auditor": 200,
        "ops": 200,
        "requester": 404,
        "steward": 404,
        "worker": 404,
    }
    for role, status in seen.items():
        headers = centre.headers(role, "mois")
        assert (await centre.client.get("/analysis/methods/peers/1.0.0", headers=headers)).status_code == status
        listed = (await centre.client.get("/analysis/methods", headers=headers)).json()["items"]
        assert len(listed) == (status == 200)
    own = await centre.client.get("/analysis/methods/peers/1.0.0", headers=centre.headers("worker", "centre"))
    assert own.status_code == 200
    await centre.review("mois")
    await centre.review("moel")
    assert (
        await centre.client.get("/analysis/methods/peers/1.0.0", headers=centre.headers("requester", "mois"))
    ).status_code == 200


async def test_filters_and_actions(live_centre: Centre) -> None:
    await live_centre.announce(card(version="1.1.0"))
    headers = live_centre.headers("method-reviewer", "motie")
    listed = (await live_centre.client.get("/analysis/methods?name=peers", headers=headers)).json()["items"]
    assert [(item["version"], item["state"], item["actions"]) for item in listed] == [
        ("1.1.0", "registered", ["review"]),
        ("1.0.0", "live", []),
    ]
    live = (await live_centre.client.get("/analysis/methods?state=live", headers=headers)).json()["items"]
    assert [item["version"] for item in live] == ["1.0.0"]
    analyst = live_centre.headers("centre-analyst", "centre")
    shown = (await live_centre.client.get("/analysis/methods/peers/1.0.0", headers=analyst)).json()
    assert shown["actions"] == ["withdraw"]


async def test_a_review_of_an_older_reading_is_refused(centre: Centre) -> None:
    etag = (await centre.announce()).headers["ETag"]
    headers = centre.headers("method-reviewer", "mois") | {"If-Match": etag}
    body = {"verdict": "approve", "reason": "Read it."}
    url = "/analysis/methods/peers/1.0.0/reviews"
    assert (await centre.client.post(url, json=body, headers=headers)).status_code == 201
    late = centre.headers("method-reviewer", "moel") | {"If-Match": etag}
    assert (await centre.client.post(url, json=body, headers=late)).status_code == 412


@pytest.mark.parametrize("here", MethodState)
@pytest.mark.parametrize("there", MethodState)
def test_every_pair_of_method_states(here: MethodState, there: MethodState) -> None:
    method = Method(name="m", release="1.0.0", digest=DIGEST, card={}, state=here, announced_by="a", announced_ministry="b")
    if there in METHOD_TRANSITIONS[here]:
        policy.check_method_move(method, there)
    else:
        with pytest.raises(Conflict):
            policy.check_method_move(method, there)


def changed(path: str, value: Any) -> MethodCard:
    told: Any = card().model_dump(mode="json")
    *places, last = path.split("/")
    at = told
    for place in places:
        at = at[int(place)] if isinstance(at, list) else at[place]
    at[int(last) if isinstance(at, list) else last] = value
    return MethodCard.model_validate(told)


DEEP: dict[str, Any] = {"type": "object"}
for _ in range(300):
    DEEP = {"type": "object", "properties": {"a": DEEP}}
BAD_CARDS = [
    ("parameters", {"type": "nonsense"}, "bad-schema"),
    ("parameters", {}, "not-object"),
    ("parameters", {"type": "array"}, "not-object"),
    ("parameters", DEEP, "not-plain"),
    ("parameters", {"type": "object", "title": "\ud800"}, "not-plain"),
    ("parameters", {"type": "object", "properties": {"a": {"$ref": "https://example.org/x"}}}, "remote-reference"),
    ("parameters", {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}}, "remote-reference"),
    ("parameters", {"type": "object", "$schema": "http://json-schema.org/draft-07/schema#"}, "other-dialect"),
    ("parameters", {"type": "object", "$id": "https://example.org/x"}, "unknown-keyword"),
    ("parameters", {"type": "object", "minProperties": "many"}, "bad-schema"),
    ("parameters", {"type": "object", "properties": {"a": {"x-column-of": "nobody"}}}, "unknown-input"),
    ("parameters", {"type": "object", "properties": {"a": {"x-column-types": ["text"]}}}, "unknown-type"),
    ("inputs/1/name", "SITE", "name-twice"),
    ("inputs/0/columns/1/name", "Site_No", "name-twice"),
    ("inputs/0/columns/0/required", False, "no-key"),
    ("inputs/0/columns/0/key_domain", "person", "no-key"),
    ("inputs/0/columns/0/key_domain", None, "key-domain"),
    ("inputs/0/columns/1/key_domain", "facility", "key-domain"),
    ("inputs/0/name", "a__b", "bad-name"),
    ("linkage/base", "nowhere", "no-base"),
    ("inputs/0/required", False, "no-base"),
    ("monotone", {"kwh": 2}, "bad-sign"),
]


@pytest.mark.parametrize(("path", "value", "code"), BAD_CARDS)
def test_cards_that_contradict_themselves(path: str, value: Any, code: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        policy.check_card(changed(path, value))
    assert code in [error.code for error in caught.value.errors]
    assert all(error.pointer.startswith("#/card/") for error in caught.value.errors)


def test_outputs_are_named_once() -> None:
    twice = {"name": "by_region", "kind": "table", "title": both("x")}
    with pytest.raises(Unprocessable):
        policy.check_card(card(outputs=[twice, twice]))
    policy.check_card(card(outputs=[twice, twice | {"kind": "figure"}]))


def test_a_card_is_bounded() -> None:
    with pytest.raises(TooLarge):
        policy.check_card(card(parameters={"type": "object", "description": "가" * 70_000}))


def test_a_schema_may_point_into_itself() -> None:
    policy.check_card(
        card(
            parameters={
                "type": "object",
                "$defs": {"n": {"type": "integer"}},
                "properties": {"a": {"$ref": "#/$defs/n"}},
            }
        )
    )


def test_a_person_of_no_role_may_do_nothing() -> None:
    method = Method(name="m", release="1.0.0", digest=DIGEST, card={}, announced_by="a", announced_ministry="b")
    assert policy.method_actions(person("requester"), method, []) == []
