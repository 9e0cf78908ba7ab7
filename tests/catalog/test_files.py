"""Files: handed in as a stream, checked behind the answer, published whole or not at all."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlmodel import select, update

from services.catalog import actions, checks
from services.catalog.models import DatasetFile
from services.catalog.profile import check_apart
from services.catalog.profile.process import CheckCrashedError
from shared.contracts import Envelope
from shared.due import db_now
from shared.storage import Corrupt, MissingObject

PARQUET = "application/vnd.apache.parquet"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
GOOD = b"person_no,wages\nP1,100\nP2,\n"
BAD = b"person_no,wages\nP1,100\nP2,many\n"


async def test_a_file_is_taken_then_published(desk: Any, heard: list[Envelope]) -> None:
    dataset = await desk.register()
    response = await desk.put(dataset["id"])
    assert response.status_code == 202
    assert response.headers["location"] == f"/catalog/datasets/{dataset['id']}/checks/1"
    assert response.json()["state"] in ("uploaded", "checking")
    check = await desk.checked(dataset["id"])
    assert (check["state"], check["rows"], check["error_count"], check["errors"]) == ("passed", 2, 0, [])
    assert check["object"] == {"sha256": hashlib.sha256(GOOD).hexdigest(), "size": len(GOOD), "media_type": "text/csv"}
    shown = (await desk.get(f"/catalog/datasets/{dataset['id']}", "requester", "mohw")).json()
    assert (shown["state"], shown["version"], shown["rows"]) == ("published", 1, 2)
    await desk.client.settle()
    event = heard[-1].data
    assert (event["dataset_id"], event["version"], event["rows"], event["object"]) == (dataset["id"], 1, 2, check["object"])
    assert event["table"] == dataset["table"]


async def test_a_parquet_file(desk: Any, tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 'P' || i AS person_no, i AS wages FROM range(50) t(i)) TO '{path}' (FORMAT parquet)")
    dataset = await desk.register()
    assert (await desk.put(dataset["id"], path.read_bytes(), media_type=PARQUET)).status_code == 202
    assert (await desk.checked(dataset["id"]))["rows"] == 50


async def test_a_bad_file_publishes_nothing(desk: Any, heard: list[Envelope]) -> None:
    dataset = await desk.register()
    await desk.put(dataset["id"], BAD)
    check = await desk.checked(dataset["id"])
    assert check["state"] == "failed"
    assert check["errors"] == [
        {
            "line": 3, "column": "wages", "source_name": None, "code": "not-an-integer", "cause": None, "lines": [],
            "count": None,
            "detail": {"ko": "64비트 정수가 아닙니다.", "en": "This is not a whole number of 64 bits."},
        }
    ]  # fmt: skip
    assert "many" not in str(check)
    shown = (await desk.get(f"/catalog/datasets/{dataset['id']}")).json()
    assert (shown["state"], shown["version"], shown["rows"]) == ("rejected", None, None)
    assert (await desk.get(f"/catalog/datasets/{dataset['id']}", "requester", "mohw")).status_code == 404
    await desk.client.settle()
    assert [envelope for envelope in heard if "dataset" in envelope.type] == []
    assert (await desk.put(dataset["id"])).status_code == 202
    assert (await desk.checked(dataset["id"], 2))["state"] == "passed"


async def test_a_new_version_replaces_the_old_only_when_it_passes(desk: Any, heard: list[Envelope]) -> None:
    dataset = await desk.published()
    await desk.put(dataset["id"], BAD)
    assert (await desk.checked(dataset["id"], 2))["state"] == "failed"
    shown = (await desk.get(f"/catalog/datasets/{dataset['id']}")).json()
    assert (shown["state"], shown["version"], shown["latest_file"]) == ("published", 1, 2)
    await desk.put(dataset["id"], GOOD + b"P3,7\n")
    assert (await desk.checked(dataset["id"], 3))["state"] == "passed"
    shown = (await desk.get(f"/catalog/datasets/{dataset['id']}")).json()
    assert (shown["state"], shown["version"], shown["rows"]) == ("published", 3, 3)
    await desk.client.settle()
    assert [envelope.data["version"] for envelope in heard if envelope.type == "catalog.dataset-published.v1"] == [1, 3]


async def test_the_same_file_again_is_the_same_version(desk: Any) -> None:
    dataset = await desk.published()
    again = await desk.put(dataset["id"])
    assert (again.status_code, again.json()["version"], again.json()["state"]) == (200, 1, "passed")


async def test_authorisation_comes_before_the_body(desk: Any) -> None:
    """Nothing of the body is read for somebody who may not hand in."""
    dataset = await desk.published()
    taken = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal taken
        taken += 1
        yield GOOD

    refused = await desk.put(dataset["id"], body(), ministry="mohw")
    assert (refused.status_code, refused.json()["right"]) == (403, "steward of nts")
    draft = await desk.register()
    assert (await desk.put(draft["id"], body(), ministry="mohw")).status_code == 404
    assert (await desk.put(draft["id"], body(), media_type="application/json")).status_code == 415
    path, headers = f"/catalog/datasets/{draft['id']}/file", {"Content-Type": "text/csv"}
    response = await desk.client.put(path, content=body(), headers=headers)
    assert response.status_code == 401
    assert (await desk.get(f"/catalog/datasets/{draft['id']}")).json()["latest_file"] == 0
    assert taken == 0


async def test_media_types(desk: Any) -> None:
    dataset = await desk.register()
    for media_type in ("text/html", "application/zip", ""):
        response = await desk.put(dataset["id"], media_type=media_type)
        assert response.status_code == 415
        assert {"text/csv", PARQUET, XLSX} <= set(response.json()["accepted"])
    for parameter, accepted in (("charset=latin-1", "euc-kr"), ("delimiter=x", "semicolon")):
        response = await desk.put(dataset["id"], media_type=f"text/csv; {parameter}")
        assert (response.status_code, accepted in response.json()["accepted"]) == (415, True)
    assert (await desk.put(dataset["id"], **{"Content-Encoding": "gzip"})).status_code == 415
    assert (await desk.put(dataset["id"], media_type="Text/CSV; charset=utf-8; header=present")).status_code == 202
    assert (await desk.checked(dataset["id"]))["object"]["media_type"] == "text/csv"


@pytest.mark.parametrize("media_type", ["application/octet-stream", "application/vnd.ms-excel", "application/csv"])
async def test_what_browsers_on_windows_send_for_csv(desk: Any, media_type: str) -> None:
    dataset = await desk.register()
    assert (await desk.put(dataset["id"], media_type=media_type)).status_code == 202
    check = await desk.checked(dataset["id"])
    assert (check["state"], check["converted"]) == ("passed", None)


async def test_a_declared_charset_is_recorded_and_readers_get_utf8(desk: Any, heard: list[Envelope]) -> None:
    dataset = await desk.register()
    data = "wages;person_no\r\n1.0;가나다1\r\n;가나다2\r\n".encode("cp949")
    await desk.put(dataset["id"], data, media_type="text/csv; charset=EUC-KR; delimiter=semicolon")
    check = await desk.checked(dataset["id"])
    assert (check["state"], check["charset"], check["errors"]) == ("passed", "euc-kr", [])
    sent = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    assert check["object"] == sent | {"media_type": "text/csv; charset=euc-kr; delimiter=semicolon"}
    plain = "person_no,wages\n가나다1,1\n가나다2,\n".encode()
    assert check["converted"] == {"sha256": hashlib.sha256(plain).hexdigest(), "size": len(plain), "media_type": "text/csv"}
    await desk.client.settle()
    assert heard[-1].data["object"] == check["converted"]
    stored = await desk.client.app.state.storage.read(check["converted"]["sha256"], 1000)
    assert stored == plain


async def test_the_same_bytes_as_something_else_are_another_version(desk: Any) -> None:
    dataset = await desk.register()
    await desk.put(dataset["id"], GOOD)
    assert (await desk.checked(dataset["id"]))["state"] == "passed"
    again = await desk.put(dataset["id"], GOOD, media_type="text/csv; charset=cp949")
    assert (again.status_code, again.json()["version"]) == (202, 2)


async def test_a_file_over_the_limit(open_desk: Any) -> None:
    desk = await open_desk(upload_limit=1000)
    dataset = await desk.register()

    async def chunked() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    for body in (b"x" * 1001, chunked()):
        response = await desk.put(dataset["id"], body)
        assert (response.status_code, response.json()["limit_bytes"]) == (413, 1000)
    assert (await desk.get(f"/catalog/datasets/{dataset['id']}")).json()["state"] == "draft"


async def test_digests_are_verified(desk: Any) -> None:
    dataset = await desk.register()
    right = "sha-256=:" + base64.b64encode(hashlib.sha256(GOOD).digest()).decode() + ":"
    wrong = "sha-256=:" + base64.b64encode(hashlib.sha256(BAD).digest()).decode() + ":"
    for header in ("Repr-Digest", "Content-Digest"):
        refused = await desk.put(dataset["id"], **{header: wrong})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"header/{header.lower()}")
        assert (await desk.put(dataset["id"], **{header: "sha-256=:xyz:"})).status_code == 400
    assert (await desk.get(f"/catalog/datasets/{dataset['id']}")).json()["latest_file"] == 0
    assert (await desk.put(dataset["id"], **{"Repr-Digest": f"sha-512=:abc:, {right}"})).status_code == 202


async def test_checks_are_the_owners_affair(desk: Any) -> None:
    dataset = await desk.published()
    path = f"/catalog/datasets/{dataset['id']}/checks"
    assert (await desk.get(f"{path}/1")).status_code == 200
    for roles, ministry in (("requester", "nts"), ("steward", "mohw"), ("ops", "mois"), ("auditor", "mois")):
        assert (await desk.get(f"{path}/1", roles, ministry)).status_code == 404
    assert (await desk.get(f"{path}/2")).status_code == 404


async def test_nothing_gives_the_file_out(desk: Any) -> None:
    dataset = await desk.published()
    assert (await desk.get(f"/catalog/datasets/{dataset['id']}/file")).status_code == 405
    paths = (await desk.client.get("/catalog/openapi.json")).json()["paths"]
    for path, operations in paths.items():
        if "/datasets" in path and "get" in operations:
            assert list(operations["get"]["responses"]["200"]["content"]) == ["application/json"], path


async def test_a_newer_file_overtakes_the_one_being_checked(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = check_apart
    began = asyncio.Event()

    async def slow_once(job: Any) -> Any:
        monkeypatch.setattr(checks, "check_apart", real)
        began.set()
        await asyncio.sleep(60)

    monkeypatch.setattr(checks, "check_apart", slow_once)
    desk.client.app.state.settings.check_lease = timedelta(seconds=0.3)
    dataset = await desk.register()
    await desk.put(dataset["id"], BAD)
    await began.wait()
    await desk.put(dataset["id"])
    assert (await desk.checked(dataset["id"], 2))["state"] == "passed"
    assert (await desk.checked(dataset["id"], 1))["state"] == "superseded"
    assert (await desk.get(f"/catalog/datasets/{dataset['id']}")).json()["version"] == 2


async def test_a_withdrawal_overtakes_the_check(desk: Any, monkeypatch: pytest.MonkeyPatch, heard: list[Envelope]) -> None:
    began, go_on, real = asyncio.Event(), asyncio.Event(), check_apart

    async def held(job: Any) -> Any:
        began.set()
        await go_on.wait()
        return await real(job)

    monkeypatch.setattr(checks, "check_apart", held)
    dataset = await desk.register()
    await desk.put(dataset["id"])
    await began.wait()
    assert (await desk.withdraw(dataset["id"])).status_code == 200
    recorded, record = asyncio.Event(), actions.record_check

    async def recording(*values: Any) -> None:
        await record(*values)
        recorded.set()

    monkeypatch.setattr(actions, "record_check", recording)
    go_on.set()
    await recorded.wait()
    shown = (await desk.get(f"/catalog/datasets/{dataset['id']}")).json()
    assert (shown["state"], shown["version"]) == ("withdrawn", None)
    assert (await desk.checked(dataset["id"]))["state"] == "superseded"
    assert [envelope for envelope in heard if "dataset" in envelope.type] == []


async def test_a_check_that_breaks_down_is_tried_again_and_then_given_up(open_desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = await open_desk(check_attempts=2, idle_seconds=0.05)
    tries = 0

    async def crash(job: Any) -> Any:
        nonlocal tries
        tries += 1
        raise CheckCrashedError("the check ended with status -11")

    monkeypatch.setattr(checks, "check_apart", crash)
    dataset = await desk.register()
    await desk.put(dataset["id"])
    check = await desk.checked(dataset["id"])
    assert (tries, check["state"], check["errors"][0]["code"]) == (2, "failed", "check-crashed")
    assert (await desk.get(f"/catalog/datasets/{dataset['id']}")).json()["state"] == "rejected"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeError("anything"), "check-crashed"), (TimeoutError(), "check-too-slow"),
        (MissingObject("0" * 64), "file-lost"), (Corrupt("0" * 64), "file-damaged"),
    ],
)  # fmt: skip
async def test_whatever_breaks_a_check_ends_it_after_a_few_tries(
    open_desk: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    """Whatever else is raised than that the storage is away; the steward reads why in two languages."""
    desk = await open_desk(check_attempts=2, idle_seconds=0.05)
    tries = 0

    async def crash(*_: Any) -> Any:
        nonlocal tries
        tries += 1
        raise error

    monkeypatch.setattr(checks, "examine_file", crash)
    dataset = await desk.register()
    await desk.put(dataset["id"])
    check = await desk.checked(dataset["id"])
    assert (tries, check["state"], [one["code"] for one in check["errors"]]) == (2, "failed", [code])
    assert all(len(check["errors"][0]["detail"][language]) > 10 for language in ("ko", "en"))


async def test_a_process_that_dies_or_hangs_is_a_crash(desk: Any, tmp_path: Path) -> None:
    from services.catalog.profile import Limits, check_apart
    from services.catalog.profile.process import Job
    from shared.contracts import Column

    path = tmp_path / "table"
    path.write_bytes(GOOD)
    columns = tuple(Column.model_validate(column) for column in desk.example["table"])
    with pytest.raises(CheckCrashedError):
        await check_apart(Job(path=tmp_path / "missing", media_type="text/csv", columns=columns, limits=Limits()))
    with pytest.raises(TimeoutError):
        await check_apart(Job(path=path, media_type="text/csv", columns=columns, limits=Limits(seconds=0.01)))
    assert (await check_apart(Job(path=path, media_type="text/csv", columns=columns, limits=Limits()))).passed


async def test_an_interrupted_check_goes_to_the_next(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends in the middle: when the lease runs out, the file is checked as if nothing had happened."""
    service = desk.client.app.state.service
    real, began = check_apart, asyncio.Event()

    async def stuck(job: Any) -> Any:
        began.set()
        await asyncio.sleep(60)

    monkeypatch.setattr(checks, "check_apart", stuck)
    dataset = await desk.register()
    await desk.put(dataset["id"])
    await began.wait()
    service.tasks["check_next"].cancel()
    await asyncio.gather(service.tasks["check_next"], return_exceptions=True)
    monkeypatch.setattr(checks, "check_apart", real)
    assert not await checks.check_next(service.context)
    async with desk.client.app.state.db.transaction() as session:  # the lease runs out
        await session.exec(update(DatasetFile).values(due_at=db_now()))
    assert await checks.check_next(service.context)
    async with desk.client.app.state.db.reading() as session:
        file = (await session.exec(select(DatasetFile))).one()
    assert (file.state, file.fence, file.due_at) == ("passed", 2, None)


async def test_the_deeds_are_audited_without_data(desk: Any) -> None:
    dataset = await desk.published()
    await desk.put(dataset["id"], BAD)
    await desk.checked(dataset["id"], 2)
    await desk.put(dataset["id"], ministry="mohw")
    await desk.withdraw(dataset["id"])
    db = desk.client.app.state.db
    async with db.reading() as session:
        rows = (await session.execute(db.tables.audit.select().order_by(db.tables.audit.c.id))).mappings().all()
    deeds = [(row["action"], row["outcome"], row["actor"]) for row in rows if row["action"] != "catalog.join-ministry"]
    assert deeds == [
        ("catalog.register-dataset", "done", "steward.nts"), ("catalog.attach-file", "done", "steward.nts"),
        ("catalog.publish-dataset", "done", "/catalog"), ("catalog.attach-file", "done", "steward.nts"),
        ("catalog.reject-file", "done", "/catalog"), ("catalog.attach-file", "refused", "steward.mohw"),
        ("catalog.withdraw-dataset", "done", "steward.nts"),
    ]  # fmt: skip
    assert not any("many" in row["detail"] for row in rows)
