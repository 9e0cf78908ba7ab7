"""Members: the seventeen of the seed, and those that join later."""

from typing import Any

from deploy.seed.members import first_members, seed
from shared.contracts import Envelope
from shared.db import Session


async def test_the_seventeen_are_there_once(desk: Any, heard: list[Envelope]) -> None:
    assert await seed(desk.client.app) == 0
    await desk.client.settle()
    members = (await desk.get("/catalog/ministries", limit=200)).json()["items"]
    assert len(members) == 17
    assert {member["code"] for member in members} >= {"mohw", "nts", "mois", "moel", "molit", "kcs"}
    assert sorted(envelope.subject for envelope in heard) == sorted(f"ministry/{member['code']}" for member in members)
    assert all(member["actions"] == [] for member in members)


def test_the_seed_has_both_names_of_the_customs_service() -> None:
    customs = next(member for member in first_members() if member.code == "kcs")
    assert (customs.name.ko, customs.name.en) == ("관세청", "Korea Customs Service")


NEW: dict[str, Any] = {
    "code": "molg",
    "name": {"ko": "법제처", "en": "Ministry of Government Legislation"},
    "contact": "책임관 02-000",
}


async def test_a_further_one_joins_by_one_post(desk: Any, heard: list[Envelope]) -> None:
    secretary = desk.as_("council-secretary", "mois")
    response = await desk.client.post("/catalog/ministries", json=NEW, headers=secretary)
    assert response.status_code == 201
    assert (await desk.get(response.headers["location"], "requester", "molg")).json() == response.json()
    await desk.client.settle()
    assert heard[-1].data == {"code": "molg", "name": NEW["name"]}
    again = await desk.client.post("/catalog/ministries", json=NEW, headers=secretary)
    assert (again.status_code, again.json()["errors"][0]["pointer"]) == (409, "#/code")
    await desk.register(ministry="molg")


async def test_only_the_secretary_lets_join(desk: Any) -> None:
    response = await desk.client.post("/catalog/ministries", json=NEW, headers=desk.as_("steward", "nts"))
    assert (response.status_code, response.json()["right"]) == (403, "council-secretary")
    assert (await desk.get("/catalog/ministries/molg")).status_code == 404


async def test_bad_members(desk: Any) -> None:
    secretary = desk.as_("council-secretary", "mois")
    names = {"ko": "", "en": "x"}, {"ko": "a\nb", "en": "x"}, {"ko": "x"}
    changes: list[dict[str, Any]] = [{"code": "../x"}, {"code": "A"}, {"x": 1}]
    for change in (*changes, *({"name": name} for name in names)):
        response = await desk.client.post("/catalog/ministries", json=NEW | change, headers=secretary)
        assert response.status_code == 422
    assert (await desk.client.get("/catalog/ministries")).status_code == 401


async def test_joining_is_audited(desk: Any) -> None:
    async with desk.client.app.state.db.reading() as session:
        rows = await audit_rows(session)
    assert [row["deed"] for row in rows] == ["catalog.join-ministry"] * 17
    assert {row["actor"] for row in rows} == {"/catalog"}


async def audit_rows(session: Session) -> Any:
    return (await session.execute(session.info["db"].tables.audit.select())).mappings().all()


async def test_an_address_with_a_slash_behind_leads_nowhere(desk: Any) -> None:
    answer = await desk.client.get("/catalog/ministries/", headers=desk.as_() | {"Host": "elsewhere.example"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "elsewhere" not in str(answer.headers)
