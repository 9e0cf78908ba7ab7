"""An installation of every kept version goes on under the code of today."""

import asyncio
import csv
import gzip
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Client
from tests.snapshots.installations import (
    HERE,
    VERSIONS,
    Installation,
    decide_and_vote,
    settle,
    unpacked,
)
from tests.waiting import PATIENCE

pytestmark = pytest.mark.heavy
KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=KINDS)
async def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def installation(version: str, kind: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """The snapshot, unpacked and not yet migrated."""
    async with unpacked(version, kind, tmp_path) as place:
        yield place


def same(old: Any, new: Any, where: str = "") -> None:
    """Whatever the old answer said the new one says; it may say more."""
    if isinstance(old, dict):
        for name, value in old.items():
            assert name in new, f"{where}/{name} is gone"
            same(value, new[name], f"{where}/{name}")
    elif isinstance(old, list):
        assert len(old) == len(new), f"{where} has another length"
        for at, value in enumerate(old):
            same(value, new[at], f"{where}/{at}")
    else:
        assert old == new, f"{where} is another"


def test_there_is_a_snapshot_and_it_says_its_version(version: str) -> None:
    assert "0.1.0" in VERSIONS
    assert json.loads((HERE / version / "snapshot.json").read_text())["version"] == version


async def test_the_finished_result_reads_as_it_did(installation: Installation) -> None:
    await asyncio.to_thread(installation.upgrade)
    expected = installation.expected
    async with installation.running() as clients:
        results = clients["results"]
        reader = installation.headers(expected["people"]["reader"])
        shown = (
            (await results.get(f"/{expected['result']}", headers=reader)).raise_for_status().json()
        )
        same(expected["finished"], shown)
        tables = sorted((installation.folder / "expected/tables").glob("*.csv"))
        assert [table.stem for table in tables] == sorted(
            table["name"] for table in shown["tables"]
        )
        for table in tables:
            path, as_csv = f"/{expected['result']}/tables/{table.stem}", {"Accept": "text/csv"}
            read = (await results.get(path, headers=reader | as_csv)).raise_for_status().text
            assert list(csv.reader(read.splitlines())) == list(
                csv.reader(table.read_text().splitlines())
            ), table.stem
        for lang, title in (("ko", "복지 사각지대"), ("en", "Welfare blind spots")):
            report = await results.get(f"/{expected['result']}/report?lang={lang}", headers=reader)
            assert title in report.raise_for_status().text
        requester = installation.headers(expected["people"]["requester"])
        request = await clients["requests"].get(f"/{expected['request']}", headers=requester)
        assert request.raise_for_status().json()["status"] == "released"
        runs = await clients["analysis"].get(
            "/runs", headers=requester, params={"request_id": expected["request"]}
        )
        assert [run["status"] for run in runs.raise_for_status().json()["items"]] == ["succeeded"]
        datasets = await clients["catalog"].get("/datasets", headers=requester)
        assert {each["state"] for each in datasets.raise_for_status().json()["items"]} == {
            "published"
        }
        listed = await results.get(
            f"/{expected['result']}/restricted-list",
            headers=requester,
            params={"reason": "Visits of the third round."},
        )
        assert listed.raise_for_status().text.splitlines()


async def test_the_waiting_request_goes_on(installation: Installation) -> None:
    await asyncio.to_thread(installation.upgrade)
    async with installation.running() as clients:
        await settle(clients)
        await decide_and_vote(installation, clients["requests"])
        await settle(clients)


async def test_the_audit_still_verifies(installation: Installation) -> None:
    """Against the checkpoints of then, before and after today's code has written to it."""
    await asyncio.to_thread(installation.upgrade)
    assert await installation.verified()
    expected = installation.expected
    decision = expected["decisions"][0]
    async with installation.running() as clients:
        before = await position(installation, clients["requests"])
        answer = await clients["requests"].post(
            f"/{expected['waiting']}/decisions",
            headers=installation.headers(decision["who"]),
            json=decision["body"],
        )
        assert answer.status_code in (200, 201), answer.text
        async with asyncio.timeout(PATIENCE):
            while await position(installation, clients["requests"]) <= before:
                await asyncio.sleep(0.05)
        await settle(clients)
    assert await installation.verified()


async def position(installation: Installation, client: Client) -> int:
    """How far the audit of a service is sealed."""
    auditor = installation.headers(installation.expected["people"]["auditor"])
    answer = (await client.get("/audit/checkpoint", headers=auditor)).raise_for_status()
    return int(answer.json()["position"])


def test_nothing_in_it_names_the_machine_it_was_made_on(version: str, tmp_path: Path) -> None:
    for packed in (HERE / version).rglob("installation.tar.xz"):
        with tarfile.open(packed) as tar:
            tar.extractall(tmp_path / packed.parent.name, filter="data")
    contents = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    contents |= {
        file: gzip.decompress(file.read_bytes()) for file in (HERE / version).rglob("*.sql.gz")
    }
    for file, content in contents.items():
        for word in (b"/tmp/", b"/work/", b"/home/", b"/root/", b"file://", b"dure-snapshot-"):
            assert word not in content, f"{file.name} holds {word.decode()}"
    assert (
        sum(file.stat().st_size for file in (HERE / version).rglob("*") if file.is_file())
        < 2_000_000
    )
