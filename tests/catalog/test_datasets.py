"""Datasets: registered, described, found, withdrawn; and who may see what."""

import unicodedata
from typing import Any

import pytest

from shared.contracts import Envelope

UNKNOWN = "/catalog/datasets/0199a1c0-0000-7000-8000-000000000001"


async def test_a_registered_dataset_is_a_draft_of_the_stewards_ministry(desk: Any) -> None:
    dataset = await desk.register()
    assert dataset["ministry"] == "nts"
    assert dataset["steward"] == "steward.nts"
    assert (dataset["state"], dataset["version"], dataset["rows"]) == ("draft", None, None)
    assert dataset["actions"] == ["update", "file", "withdraw"]
    assert dataset["table"][1]["unit"] == "KRW"
    assert dataset["table"][1]["available_from"] is None
    again = await desk.get(f"/catalog/datasets/{dataset['id']}")
    assert again.json() == dataset
    assert again.headers["etag"] == '"1"'


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"title": ""}, "#/title"),
        ({"title": "a\x07"}, "#/title"),
        ({"sensitivity": "secret"}, "#/sensitivity"),
        ({"allowed_purposes": []}, "#/allowed_purposes"),
        ({"table": []}, "#/table"),
        ({"table": [{"name": "a b", "type": "string", "role": "attribute"}]}, "#/table/0/name"),
        ({"table": [{"name": "a", "type": "text", "role": "attribute"}]}, "#/table/0/type"),
        ({"table": [{"name": "a", "type": "string", "role": "key"}]}, "#/table/0"),
        ({"table": [{"name": "a", "type": "string", "role": "attribute", "key_domain": "person"}]}, "#/table/0"),
        ({"table": [{"name": n, "type": "string", "role": "attribute"} for n in ("income", "x", "Income")]}, "#/table/2/name"),
        ({"table": [{"name": f"c{n}", "type": "string", "role": "attribute"} for n in range(2001)]}, "#/table"),
        (
            {"table": [{"name": "a", "type": "string", "role": "attribute", "available_from": "soon"}]},
            "#/table/0/available_from",
        ),
        ({"ministry": "mohw"}, "#/ministry"),
    ],
)
async def test_a_bad_registration_names_the_field(desk: Any, change: dict[str, Any], pointer: str) -> None:
    response = await desk.client.post("/catalog/datasets", json=desk.example | change, headers=desk.as_())
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == pointer
    assert (await desk.get("/catalog/datasets")).json()["items"] == []


async def test_who_may_register(desk: Any) -> None:
    for roles, ministry, right in (("requester", "nts", "steward"), ("steward", "nowhere", "a ministry that is a member")):
        response = await desk.client.post("/catalog/datasets", json=desk.example, headers=desk.as_(roles, ministry))
        assert (response.status_code, response.json()["right"]) == (403, right)


async def test_a_draft_is_seen_by_its_owners_stewards_alone(desk: Any) -> None:
    dataset = await desk.register()
    path = f"/catalog/datasets/{dataset['id']}"
    for roles, ministry in (("steward", "mohw"), ("requester", "nts"), ("auditor", "mois"), ("council-secretary", "mois")):
        assert (await desk.get(path, roles, ministry)).status_code == 404
        assert (await desk.get("/catalog/datasets", roles, ministry)).json()["items"] == []
        response = await desk.client.patch(path, json={"title": "x"}, headers=desk.as_(roles, ministry))
        assert response.status_code == 404
    assert (await desk.get(UNKNOWN)).status_code == 404
    assert (await desk.client.get(path)).status_code == 401


async def test_a_published_one_is_seen_by_every_member_and_changed_by_its_owner(desk: Any) -> None:
    dataset = await desk.published()
    path = f"/catalog/datasets/{dataset['id']}"
    seen = (await desk.get(path, "requester", "mohw")).json()
    assert seen == dataset | {"actions": []}
    changed = await desk.client.patch(path, json={"title": "x"}, headers=desk.as_("steward", "mohw"))
    for response in (changed, await desk.withdraw(dataset["id"], "mohw")):
        assert (response.status_code, response.json()["right"]) == (403, "steward of nts")
    assert (await desk.get(f"{path}/checks/1", "steward", "mohw")).status_code == 404


async def test_a_change_needs_the_present_etag_and_is_announced(desk: Any, heard: list[Envelope]) -> None:
    dataset = await desk.published()
    path = f"/catalog/datasets/{dataset['id']}"
    etag = (await desk.get(path)).headers["etag"]
    changed = await desk.client.patch(path, json={"title": "새 제목"}, headers=desk.as_() | {"If-Match": etag})
    assert changed.json()["title"] == "새 제목"
    late = await desk.client.patch(path, json={"title": "다른 제목"}, headers=desk.as_() | {"If-Match": etag})
    assert late.status_code == 412
    await desk.client.settle()
    first, second = (envelope for envelope in heard if envelope.type == "catalog.dataset-published.v1")
    assert (first.sequence, second.sequence) == (1, 2)
    assert (first.data["title"], second.data["title"]) == ("가구 소득과 세금", "새 제목")
    assert {**second.data, "title": first.data["title"]} == first.data


async def test_a_published_table_is_fixed_and_a_draft_one_is_not(desk: Any) -> None:
    table = [{"name": "other", "type": "string", "role": "attribute"}]
    draft, published = await desk.register(), await desk.published()
    changed = await desk.client.patch(f"/catalog/datasets/{draft['id']}", json={"table": table}, headers=desk.as_())
    assert [column["name"] for column in changed.json()["table"]] == ["other"]
    refused = await desk.client.patch(f"/catalog/datasets/{published['id']}", json={"table": table}, headers=desk.as_())
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (409, "#/table")


async def test_since_when_a_column_is_there_is_shown_and_told(desk: Any, heard: list[Envelope]) -> None:
    key, wages = desk.example["table"]
    dataset = await desk.published(table=[key, wages | {"available_from": "2021-01-01"}])
    assert [column["available_from"] for column in dataset["table"]] == [None, "2021-01-01"]
    await desk.client.settle()
    (told,) = [envelope for envelope in heard if envelope.type == "catalog.dataset-published.v1"]
    assert [column["available_from"] for column in told.data["table"]] == [None, "2021-01-01"]


async def test_withdrawal_leaves_a_tombstone(desk: Any, heard: list[Envelope]) -> None:
    dataset = await desk.published()
    path = f"/catalog/datasets/{dataset['id']}"
    assert (await desk.withdraw(dataset["id"], **{"If-Match": '"1"'})).status_code == 412
    response = await desk.withdraw(dataset["id"])
    assert response.status_code == 200
    stone = (await desk.get(path, "requester", "mohw")).json()
    assert (stone["state"], stone["withdrawal_reason"], stone["actions"]) == ("withdrawn", "원천 자료에 오류가 있습니다.", [])
    assert (await desk.get("/catalog/datasets")).json()["items"] == []
    assert [item["id"] for item in (await desk.get("/catalog/datasets", state="withdrawn")).json()["items"]] == [dataset["id"]]
    for again in (await desk.withdraw(dataset["id"]), await desk.put(dataset["id"])):
        assert (again.status_code, again.json()["status_now"]) == (409, "withdrawn")
    assert (await desk.client.patch(path, json={"title": "x"}, headers=desk.as_())).status_code == 409
    await desk.client.settle()
    assert heard[-1].type == "catalog.dataset-withdrawn.v1"
    assert heard[-1].data["reason"] == "원천 자료에 오류가 있습니다."
    assert heard[-1].sequence == 2


async def test_a_withdrawn_draft_stays_its_owners_affair(desk: Any, heard: list[Envelope]) -> None:
    dataset = await desk.register()
    assert (await desk.withdraw(dataset["id"])).json()["state"] == "withdrawn"
    assert (await desk.get(f"/catalog/datasets/{dataset['id']}", "requester", "mohw")).status_code == 404
    await desk.client.settle()
    assert [envelope for envelope in heard if "dataset" in envelope.type] == []


SEARCHES = {
    "소득": "ab", "득과": "a", "가구 세금": "a", "가구 기온": "", "WAGES": "ab", "근로소득": "ab", "person_no": "ab",
    "personano": "", "100%_TAX": "ab", "%": "ab", "_tax": "ab", "%%": "", "HOUSEHOLD": "b", "ｈｏｕｓｅｈｏｌｄ": "b",
    "가구소득": "a", "소득과세금": "a", "구소득": "a", "기온관측": "c", "householdsurvey": "",
    unicodedata.normalize("NFD", "가구"): "a", "": "abc", "'; DROP TABLE dataset; --": "", "\\": "",
}  # fmt: skip


async def test_search(desk: Any) -> None:
    """Parts of words, in any case and any Unicode form; all words must occur; wildcards are letters."""
    names = {(await desk.register())["id"]: "a", (await desk.register(title="Household survey"))["id"]: "b"}
    other = [{"name": "temp", "type": "number", "role": "measure"}]
    names[(await desk.register(title="기온 관측", description="기상 관측 자료", keywords=[], table=other))["id"]] = "c"
    hits = {}
    for question in SEARCHES:
        items = (await desk.get("/catalog/datasets", q=question)).json()["items"]
        hits[question] = "".join(sorted(names[item["id"]] for item in items))
    assert hits == SEARCHES


async def test_filters(desk: Any) -> None:
    first = await desk.register()
    second = await desk.register(sensitivity="aggregate", allowed_purposes=["복지 사각지대", 'a "quoted" one'])

    async def ids(**query: str) -> list[str]:
        return [item["id"] for item in (await desk.get("/catalog/datasets", **query)).json()["items"]]

    assert await ids(purpose="복지 사각지대 발굴") == [first["id"]]
    assert await ids(purpose="복지 사각지대") == [second["id"]]
    assert await ids(purpose='a "quoted" one') == [second["id"]]
    assert await ids(purpose="복지") == []
    assert await ids(sensitivity="aggregate") == [second["id"]]
    assert await ids(ministry="nts", state="draft") == [second["id"], first["id"]]
    assert await ids(ministry="mohw") == []
    assert await ids(state="published") == []
    assert (await desk.get("/catalog/datasets", q="x" * 201)).status_code == 422
    assert (await desk.get("/catalog/datasets", state="lost")).status_code == 422


async def test_pages_follow_their_links(desk: Any) -> None:
    made = [(await desk.register(title=f"자료 {number}"))["id"] for number in range(7)]
    seen, url = [], "/catalog/datasets?q=자료&limit=3"
    while url:
        response = await desk.client.get(url, headers=desk.as_())
        seen += [item["id"] for item in response.json()["items"]]
        assert ("next" in response.links) == (response.json()["next"] is not None)
        url = response.links.get("next", {}).get("url", "")
    assert seen == made[::-1]


async def test_the_same_post_twice_registers_once(desk: Any) -> None:
    key = {"Idempotency-Key": "once"}
    first, second = [await desk.client.post("/catalog/datasets", json=desk.example, headers=desk.as_() | key) for _ in range(2)]
    assert first.json() == second.json()
    assert len((await desk.get("/catalog/datasets")).json()["items"]) == 1


async def test_korean_names_of_columns_stand_beside_machine_names(desk: Any) -> None:
    """The name that the owner's files have is kept, shown, searched, and may not stand twice."""
    table = [
        {"name": "개인번호", "type": "string", "role": "key", "key_domain": "person"},
        {"name": "wages", "type": "integer", "role": "measure", "source_name": "근로 소득", "missing": ["-"]},
    ]
    dataset = await desk.register(table=table)
    names = [(column["name"], column["source_name"]) for column in dataset["table"]]
    assert names == [("column_1", "개인번호"), ("wages", "근로 소득")]
    assert dataset["table"][1]["missing"] == ["-"]
    found = (await desk.get("/catalog/datasets", q="개인번호")).json()["items"]
    assert [item["id"] for item in found] == [dataset["id"]]
    for again in ("개인번호", "WAGES", "근로\u00a0소득"):
        twice = [*table, {"name": "other", "type": "string", "role": "attribute", "source_name": again}]
        response = await desk.client.post("/catalog/datasets", json=desk.example | {"table": twice}, headers=desk.as_())
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "#/table/2/source_name")
    for bad in ("a\nb", "", "x" * 201):
        wrong = [{"name": "a", "type": "string", "role": "attribute", "source_name": bad}]
        response = await desk.client.post("/catalog/datasets", json=desk.example | {"table": wrong}, headers=desk.as_())
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "#/table/0/source_name")


async def test_a_key_that_cannot_be_linked_is_a_hint_at_registration(desk: Any) -> None:
    assert (await desk.register())["hints"] == []
    for kind in ("integer", "number", "boolean", "date", "datetime"):
        table = [desk.example["table"][1], {"name": "key", "type": kind, "role": "key", "key_domain": "facility"}]
        (hint,) = (await desk.register(table=table))["hints"]
        assert (hint["pointer"], hint["code"]) == ("#/table/1/type", "key-type")
        assert kind in hint["detail"]["ko"] and kind in hint["detail"]["en"]
