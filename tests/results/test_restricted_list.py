"""A restricted list is read by the ministry that asked, and each read is written down before the first byte."""

import csv
import io
import json

import pytest

from services.results.models import Status
from shared.contracts import Audience, AudienceKind, OutputKind
from tests.results.build import artefact, listed, listing, table
from tests.results.conftest import House

WHY = {"reason": "Visits of the third round."}


async def release(house: House, entities: int = 3, **of_brief: object) -> str:
    storage = house.storage
    result = await house.released(
        (
            await artefact(storage, OutputKind.TABLE, "by_region", table()),
            await artefact(storage, OutputKind.RESTRICTED_LIST, "households", listing(entities)),
        ),
        **of_brief,
    )
    assert result.status is Status.RELEASED
    return f"/results/{result.id}/restricted-list"


async def test_its_ministry_reads_it_and_the_read_is_audited(house: House) -> None:
    path = await release(house)
    for roles in ("requester", "steward"):
        answer = await house.get(path, roles, "mohw", params=WHY)
        assert answer.status_code == 200
        assert answer.content == listed(3)
        assert answer.headers["cache-control"] == "no-store"
    rows = await house.audit("results.read-restricted-list")
    assert [(row["actor"], row["outcome"]) for row in rows] == [("requester.mohw", "read"), ("steward.mohw", "read")]
    detail = json.loads(rows[0]["detail"])
    assert (detail["entities"], detail["reason"]) == (3, WHY["reason"])


async def test_as_csv_no_reason_can_act_as_a_formula(house: House) -> None:
    path = await release(house)
    answer = await house.get(path, "requester", "mohw", params=WHY | {"format": "csv"})
    header, row, *_ = csv.reader(io.StringIO(answer.text, newline=""))
    assert header == ["pseudonym", "score", "codes", "reasons_ko", "reasons_en", "sealed"]
    assert row[1:] == ["0.9", "low-income", "'=소득이 낮음", "'=low income", ""]


async def test_nobody_else_reads_it_not_even_of_a_public_result(house: House) -> None:
    path = await release(house, audience=Audience(kind=AudienceKind.PUBLIC))
    assert (await house.get(path, params=WHY)).status_code == 401
    for roles, ministry in (
        ("requester", "nts"),
        ("steward", "nts"),
        ("output-checker", "mois"),
        ("auditor", "bai"),
        ("ops", "mois"),
        ("worker", "mohw"),
        ("centre-analyst", "mohw"),
        ("auditor", "mohw"),
        ("council-secretary", "mois"),
        ("output-checker", "mohw"),
    ):
        answer = await house.get(path, roles, ministry, params=WHY)
        assert answer.status_code == 403, (roles, ministry)
        assert answer.json()["right"]
        assert b"pseudonym" not in answer.content
    refused = [row for row in await house.audit("results.read-restricted-list") if row["outcome"] == "refused"]
    assert len(refused) == 11


async def test_who_may_not_know_of_the_result_finds_nothing(house: House) -> None:
    path = await release(house, audience=Audience(kind=AudienceKind.MINISTRIES, ministries=("moel",)))
    assert (await house.get(path, "requester", "nts", params=WHY)).status_code == 404


@pytest.mark.parametrize("params", [{}, {"reason": ""}, {"reason": "  x "}, {"reason": "x" * 2001}])
async def test_a_reason_is_needed(house: House, params: dict[str, str]) -> None:
    path = await release(house)
    answer = await house.get(path, "requester", "mohw", params=params)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "query/reason")
    assert await house.audit("results.read-restricted-list") == []


async def test_it_is_not_read_before_release_nor_after_recall(house: House) -> None:
    storage = house.storage
    raw = await artefact(storage, OutputKind.RESTRICTED_LIST, "households", listing())
    result = await house.held((raw,))
    path = f"/results/{result.id}/restricted-list"
    assert (await house.get(path, "requester", "mohw", params=WHY)).status_code == 409
    await house.vote(result.id, "kim")
    await house.vote(result.id, "lee")
    assert (await house.get(path, "requester", "mohw", params=WHY | {"name": "other"})).status_code == 404
    assert (await house.get(path, "requester", "mohw", params=WHY | {"name": "households"})).status_code == 200
    recall = {"reason": "The list was made with a wrong limit."}
    await house.client.post(f"/results/{result.id}/recall", json=recall, headers=house.headers("output-checker", "mois"))
    assert (await house.get(path, "requester", "mohw", params=WHY)).status_code == 410


async def test_a_long_list_comes_whole(house: House) -> None:
    path = await release(house, entities=30_000)
    answer = await house.get(path, "requester", "mohw", params=WHY)
    assert answer.content == listed(30_000)
    answer = await house.get(path, "requester", "mohw", params=WHY | {"format": "csv"})
    assert len(list(csv.reader(io.StringIO(answer.text, newline="")))) == 30_001
