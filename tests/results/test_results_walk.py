"""A finished run is checked, held, released by two, read by its audience, and recalled."""

import asyncio
import base64
import csv
import hashlib
import io
from datetime import timedelta

import pytest

from services.results.actions.results import put_off_check
from services.results.models import Result, Status
from shared.contracts import Audience, AudienceKind, Outcome, OutputKind, Reason
from tests.results.build import AUTHOR, artefact, figure, finished, listing, metrics, missing_object, outputs, table
from tests.results.conftest import APPROVE, House
from tests.waiting import PATIENCE


async def test_a_run_becomes_a_held_result_with_verdicts(house: House) -> None:
    result = await house.held()
    seen = (await house.get(f"/results/{result.id}", "output-checker", "mois", subject="kim")).json()
    assert [(each["kind"], each["name"], each["disclosure"], each["passed"]) for each in seen["verdicts"]] == [
        ("table", "by_region", "aggregate", True),
        ("metrics", "quality", "aggregate", True),
        ("figure", "map", "aggregate", True),
        ("restricted_list", "households", "restricted", True),
    ]
    assert result.rules == "kr-gov-default/2026-01"
    assert result.content("lists", "households")["lines"] == 3  # type: ignore[index]
    (told,) = await house.said("results.result-held.v1")
    assert told.data == {"result_id": str(result.id), "request_id": str(result.request_id), "withheld": []}


async def test_two_checkers_release_it_and_its_audience_reads_it(house: House) -> None:
    result = await house.released()
    assert result.status is Status.RELEASED
    (told,) = await house.said("results.result-released.v1")
    assert told.data["audience"] == {"kind": "members", "ministries": []}
    shown = (await house.get(f"/results/{result.id}", "steward", "nts")).json()
    assert shown["actions"] == ["read"]
    assert (shown["requester"], shown["votes"], shown["verdicts"], shown["run_id"]) == (None, None, [], None)
    answer = await house.get(shown["tables"][0]["href"], "steward", "nts")
    assert answer.json()["rows"][0] == ["서울", 400, 40, 0.1, 0.71]
    answer = await house.get(shown["metrics"][0]["href"], "steward", "nts")
    assert answer.json()["figures"][0]["value"] == 0.81
    svg = await house.get(shown["figures"][0]["svg"], "steward", "nts", params={"lang": "en"})
    assert svg.headers["content-type"].startswith("image/svg+xml")
    assert "Blind spots by region" in svg.text
    assert "sandbox" in svg.headers["content-security-policy"]
    png = await house.get(shown["figures"][0]["png"], "steward", "nts")
    assert png.content.startswith(b"\x89PNG")
    spec = (await house.get(shown["figures"][0]["vega_lite"], "steward", "nts")).json()
    assert spec["datasets"]["by_region"][0]["region"] == "서울"
    assert "usermeta" not in spec


async def test_a_table_leaves_as_csv_in_which_a_formula_is_text(house: House) -> None:
    rows = [['=HYPERLINK("http://evil")', 400, 40, -0.1, 0.71]]
    result = await house.released((await artefact(house.storage, OutputKind.TABLE, "by_region", table(rows=rows)),))
    path = f"/results/{result.id}/tables/by_region"
    for answer in (
        await house.get(path, "steward", "nts", params={"format": "csv"}),
        await house.get(path, "steward", "nts", headers={"Accept": "text/csv"}),
    ):
        assert answer.headers["content-type"].startswith("text/csv")
        header, row = csv.reader(io.StringIO(answer.text, newline=""))
        assert header == ["region", "households", "blind", "rate", "score"]
        assert row == ['\'=HYPERLINK("http://evil")', "400", "40", "-0.1", "0.71"]


async def test_the_report_is_complete_in_both_languages_and_loads_nothing(house: House) -> None:
    small = table("by_age", rows=[["20s", 400, 9, 0.1, 0.5]])
    extra = await artefact(house.storage, OutputKind.TABLE, "by_age", small)
    result = await house.released((*await outputs(house.storage), extra), title="<script>alert(1)</script> 결과")
    for tongue, expected in {
        "ko": ["보류된 산출물", "최소 건수 미만", "By region (한)", "결재 경로", "서울", "연계율", "요청 기관", "법률 제21392호"],
        "en": [
            "Withheld",
            "fewer people than the minimum (count-below",
            "How it was released",
            "output checker",
            "98.0 %",
            "Act No. 21392",
        ],
    }.items():
        answer = await house.get(f"/results/{result.id}/report", "steward", "nts", params={"lang": tongue})
        assert answer.status_code == 200
        page = answer.text
        assert f'<html lang="{tongue}">' in page
        for words in expected:
            assert words in page, words
        assert "<svg" in page
        assert "<script" not in page
        assert "20s" not in page
        assert not [part for part in ("src=", "@import", "<link", "<iframe", "<object") if part in page]
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        style = page.split("<style>")[1].split("</style>")[0]
        assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy
    assert "kim" not in page


async def test_the_report_of_an_earlier_profile_is_not_given_the_basis_of_the_present_one(house: House) -> None:
    result = await house.released()
    async with house.client.app.state.db.transaction() as session:
        (await session.get_one(Result, result.id)).rules = "kr-gov-default/2024-01"
    answer = await house.get(f"/results/{result.id}/report", "steward", "nts", params={"lang": "en"})
    assert "kr-gov-default/2024-01" in answer.text
    assert "21392" not in answer.text


async def test_a_result_is_found_by_words_state_and_ministry(house: House) -> None:
    first = await house.released(title="복지 사각지대 100% 조사", audience=Audience(kind=AudienceKind.PUBLIC))
    await house.held(title="Small business crisis")

    async def found(**params: str) -> list[str]:
        answer = await house.get("/results", "output-checker", "mois", subject="kim", params=params)
        return [item["title"] for item in answer.json()["items"]]

    assert await found() == ["Small business crisis", "복지 사각지대 100% 조사"]
    assert await found(q="사각지대 복지") == [first.title]
    assert await found(q="100%") == [first.title]
    assert await found(q="%%") == []
    assert await found(status="held") == ["Small business crisis"]
    assert await found(ministry="nts") == []
    page = await house.get("/results", "output-checker", "mois", subject="kim", params={"limit": "1"})
    assert 'rel="next"' in page.headers["link"]
    public = (await house.get("/results")).json()["items"]
    assert [item["title"] for item in public] == [first.title]
    assert public[0]["actions"] == ["read"]


async def test_a_small_cell_withholds_its_table_and_the_figure_of_it(house: House) -> None:
    storage = house.storage
    few = table(rows=[["서울", 400, 40, 0.1, 0.71], ["세종", 100, 7, 0.07, 0.6]])
    artefacts = (
        await artefact(storage, OutputKind.TABLE, "by_region", few),
        await artefact(storage, OutputKind.FIGURE, "map", figure()),
        await artefact(storage, OutputKind.METRICS, "quality", metrics()),
    )
    result = await house.released(artefacts)
    shown = (await house.get(f"/results/{result.id}", "steward", "nts")).json()
    assert shown["tables"] == shown["figures"] == []
    assert shown["withheld"] == [
        {"kind": "table", "name": "by_region", "reasons": ["count-below-minimum"]},
        {"kind": "figure", "name": "map", "reasons": ["table-did-not-pass"]},
    ]
    for path in ("tables/by_region", "figures/map.svg", "figures/map.png", "figures/map.json", "tables/never_was"):
        assert (await house.get(f"/results/{result.id}/{path}", "steward", "nts")).status_code == 404
    seen = (await house.get(f"/results/{result.id}", "output-checker", "mois", subject="kim")).json()
    assert seen["verdicts"][0]["findings"] == [{"code": "count-below-minimum", "row": 1, "column": "blind"}]


async def test_a_result_of_which_nothing_passes_is_withheld_with_the_reason(house: House) -> None:
    bad = await artefact(house.storage, OutputKind.FIGURE, "map", figure() | {"data": {"values": [{"a": 1}]}})
    await house.finish(finished((bad,)))
    result = await house.until(Status.WITHHELD)
    assert "every output" in str(result.reason)
    (told,) = await house.said("results.result-withheld.v1")
    assert told.data["result_id"] == str(result.id)


async def test_a_figure_that_cannot_be_drawn_is_withheld(house: House) -> None:
    storage = house.storage
    good = await artefact(storage, OutputKind.TABLE, "by_region", table())
    result = await house.held((good, await artefact(storage, OutputKind.FIGURE, "map", figure() | {"mark": "no such mark"})))
    assert result.verdicts[1]["findings"] == [{"code": "drawing-failed"}]
    assert (len(result.contents["tables"]), result.contents["figures"]) == (1, [])


@pytest.mark.parametrize("content", [b"not json", b'{"name": "by_region", "n": NaN}', table("another_name"), b"\xff", b""])
async def test_an_artefact_that_is_not_what_it_says_is_withheld_not_an_error(house: House, content: object) -> None:
    good = await artefact(house.storage, OutputKind.METRICS, "quality", metrics())
    result = await house.held((await artefact(house.storage, OutputKind.TABLE, "by_region", content), good))
    assert result.verdicts[0]["passed"] is False
    assert result.status is Status.HELD


async def test_a_list_with_a_line_that_is_no_entity_is_withheld(house: House) -> None:
    storage = house.storage
    raw = listing(2) + b'{"pseudonym": "x", "score": 1}\n'
    good = await artefact(storage, OutputKind.TABLE, "by_region", table())
    result = await house.held((good, await artefact(storage, OutputKind.RESTRICTED_LIST, "l", raw)))
    assert result.verdicts[1]["findings"] == [{"code": "pseudonym-missing", "at": "1 lines"}]
    assert result.contents["lists"] == []


async def test_a_recall_reaches_every_reader_with_its_reason(house: House) -> None:
    result = await house.released(audience=Audience(kind=AudienceKind.PUBLIC))
    assert (await house.get(f"/results/{result.id}")).status_code == 200
    reason = {"reason": "The income of 2014 had a wrong unit."}
    url = f"/results/{result.id}/recall"
    denied = await house.client.post(url, json=reason, headers=house.headers("steward", "nts"))
    assert (denied.status_code, denied.json()["right"] != "") == (403, True)
    answer = await house.client.post(url, json=reason, headers=house.headers("council-secretary", "mois"))
    assert (answer.status_code, answer.json()["status"]) == (200, "recalled")
    for path in ("", "/report", "/tables/by_region", "/figures/map.svg", "/metrics/quality"):
        for caller in ((), ("steward", "nts")):
            gone = await house.get(f"/results/{result.id}{path}", *caller)
            assert gone.status_code == 410, path
            assert "wrong unit" in gone.json()["detail"]
    own = await house.get(f"/results/{result.id}", "requester", "mohw")
    assert (own.status_code, own.json()["reason"], own.json()["tables"]) == (200, reason["reason"], [])
    (told,) = await house.said("results.result-recalled.v1")
    assert told.data["reason"] == reason["reason"]
    again = await house.client.post(url, json=reason, headers=house.headers("council-secretary", "mois"))
    assert again.status_code == 409


async def test_the_same_run_twice_is_one_result(house: House) -> None:
    event = finished(await outputs(house.storage))
    await house.say(event, sequence=1)
    await house.say(event, sequence=1)
    await house.until(Status.HELD)


async def test_a_later_attempt_replaces_the_outputs_until_somebody_voted(house: House) -> None:
    first = await house.held()
    run_id, later = first.run_id, (await artefact(house.storage, OutputKind.TABLE, "by_region", table()),)
    await house.finish(finished(later, run_id=run_id, fence=2))
    await house.until(Status.HELD, run_fence=2)
    await house.finish(finished((), run_id=run_id, fence=1))
    await house.client.settle()
    result = await house.result()
    assert (result.run_fence, len(result.verdicts)) == (2, 1)
    await house.vote(result.id, "kim")
    await house.finish(finished((), run_id=run_id, fence=3))
    await house.client.settle()
    assert (await house.result()).run_fence == 2


async def test_a_run_that_did_not_succeed_makes_no_result(house: House) -> None:
    reason = Reason(code="method-crashed", detail="The method ended.")
    await house.finish(finished((), outcome=Outcome.FAILED, reason=reason))
    await house.client.settle()
    assert (await house.get("/results", "auditor", "mois")).json()["items"] == []


async def test_a_held_result_is_contents_for_checkers_and_a_state_for_its_ministry(house: House) -> None:
    result = await house.held()
    path = f"/results/{result.id}"
    assert (await house.get(path, "steward", "nts")).status_code == 404
    assert (await house.get(path)).status_code == 404
    own = (await house.get(path, "requester", "mohw")).json()
    assert (own["status"], own["tables"], own["verdicts"], own["actions"]) == ("held", [], [], [])
    assert (await house.get(f"{path}/tables/by_region", "requester", "mohw")).status_code == 403
    checker = (await house.get(path, "output-checker", "mois", subject="kim")).json()
    assert checker["actions"] == ["read", "vote"]
    assert (await house.get(f"{path}/tables/by_region", "output-checker", "mois", subject="kim")).status_code == 200
    draft = await house.get(f"{path}/report", "output-checker", "mois", subject="kim", params={"lang": "en"})
    assert "Draft for checking" in draft.text
    auditor = (await house.get(path, "auditor", "bai")).json()
    assert (auditor["status"], auditor["tables"], auditor["actions"]) == ("held", [], [])
    assert (await house.get(f"{path}/tables/by_region", "auditor", "bai")).status_code == 403
    author = await house.get(f"{path}/tables/by_region", "output-checker", "mohw", subject=AUTHOR)
    assert author.status_code == 403


async def test_answers_carry_etags_and_a_vote_on_an_older_reading_is_refused(house: House) -> None:
    result = await house.held()
    seen = await house.get(f"/results/{result.id}", "output-checker", "mois", subject="kim")
    assert seen.headers["etag"] == f'"{result.version}"'
    stale = await house.vote(result.id, "kim", APPROVE, headers={"If-Match": f'"{result.version - 1}"'})
    assert stale.status_code == 412
    asked = {"If-Match": seen.headers["etag"], "Idempotency-Key": "k1"}
    good = await house.vote(result.id, "kim", APPROVE, headers=asked)
    assert good.status_code == 201
    same = await house.vote(result.id, "kim", APPROVE, headers=asked)
    assert (same.status_code, same.json()) == (201, good.json())


async def test_outputs_that_are_missing_are_looked_for_again_and_then_withhold_the_result(house: House) -> None:
    good = await artefact(house.storage, OutputKind.TABLE, "by_region", table())
    event = finished((good.model_copy(update={"object": missing_object()}),))
    await house.finish(event)
    async with asyncio.timeout(PATIENCE):
        while not (await house.until(Status.CHECKING)).last_error:
            await asyncio.sleep(0.02)
    result = await house.result()
    assert (result.last_error, result.attempts) == ("outputs-unreadable", 1)
    async with house.client.app.state.db.transaction() as session:
        await put_off_check(session, result.id, result.fence, code="outputs-unreadable", limit=1)
    withheld = await house.result()
    assert (withheld.status, withheld.reason) == (Status.WITHHELD, "The outputs of the run are missing or damaged.")


async def test_a_check_that_never_comes_back_is_given_up(house: House) -> None:
    """Of a process that dies in the check only the risen number of attempts is left."""
    app = house.client.app
    good = await artefact(house.storage, OutputKind.TABLE, "by_region", table())
    await house.storage.delete(good.object.sha256)
    await house.finish(finished((good,)))
    async with asyncio.timeout(PATIENCE):
        while not (await house.until(Status.CHECKING)).last_error:
            await asyncio.sleep(0.02)
    result = await house.result()
    async with app.state.db.transaction() as session:
        row = await session.get_one(Result, result.id)
        row.attempts, row.due_at = app.state.settings.check_attempts, row.created_at
    withheld = await house.until(Status.WITHHELD)
    assert withheld.last_error == "check-crashed"


async def test_a_storage_that_is_away_is_no_attempt(house: House) -> None:
    good = await artefact(house.storage, OutputKind.TABLE, "by_region", table())
    await house.storage.delete(good.object.sha256)
    await house.finish(finished((good,)))
    async with asyncio.timeout(PATIENCE):
        while not (await house.until(Status.CHECKING)).last_error:
            await asyncio.sleep(0.02)
    result = await house.result()
    async with house.client.app.state.db.transaction() as session:
        await put_off_check(session, result.id, result.fence, code="check-failed", limit=None)
    waiting = await house.result()
    assert (waiting.status, waiting.attempts) == (Status.CHECKING, result.attempts - 1)


async def test_outputs_that_come_back_are_checked(house: House) -> None:
    good = await artefact(house.storage, OutputKind.TABLE, "by_region", table())
    raw = await house.storage.read(good.object.sha256, 10**6)
    await house.storage.delete(good.object.sha256)
    await house.finish(finished((good,)))
    async with asyncio.timeout(PATIENCE):
        while not (await house.until(Status.CHECKING)).last_error:
            await asyncio.sleep(0.02)
    await house.storage.put_bytes(raw, "application/json")
    assert (await house.until(Status.HELD)).last_error is None


async def test_a_check_that_takes_longer_than_its_lease_keeps_its_claim(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.client.app.state.settings.check_lease = timedelta(seconds=0.4)
    read = house.storage.read

    async def slowly(sha256: str, limit: int) -> bytes:
        await asyncio.sleep(1.5)
        return await read(sha256, limit)

    monkeypatch.setattr(house.storage, "read", slowly)
    result = await house.held((await artefact(house.storage, OutputKind.TABLE, "by_region", table()),))
    assert (result.attempts, result.fence) == (1, 1)
