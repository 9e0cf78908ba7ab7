"""Members: those of the seed under their names of today, and those that join later."""

import json
from datetime import date
from typing import Any

from sqlalchemy import update
from sqlmodel import col

from deploy.seed.members import MEMBERS, first_members, founding_codes, seed, seed_database
from services.catalog.actions import seed_ministries
from services.catalog.app import announce
from services.catalog.models import Ministry
from services.catalog.schemas.ministries import MinistryIn
from shared.clock import now
from shared.contracts import Envelope
from shared.db import Session

IN_2022 = {
    "기획재정부", "교육부", "과학기술정보통신부", "행정안전부", "문화체육관광부", "농림축산식품부", "산업통상자원부",
    "보건복지부", "환경부", "고용노동부", "국토교통부", "해양수산부", "중소벤처기업부", "통계청", "국세청", "관세청", "기상청",
}  # fmt: skip
IN_2026 = {"재정경제부", "기획예산처", "산업통상부", "기후에너지환경부", "국가데이터처"}


def name_on(member: MinistryIn, day: date) -> str:
    """The Korean name on that day."""
    former = [body.ko for body in sorted(member.successor_of, key=lambda body: body.until) if day <= body.until]
    return former[0] if former else member.name.ko


def test_the_seventeen_of_the_council_are_recognised_by_their_names_of_2022() -> None:
    council = [member for member in first_members() if member.code in founding_codes()]
    assert len(council) == 17
    assert {name_on(member, date(2022, 3, 25)) for member in council} == IN_2022


def test_members_bear_their_names_of_2026_each_with_its_day_and_what_it_follows() -> None:
    renamed = {member.name.ko: member for member in first_members() if member.valid_from}
    assert set(renamed) == IN_2026
    assert {member.name.ko for member in first_members()} == IN_2022 - {
        former.ko for member in renamed.values() for former in member.successor_of
    } | IN_2026
    split = [renamed["재정경제부"], renamed["기획예산처"]]
    assert {former.ko for member in split for former in member.successor_of} == {"기획재정부"}
    assert {str(member.valid_from) for member in split} == {"2026-01-02"}
    assert name_on(renamed["국가데이터처"], date(2025, 9, 30)) == "통계청"
    assert name_on(renamed["국가데이터처"], date(2025, 10, 1)) == "국가데이터처"


def test_the_list_says_what_of_it_was_read_and_when_to_read_it_again() -> None:
    listed = json.loads(MEMBERS.read_text(encoding="utf-8"))
    assert date.fromisoformat(listed["recheck_by"]) > date.fromisoformat(listed["checked"])
    assert listed["verified"] is False
    assert "English names are not verified" in listed["legal_basis"]


async def test_an_installation_of_before_gives_its_members_their_later_names(desk: Any, heard: list[Envelope]) -> None:
    """Seeded with the names of 2022, it gets those of 2026 by seeding again: once, heard by all, audited."""
    db = desk.client.app.state.db
    later = MinistryIn.model_validate(
        {"code": "nts", "name": {"ko": "국세청2", "en": "NTS 2"}, "valid_from": "2027-01-01",
         "successor_of": [{"ko": "국세청", "en": "National Tax Service", "until": "2026-12-31"}]}
    )  # fmt: skip
    for _ in range(2):
        async with db.transaction() as session:
            assert await seed_ministries(session, [later]) == 0
    await desk.client.settle()
    shown = (await desk.get("/catalog/ministries/nts")).json()
    assert (shown["name"]["ko"], shown["valid_from"]) == ("국세청2", "2027-01-01")
    assert shown["successor_of"] == [{"ko": "국세청", "en": "National Tax Service", "until": "2026-12-31"}]
    told = [envelope for envelope in heard if envelope.type == "catalog.ministry-renamed.v1"]
    assert [envelope.data["name"]["ko"] for envelope in told] == ["국세청2"]
    assert await seed_database(db) == 0
    assert (await desk.get("/catalog/ministries/nts")).json()["name"]["ko"] == "국세청2", "no older name comes back"
    async with db.reading() as session:
        assert [row["action"] for row in await audit_rows(session)].count("catalog.rename-ministry") == 1


async def test_the_members_are_there_once(desk: Any, heard: list[Envelope]) -> None:
    assert await seed(desk.client.app) == 0
    await desk.client.settle()
    members = (await desk.get("/catalog/ministries", limit=200)).json()["items"]
    assert len(members) == 18
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
    assert (await desk.get(response.headers["location"], "council-secretary", "mois")).json() == response.json()
    assert (await desk.get(response.headers["location"], "requester", "molg")).status_code == 200
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
    body = {"ko": "옛 이름", "en": "Old name", "until": "2026-01-01"}
    late = {"valid_from": "2026-01-01", "successor_of": [body]}
    changes: list[dict[str, Any]] = [{"code": "../x"}, {"code": "A"}, {"x": 1}, late, {"successor_of": [{"ko": "x"}]}]
    for change in (*changes, *({"name": name} for name in names)):
        response = await desk.client.post("/catalog/ministries", json=NEW | change, headers=secretary)
        assert response.status_code == 422
    assert (await desk.client.get("/catalog/ministries")).status_code == 401


WHY = {"reason": "정부조직 개편으로 통합되었습니다."}


async def test_a_member_leaves_and_joins_again(desk: Any, heard: list[Envelope]) -> None:
    secretary, of_left = desk.as_("council-secretary", "mois"), ("steward", "mcst")
    await desk.register(ministry="mcst")
    shown = await desk.get("/catalog/ministries/mcst", "council-secretary", "mois")
    assert shown.json()["actions"] == ["leave"]
    assert (await desk.get("/catalog/ministries/mcst", "steward", "nts")).json()["actions"] == []
    left = await desk.client.post("/catalog/ministries/mcst/leave", json=WHY, headers=secretary)
    assert (left.status_code, left.json()["left_reason"], left.json()["actions"]) == (200, WHY["reason"], [])
    assert (await desk.get("/catalog/datasets", *of_left)).status_code == 403
    codes = {one["code"] for one in (await desk.get("/catalog/ministries", limit=200)).json()["items"]}
    assert "mcst" not in codes and len(codes) == len(first_members()) - 1
    assert (await desk.get("/catalog/ministries/mcst")).json()["left_at"]
    again = await desk.client.post("/catalog/ministries/mcst/leave", json=WHY, headers=secretary)
    assert again.status_code == 409
    name = {"ko": "문화체육관광부", "en": "Ministry of Culture"}
    back = await desk.client.post("/catalog/ministries", json={"code": "mcst", "name": name}, headers=secretary)
    assert (back.status_code, back.json()["left_at"], back.json()["name"]["en"]) == (201, None, "Ministry of Culture")
    assert (await desk.get("/catalog/datasets", *of_left)).status_code == 200
    await desk.client.settle()
    told = [(one.type.split(".")[1], one.sequence) for one in heard if one.subject == "ministry/mcst"]
    assert told == [("ministry-joined", 1), ("ministry-left", 2), ("ministry-joined", 3)]


async def test_only_a_secretary_of_another_body_lets_leave(desk: Any) -> None:
    for roles, ministry in (("steward", "mcst"), ("council-member", "mois"), ("council-secretary", "mcst")):
        answer = await desk.client.post("/catalog/ministries/mcst/leave", json=WHY, headers=desk.as_(roles, ministry))
        assert answer.status_code == 403
    secretary = desk.as_("council-secretary", "mois")
    assert (await desk.client.post("/catalog/ministries/none/leave", json=WHY, headers=secretary)).status_code == 404
    stale = secretary | {"If-Match": '"7"'}
    assert (await desk.client.post("/catalog/ministries/mcst/leave", json=WHY, headers=stale)).status_code == 412


async def test_members_of_before_are_announced_again_once(desk: Any, heard: list[Envelope]) -> None:
    """An installation in which not every service listened: the migration leaves them unannounced."""
    await desk.client.settle()
    heard.clear()
    app = desk.client.app
    async with app.state.db.transaction() as session:
        await session.exec(update(Ministry).values(announced_at=None))
        await session.exec(update(Ministry).where(col(Ministry.code) == "kma").values(left_at=now()))
    for _ in range(3):
        while await announce(app.state.context):
            pass
        await desk.client.settle()
    told = sorted(one.subject for one in heard)
    assert told == sorted(f"ministry/{one.code}" for one in first_members() if one.code != "kma")
    assert {one.sequence for one in heard} == {2}


async def test_joining_is_audited(desk: Any) -> None:
    async with desk.client.app.state.db.reading() as session:
        rows = await audit_rows(session)
    assert [row["action"] for row in rows] == ["catalog.join-ministry"] * 18
    assert {row["actor"] for row in rows} == {"/catalog"}


async def audit_rows(session: Session) -> Any:
    return (await session.execute(session.info["db"].tables.audit.select())).mappings().all()


async def test_an_address_with_a_slash_behind_leads_nowhere(desk: Any) -> None:
    answer = await desk.client.get("/catalog/ministries/", headers=desk.as_() | {"Host": "elsewhere.example"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "elsewhere" not in str(answer.headers)
