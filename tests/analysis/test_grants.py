"""Scoring grants: asked for by a ministry, decided by two people of two other bodies, taken back."""

from datetime import datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from services.analysis import actions, policy
from services.analysis.models import GRANT_TRANSITIONS, Grant, GrantReview, GrantState, ReleasedModel, Verdict
from services.analysis.rules import load_rules
from shared.clock import now
from shared.contracts import MethodRef, ModelFormat, ModelRef, ScoringGrantAsked, ScoringGrantObjected, StoredObject
from shared.errors import Conflict, Unprocessable
from tests.analysis.centre import Centre

TRAINED_BY = "mss"


OWNERS = ("kcs", "molit")


async def released(centre: Centre, name: str = "risk_model", method: str = "shop_closures") -> UUID:
    """A model that the door knows, trained on data of OWNERS."""
    stored = StoredObject(sha256="ab" * 32, size=10, media_type="application/octet-stream")
    reference = MethodRef(name=method, version="1.0.0", digest="cd" * 32)
    model = ModelRef(model_id=uuid4(), name=name, method=reference, format=ModelFormat.ONNX, object=stored)
    async with centre.client.app.state.db.transaction() as session:
        await actions.keep_released_model(session, model, TRAINED_BY, OWNERS)
    return model.model_id


def asked(model_id: UUID, **more: Any) -> dict[str, Any]:
    values = {
        "model_id": str(model_id), "client": "planner.mohw", "purpose": "Ranks visits.", "legal_basis": "Act, article 12",
        "valid_from": now().isoformat(), "valid_until": (now() + timedelta(days=300)).isoformat(), "rows_per_day": 1000,
    }  # fmt: skip
    return values | more


async def ask(centre: Centre, body: dict[str, Any], **who: Any) -> httpx.Response:
    headers = centre.headers(who.get("role", "requester"), who.get("ministry", "mohw"), subject=who.get("subject"))
    return await centre.client.post("/analysis/grants", json=body, headers=headers)


async def review(centre: Centre, grant: str, ministry: str, role: str = "method-reviewer", **more: Any) -> httpx.Response:
    body = {"verdict": more.get("verdict", "approve"), "reason": "Read it."}
    headers = centre.headers(role, ministry, subject=more.get("subject"))
    return await centre.client.post(f"/analysis/grants/{grant}/reviews", json=body, headers=headers)


async def revoke(centre: Centre, grant: str, role: str, ministry: str) -> httpx.Response:
    body = {"reason": "It has ended."}
    return await centre.client.post(f"/analysis/grants/{grant}/revoke", json=body, headers=centre.headers(role, ministry))


@pytest.fixture
async def grant(centre: Centre) -> str:
    return str((await ask(centre, asked(await released(centre)))).json()["id"])


# The walk


async def test_two_bodies_grant_it(centre: Centre) -> None:
    answer = await ask(centre, asked(await released(centre)))
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["state"], told["ministry"], told["asked_by"]) == ("asked", "mohw", "requester.mohw")
    assert told["model"] == {"name": "shop_closures.risk_model", "version": "1", "ministry": TRAINED_BY}
    assert "Two reviewers of two bodies" in told["waiting"]
    first = await review(centre, told["id"], "kostat")
    assert (first.status_code, first.json()["state"]) == (201, "asked")
    assert "another body than kostat" in first.json()["waiting"]
    second = await review(centre, told["id"], TRAINED_BY, role="steward")
    assert (second.status_code, second.json()["state"], second.json()["waiting"]) == (201, "granted", None)
    late = await review(centre, told["id"], "moel")
    assert (late.status_code, late.json()["state"]) == (409, "granted")


async def test_one_rejection_refuses_it(centre: Centre, grant: str) -> None:
    assert (await review(centre, grant, "kostat", verdict="reject")).json()["state"] == "refused"
    assert (await review(centre, grant, "moel")).status_code == 409


async def test_nobody_decides_on_what_their_ministry_asked_for(centre: Centre, grant: str) -> None:
    answer = await review(centre, grant, "mohw")
    assert (answer.status_code, answer.json()["right"]) == (403, "a reviewer of another ministry")
    client = await review(centre, grant, "kostat", subject="planner.mohw")
    assert client.status_code == 403


async def test_a_person_and_a_body_decide_once(centre: Centre, grant: str) -> None:
    assert (await review(centre, grant, "kostat", subject="yoon")).status_code == 201
    assert (await review(centre, grant, "kostat", subject="another")).status_code == 409
    assert (await review(centre, grant, "moel", subject="yoon")).status_code == 409


async def test_others_do_not_decide(centre: Centre, grant: str) -> None:
    for role, ministry in (("requester", "mss"), ("steward", "nts"), ("auditor", "bai"), ("worker", "mois")):
        assert (await review(centre, grant, ministry, role=role)).status_code in (403, 404)


@pytest.mark.parametrize(("role", "ministry"), [("steward", TRAINED_BY), ("centre-analyst", "mois"), ("requester", "mohw")])
async def test_it_is_revoked_by_whom_it_concerns(centre: Centre, grant: str, role: str, ministry: str) -> None:
    answer = await revoke(centre, grant, role, ministry)
    assert (answer.status_code, answer.json()["state"], answer.json()["revoked_reason"]) == (200, "revoked", "It has ended.")
    assert (await revoke(centre, grant, role, ministry)).status_code == 409


async def test_others_do_not_revoke_it(centre: Centre, grant: str) -> None:
    assert (await revoke(centre, grant, "method-reviewer", "kostat")).status_code == 403
    assert (await revoke(centre, grant, "steward", "nts")).status_code == 404


# The owners of the data


async def object_to(centre: Centre, grant: str, ministry: str, role: str = "steward") -> httpx.Response:
    body = {"reason": "우리 자료는 다른 목적으로 제공되었습니다."}
    return await centre.client.post(f"/analysis/grants/{grant}/objections", json=body, headers=centre.headers(role, ministry))


async def test_the_owners_of_the_data_hear_of_a_grant_and_see_it(centre: Centre, grant: str) -> None:
    (told,) = await centre.said(ScoringGrantAsked)
    assert isinstance(told, ScoringGrantAsked)
    assert (str(told.grant_id), told.ministry, told.owners) == (grant, "mohw", ("kcs", "molit"))
    for ministry, seen in (("kcs", True), ("molit", True), ("kma", False), ("nts", False)):
        headers = centre.headers("steward", ministry)
        listed = (await centre.client.get("/analysis/grants", headers=headers)).json()["items"]
        one = await centre.client.get(f"/analysis/grants/{grant}", headers=headers)
        assert ([each["id"] for each in listed], one.status_code) == (([grant], 200) if seen else ([], 404))
        if seen:
            assert (one.json()["owners"], one.json()["actions"]) == (["kcs", "molit"], ["object"])


async def test_an_owner_refuses_a_grant_that_is_asked_for(centre: Centre, grant: str) -> None:
    assert (await review(centre, grant, "kostat")).status_code == 201
    answer = await object_to(centre, grant, "kcs")
    assert (answer.status_code, answer.json()["state"], answer.json()["actions"]) == (201, "refused", [])
    (objection,) = answer.json()["objections"]
    assert (objection["ministry"], objection["objected_by"]) == ("kcs", "steward.kcs")
    assert (await review(centre, grant, "moel")).status_code == 409
    assert (await object_to(centre, grant, "molit")).status_code == 409
    (told,) = await centre.said(ScoringGrantObjected)
    assert isinstance(told, ScoringGrantObjected)
    assert (told.ministry, told.state, str(told.grant_id)) == ("kcs", "refused", grant)
    assert "analysis.object-to-grant" in await deeds(centre, grant)


async def test_an_owner_stops_a_grant_that_holds(centre: Centre, grant: str) -> None:
    for ministry in ("kostat", "moel"):
        assert (await review(centre, grant, ministry)).status_code == 201
    answer = await object_to(centre, grant, "molit")
    assert (answer.json()["state"], answer.json()["revoked_reason"]) == ("revoked", "우리 자료는 다른 목적으로 제공되었습니다.")


OTHERS = [("requester", "kcs", 404), ("steward", "kma", 404), ("steward", "mss", 403), ("method-reviewer", "kostat", 403)]


@pytest.mark.parametrize(("role", "ministry", "status"), OTHERS)
async def test_others_do_not_object(centre: Centre, grant: str, role: str, ministry: str, status: int) -> None:
    assert (await object_to(centre, grant, ministry, role)).status_code == status
    assert (await centre.said(ScoringGrantObjected)) == []


# The limits


async def test_rows_have_a_ceiling_and_a_rate(centre: Centre) -> None:
    model = await released(centre)
    rules = (await centre.client.get("/analysis/grants/rules", headers=centre.headers("requester", "mohw"))).json()
    for name in ("rows_per_day", "rows_per_minute"):
        assert rules[name]["legal_basis"] and rules[name]["recheck_by"]
        most = rules[name]["value"]
        answer = await ask(centre, asked(model, **{"rows_per_day": rules["rows_per_day"]["value"], name: most + 1}))
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["pointer"]) == (422, f"#/{name}")
    whole = (await ask(centre, asked(model, rows_per_day=rules["rows_per_day"]["value"]))).json()
    assert whole["rows_per_minute"] == rules["rows_per_minute"]["value"]
    assert (await ask(centre, asked(model, rows_per_day=70))).json()["rows_per_minute"] == 70


# What is asked for


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"model_id": str(uuid4())}, "#/model_id"),
    ({"valid_until": "2020-01-01T00:00:00Z"}, "#/valid_until"),
    ({"valid_from": (now() + timedelta(days=400)).isoformat()}, "#/valid_until"),
    ({"valid_until": (now() + timedelta(days=3000)).isoformat()}, "#/valid_until"),
    ({"valid_until": "2027-01-01T00:00:00"}, "#/valid_until"),
    ({"valid_from": "0001-01-01T00:00:00+14:00"}, "#/valid_from"),
    ({"valid_until": 1830297600}, "#/valid_until"),
    ({"rows_per_day": 0}, "#/rows_per_day"),
    ({"rows_per_day": 10**12}, "#/rows_per_day"),
    ({"purpose": "  "}, "#/purpose"),
    ({"client": "a\nb"}, "#/client"),
    ({"client": "x" * 201}, "#/client"),
    ({"ministry": "nts"}, "#/ministry"),
]


async def test_what_cannot_be_granted_is_named(centre: Centre) -> None:
    body = asked(await released(centre))
    for wrong, pointer in WRONG:
        answer = await ask(centre, body | wrong)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), answer.text


async def test_only_a_requester_asks(centre: Centre) -> None:
    answer = await ask(centre, asked(await released(centre)), role="steward")
    assert (answer.status_code, answer.json()["right"]) == (403, "requester")


async def test_nothing_is_granted_on_a_withdrawn_model(centre: Centre) -> None:
    model_id = await released(centre)
    grant = (await ask(centre, asked(model_id))).json()["id"]
    async with centre.client.app.state.db.transaction() as session:
        await actions.keep_withdrawn_model(session, model_id)
    assert (await ask(centre, asked(model_id))).status_code == 410
    assert (await review(centre, grant, "kostat")).status_code == 410


async def test_models_of_one_name_are_numbered(centre: Centre) -> None:
    ids = [await released(centre), await released(centre), await released(centre, method="other")]
    async with centre.client.app.state.db.reading() as session:
        found = {each: (await session.get_one(ReleasedModel, each)).label for each in ids}
    assert list(found.values()) == ["shop_closures.risk_model/1", "shop_closures.risk_model/2", "other.risk_model/1"]


# Who sees it


async def test_a_grant_is_seen_by_whom_it_concerns(centre: Centre, grant: str) -> None:
    seen = []
    for role, ministry in (
        ("requester", "mohw"), ("steward", TRAINED_BY), ("method-reviewer", "moel"), ("auditor", "bai"), ("steward", "nts"),
        ("requester", TRAINED_BY),
    ):  # fmt: skip
        answer = await centre.client.get(f"/analysis/grants/{grant}", headers=centre.headers(role, ministry))
        seen.append(answer.status_code)
    assert seen == [200, 200, 200, 200, 404, 404]
    listed = {
        ministry: len((await centre.client.get("/analysis/grants", headers=centre.headers("steward", ministry))).json()["items"])
        for ministry in ("mohw", TRAINED_BY, "nts")
    }
    assert listed == {"mohw": 1, TRAINED_BY: 1, "nts": 0}


async def test_a_list_says_what_one_may_do(centre: Centre, grant: str) -> None:
    path = "/analysis/grants?state=asked"
    told = (await centre.client.get(path, headers=centre.headers("centre-analyst", "kostat"))).json()["items"]
    assert [(each["id"], each["actions"]) for each in told] == [(grant, ["review", "revoke"])]
    assert (await centre.client.get("/analysis/grants?state=granted", headers=centre.headers("auditor", "bai"))).json()[
        "items"
    ] == []


async def deeds(centre: Centre, grant: str) -> list[str]:
    db = centre.client.app.state.db
    async with db.reading() as session:
        query = select(db.tables.audit.c.action).where(db.tables.audit.c.subject == f"grant/{grant}")
        return [row[0] for row in (await session.execute(query.order_by(db.tables.audit.c.id))).all()]


async def test_every_deed_is_audited(centre: Centre, grant: str) -> None:
    await review(centre, grant, "kostat")
    await revoke(centre, grant, "requester", "mohw")
    assert await deeds(centre, grant) == ["analysis.ask-for-grant", "analysis.review-grant", "analysis.revoke-grant"]


async def test_a_change_on_an_older_reading_is_refused(centre: Centre, grant: str) -> None:
    headers = centre.headers("method-reviewer", "kostat") | {"If-Match": '"7"'}
    body = {"verdict": "approve", "reason": "Read it."}
    assert (await centre.client.post(f"/analysis/grants/{grant}/reviews", json=body, headers=headers)).status_code == 412


# Rules


@pytest.mark.parametrize(("state", "to"), list(product(GrantState, GrantState)))
def test_every_move(state: GrantState, to: GrantState) -> None:
    values: dict[str, Any] = {"state": state}
    grant = Grant.model_construct(**values)
    if to in GRANT_TRANSITIONS[state]:
        policy.check_grant_move(grant, to)
    else:
        with pytest.raises(Conflict):
            policy.check_grant_move(grant, to)


def test_decisions() -> None:
    approve, reject = (GrantReview.model_construct(verdict=verdict) for verdict in Verdict)
    assert policy.decided([]) is policy.decided([approve]) is GrantState.ASKED
    assert policy.decided([approve, approve]) is GrantState.GRANTED
    assert policy.decided([approve, reject]) is policy.decided([reject]) is GrantState.REFUSED


def test_a_term_that_begins_later_is_counted_from_then() -> None:
    at = datetime.fromisoformat("2026-01-01T00:00:00Z")
    longest = timedelta(days=load_rules().term_days.value)
    policy.check_term(at + timedelta(days=100), at + timedelta(days=800), at, longest)
    with pytest.raises(Unprocessable):
        policy.check_term(at - timedelta(days=100), at + timedelta(days=732), at, longest)
