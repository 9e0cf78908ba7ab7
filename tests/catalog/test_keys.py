"""Public keys of ministries: who registers them, which one is used, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest

from deploy.open_list import make_key
from shared.clock import now
from shared.contracts import Envelope

PATH = "/catalog/ministries/mohw/keys"
LOW_ORDER = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def days(count: float) -> str:
    return (now() + timedelta(days=count)).isoformat()


def given(**changes: Any) -> dict[str, Any]:
    return {"key": make_key()[1], "valid_until": days(365)} | changes


async def register(desk: Any, body: dict[str, Any], ministry: str = "mohw", roles: str = "steward") -> Any:
    return await desk.client.post(PATH, json=body, headers=desk.as_(roles, ministry))


async def registered(desk: Any, **changes: Any) -> dict[str, Any]:
    answer = await register(desk, given(**changes))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def retire(desk: Any, kid: str, ministry: str = "mohw", **more: str) -> Any:
    headers = desk.as_(ministry=ministry) | more
    return await desk.client.post(f"{PATH}/{kid}/retire", json={"reason": "담당자 변경"}, headers=headers)


async def in_use(desk: Any) -> list[str]:
    items = (await desk.get(PATH, "requester", "nts")).json()["items"]
    return [item["kid"] for item in items if item["in_use"]]


async def said(desk: Any, fact: str) -> list[Envelope]:
    table = desk.client.app.state.db.tables.outbox
    query = table.select().where(table.c.type == f"catalog.ministry-key-{fact}.v1").order_by(table.c.id)
    async with desk.client.app.state.db.reading() as session:
        rows = (await session.execute(query)).mappings().all()
    return [Envelope.parse(row["body"].encode()) for row in rows]


async def test_a_steward_registers_a_key_and_everybody_is_told(desk: Any) -> None:
    body = given()
    answer = await register(desk, body)
    assert answer.status_code == 201
    key = answer.json()
    assert (key["kid"], key["key"]["x"], key["in_use"]) == (body["key"]["kid"], body["key"]["x"], True)
    assert key["actions"] == ["retire"]
    shown = (await desk.get(answer.headers["location"], "requester", "nts")).json()
    assert shown == key | {"actions": []}
    (event,) = await said(desk, "registered")
    assert (event.subject, event.sequence, event.data["kid"]) == ("ministry/mohw", 2, key["kid"])


async def test_the_newest_valid_one_is_used_and_old_ones_stay(desk: Any) -> None:
    first, second = await registered(desk), await registered(desk)
    later = await registered(desk, valid_from=days(1))
    assert await in_use(desk) == [second["kid"]]
    assert (await retire(desk, second["kid"])).json()["retired_at"]
    assert await in_use(desk) == [first["kid"]]
    assert (await retire(desk, first["kid"])).status_code == 200
    assert await in_use(desk) == []
    kids = [item["kid"] for item in (await desk.get(PATH)).json()["items"]]
    assert kids == [later["kid"], second["kid"], first["kid"]]
    assert [event.data["kid"] for event in await said(desk, "retired")] == [second["kid"], first["kid"]]
    again = await retire(desk, first["kid"])
    assert again.status_code == 409


@pytest.mark.parametrize(("roles", "ministry"), [("steward", "nts"), ("requester", "mohw"), ("council-secretary", "mois")])
async def test_nobody_else_decides_on_its_keys(desk: Any, roles: str, ministry: str) -> None:
    answer = await register(desk, given(), ministry, roles)
    assert (answer.status_code, answer.json()["right"]) == (403, "steward of mohw")
    key = await registered(desk)
    refused = await desk.client.post(f"{PATH}/{key['kid']}/retire", json={"reason": "x"}, headers=desk.as_(roles, ministry))
    assert refused.status_code == 403


async def test_an_unknown_ministry_or_key(desk: Any) -> None:
    answer = await desk.client.post("/catalog/ministries/nobody/keys", json=given(), headers=desk.as_(ministry="mohw"))
    assert answer.status_code == 404
    assert (await retire(desk, "A" * 43)).status_code == 404


async def test_the_same_key_twice_and_an_older_reading(desk: Any) -> None:
    body = given()
    assert (await register(desk, body)).status_code == 201
    again = await register(desk, body)
    assert (again.status_code, again.json()["errors"][0]["pointer"]) == (409, "#/key")
    assert (await retire(desk, body["key"]["kid"], **{"If-Match": '"7"'})).status_code == 412


async def test_a_private_key_is_refused_and_shown_nowhere(desk: Any) -> None:
    private, public = make_key()
    secret = str(private.as_dict(private=True)["d"])
    answer = await register(desk, given(key=public | {"d": secret}))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/key/d")
    assert secret not in answer.text


@pytest.mark.parametrize(
    "changes",
    [
        {"key": {"kty": "OKP", "crv": "X25519", "x": LOW_ORDER}},
        {"key": {"kty": "OKP", "crv": "X25519", "x": "_" * 43}},
        {"key": {"kty": "OKP", "crv": "X25519", "x": "short"}},
        {"key": {"kty": "OKP", "crv": "Ed25519", "x": make_key()[1]["x"]}},
        {"key": make_key()[1] | {"kid": "A" * 43}},
        {"valid_until": days(-1)},
        {"valid_from": days(10), "valid_until": days(5)},
        {"valid_until": "2030-01-01T00:00:00"},
        {"valid_until": "9999-12-31T23:59:59-14:00"},
        {"valid_from": "0001-01-01T00:00:00+14:00"},
        {"valid_until": 4102444800},
        {"valid_until": None},
    ],
)
async def test_bad_keys(desk: Any, changes: dict[str, Any]) -> None:
    answer = await register(desk, given(**changes))
    assert answer.status_code == 422, answer.text
    assert await said(desk, "registered") == []
