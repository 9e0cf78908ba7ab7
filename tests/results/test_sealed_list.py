"""A restricted list with the sealed keys of its entities: joined by pseudonym, for the listed alone."""

import csv
import io
import json
import random
from typing import Any

import pytest

from services.results.models import Result, Status
from shared.contracts import OutputKind, SealedKeys
from tests.results.build import artefact, brief, finished, listed, listing, table
from tests.results.conftest import House

WHY = {"reason": "Visits of the third round."}
KID = "k" * 43


def sealed_for(pseudonym: str) -> str:
    return f"jwe.of.{pseudonym}"


def pseudonyms(raw: bytes) -> list[str]:
    return [json.loads(line)["pseudonym"] for line in raw.splitlines()]


async def released(house: House, raw: bytes, names: list[str] | None) -> Result:
    """A released result with this list, and sealed keys of these rows."""
    artefacts = (
        await artefact(house.storage, OutputKind.TABLE, "by_region", table()),
        await artefact(house.storage, OutputKind.RESTRICTED_LIST, "households", raw),
    )
    sealed_keys = None
    if names is not None:
        lines = [json.dumps({"pseudonym": name, "sealed": sealed_for(name)}, separators=(",", ":")) + "\n" for name in names]
        stored = await house.storage.put_bytes("".join(lines).encode(), "application/x-ndjson")
        sealed_keys = SealedKeys(object=stored, kid=KID, key_domain="person")
    event = finished(artefacts, brief=brief(), sealed_keys=sealed_keys)
    await house.say(event)
    held = await house.until(Status.HELD, run_id=event.run_id)
    assert (await house.vote(held.id, "kim")).status_code == 201
    assert (await house.vote(held.id, "lee", ministry="moel")).status_code == 201
    return await house.result(id=held.id)


async def read(house: House, result: Result, **params: str) -> Any:
    answer = await house.get(f"/results/{result.id}/restricted-list", "requester", "mohw", params=WHY | params)
    assert answer.status_code == 200
    return answer


async def told(house: House, result: Result) -> dict[str, Any]:
    shown = (await house.get(f"/results/{result.id}", "requester", "mohw")).json()
    (entry,) = shown["restricted_lists"]
    return dict(entry)


async def test_each_listed_entity_comes_with_its_own_key(house: House) -> None:
    raw = listing(3)
    others = [f"{n:064x}" for n in range(50)]
    result = await released(house, raw, sorted([*pseudonyms(raw), *others]))
    answer = await read(house, result)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["pseudonym"] for line in lines] == pseudonyms(raw)
    assert [line["sealed"] for line in lines] == [sealed_for(name) for name in pseudonyms(raw)]
    assert not any(name in answer.text for name in others)
    rows = list(csv.DictReader(io.StringIO((await read(house, result, format="csv")).text, newline="")))
    assert [row["sealed"] for row in rows] == [sealed_for(name) for name in pseudonyms(raw)]
    entry = await told(house, result)
    assert (entry["entities"], entry["sealed"], entry["kid"]) == (3, 3, KID)


async def test_without_a_key_of_the_ministry_the_list_says_so(house: House) -> None:
    result = await released(house, listing(3), None)
    assert (await read(house, result)).content == listed(3)
    entry = await told(house, result)
    assert (entry["entities"], entry["sealed"], entry["kid"]) == (3, 0, None)


@pytest.mark.parametrize("beside", ["sealed", "note"])
async def test_what_a_method_writes_beside_a_line_withholds_the_list(house: House, beside: str) -> None:
    lines = [json.loads(line) for line in listing(2).splitlines()]
    lines[0] |= {beside: "a side channel"}
    raw = "".join(json.dumps(line) + "\n" for line in lines).encode()
    result = await released(house, raw, [lines[1]["pseudonym"]])
    answer = await house.get(f"/results/{result.id}/restricted-list", "requester", "mohw", params=WHY)
    assert answer.status_code == 404


async def test_a_long_list_in_any_order_is_joined_whole(house: House) -> None:
    raw = listing(20_000)
    names = pseudonyms(raw)
    shuffled = names + [f"{n:064x}" for n in range(10_000)]
    random.Random(1).shuffle(shuffled)
    result = await released(house, raw, shuffled)
    lines = [json.loads(line) for line in (await read(house, result)).text.splitlines()]
    assert [line["sealed"] for line in lines] == [sealed_for(name) for name in names]


async def test_nobody_else_gets_them(house: House) -> None:
    raw = listing(3)
    result = await released(house, raw, pseudonyms(raw))
    for roles, ministry in (("steward", "nts"), ("output-checker", "mois"), ("auditor", "bai")):
        answer = await house.get(f"/results/{result.id}/restricted-list", roles, ministry, params=WHY)
        assert answer.status_code == 403
        assert b"jwe.of" not in answer.content
