"""An installation of every kept version goes on under the code of today."""

import asyncio
import csv
import gzip
import json
import tarfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from deploy.embedded import build
from deploy.installation import SERVICES
from deploy.tokens import mint
from deploy.verify_audit import verify_service
from shared.ids import new_id
from shared.keys import SigningKey
from shared.migrate import check, upgrade
from tests.conftest import Client
from tests.databases import OWN, administer, postgres_url
from tests.waiting import PATIENCE

pytestmark = pytest.mark.heavy
HERE = Path(__file__).parent
VERSIONS = sorted(folder.name for folder in HERE.iterdir() if (folder / "sqlite").is_dir())
KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@dataclass
class Installation:
    """An unpacked snapshot: folder, database URLs by service, what its version answered."""

    folder: Path
    urls: dict[str, str]
    expected: dict[str, Any]

    def headers(self, person: dict[str, str]) -> dict[str, str]:
        token = mint(self.folder, person["role"], person["ministry"], person["subject"])
        return {"Authorization": f"Bearer {token}", "Idempotency-Key": str(new_id())}

    def upgrade(self) -> None:
        """As the jobs of a deployment do it, before any service starts."""
        for service, url in self.urls.items():
            migrations = Path("services") / service / "migrations"
            upgrade(migrations, url)
            check(migrations, url)

    async def verified(self, *services: str) -> bool:
        key = SigningKey.load(self.folder / "audit.pem").verify_key
        checkpoints = self.folder / "checkpoints"
        return all(
            [
                await verify_service(name, self.urls[name], key, checkpoints)
                for name in services or SERVICES
            ]
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[dict[str, Client]]:
        """The four services of today on it."""
        databases: dict[str, Any] = {name: {"database_url": url} for name, url in self.urls.items()}
        apps = build(self.folder, "http://test", **databases)
        async with AsyncExitStack() as stack:
            clients = {}
            for name in SERVICES:
                await stack.enter_async_context(apps[name].router.lifespan_context(apps[name]))
                transport = httpx.ASGITransport(app=apps[name], raise_app_exceptions=False)
                clients[name] = await stack.enter_async_context(
                    Client(transport=transport, base_url=f"http://test/{name}")
                )
                clients[name].app = apps[name]
            yield clients


async def load(database: str, dump: Path) -> None:
    connection = await asyncpg.connect(postgres_url(database).replace("+asyncpg", ""))
    try:
        await connection.execute(gzip.decompress(dump.read_bytes()).decode())
    finally:
        await connection.close()


@asynccontextmanager
async def postgres_of(snapshot: Path) -> AsyncIterator[dict[str, str]]:
    """A database for each dump, dropped afterwards."""
    names = {service: f"{OWN}{uuid4().hex[:12]}" for service in SERVICES}
    try:
        for service, name in names.items():
            await administer(f'CREATE DATABASE "{name}"')
            await load(name, snapshot / f"{service}.sql.gz")
        yield {service: postgres_url(name) for service, name in names.items()}
    finally:
        await administer(
            *(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)' for name in names.values())
        )


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=KINDS)
async def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def installation(version: str, kind: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """The snapshot, unpacked and not yet migrated."""
    snapshot = HERE / version / kind
    with tarfile.open(snapshot / "installation.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    expected = json.loads((tmp_path / "expected/expected.json").read_text())
    if kind == "sqlite":
        yield Installation(
            tmp_path,
            {name: f"sqlite+aiosqlite:///{tmp_path}/{name}.db" for name in SERVICES},
            expected,
        )
        return
    async with postgres_of(snapshot) as urls:
        yield Installation(tmp_path, urls, expected)


async def settle(clients: dict[str, Client]) -> None:
    """Until every event has left and was handled; none may be given up."""
    for _ in range(2):  # what one handles may leave another something to do
        for client in clients.values():
            await client.settle()
    for name, client in clients.items():
        db = client.app.state.db
        async with db.reading() as session:
            dead = db.tables.inbox.select().where(db.tables.inbox.c.state == "dead")
            assert not (await session.execute(dead)).all(), f"an event is dead in {name}"


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
    expected = installation.expected
    path = f"/{expected['waiting']}"
    requester = expected["people"]["requester"]
    async with installation.running() as clients:
        await settle(clients)
        requests = clients["requests"]
        shown = (
            (await requests.get(path, headers=installation.headers(requester)))
            .raise_for_status()
            .json()
        )
        assert shown["status"] == "owner_review"
        assert shown["title"] == expected["asked"]["title"]
        assert shown["waiting"]["code"] == expected["asked"]["waiting"]["code"]
        for decision in expected["decisions"]:
            answer = await requests.post(
                f"{path}/decisions",
                headers=installation.headers(decision["who"]),
                json=decision["body"],
            )
            assert answer.status_code in (200, 201), answer.text
        shown = (
            (await requests.get(path, headers=installation.headers(requester)))
            .raise_for_status()
            .json()
        )
        assert shown["status"] == "council_review"
        ballot = {"ballot": "approve", "reason": "Clear benefit, least data."}
        voted = await requests.post(
            f"{path}/votes", headers=installation.headers(expected["people"]["member"]), json=ballot
        )
        assert voted.status_code in (200, 201), voted.text
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
