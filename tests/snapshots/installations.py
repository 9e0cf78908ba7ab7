"""Kept snapshots, unpacked: an installation of an earlier version, as the tests go on with it."""

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

from deploy.embedded import build
from deploy.installation import SERVICES
from deploy.tokens import mint
from deploy.verify_audit import verify_service
from shared.ids import new_id
from shared.keys import SigningKey
from shared.migrate import check, upgrade
from tests.conftest import Client
from tests.databases import OWN, administer, postgres_url

HERE = Path(__file__).parent
VERSIONS = sorted(folder.name for folder in HERE.iterdir() if (folder / "sqlite").is_dir())


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


@asynccontextmanager
async def unpacked(version: str, kind: str, folder: Path) -> AsyncIterator[Installation]:
    """The snapshot of a version and kind (sqlite, postgres) in a folder, not yet migrated."""
    snapshot = HERE / version / kind
    with tarfile.open(snapshot / "installation.tar.xz") as packed:
        packed.extractall(folder, filter="data")
    expected = json.loads((folder / "expected/expected.json").read_text())
    if kind == "sqlite":
        urls = {name: f"sqlite+aiosqlite:///{folder}/{name}.db" for name in SERVICES}
        yield Installation(folder, urls, expected)
        return
    async with postgres_of(snapshot) as urls:
        yield Installation(folder, urls, expected)


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


async def decide_and_vote(place: Installation, requests: Client) -> None:
    """The waiting request is as it was, and goes on: its owners decide, the council begins."""
    expected = place.expected
    path, requester = f"/{expected['waiting']}", expected["people"]["requester"]

    async def shown() -> dict[str, Any]:
        answer = await requests.get(path, headers=place.headers(requester))
        document: dict[str, Any] = answer.raise_for_status().json()
        return document

    before = await shown()
    assert before["status"] == "owner_review"
    assert before["title"] == expected["asked"]["title"]
    assert before["waiting"]["code"] == expected["asked"]["waiting"]["code"]
    for decision in expected["decisions"]:
        answer = await requests.post(
            f"{path}/decisions", headers=place.headers(decision["who"]), json=decision["body"]
        )
        assert answer.status_code in (200, 201), answer.text
    assert (await shown())["status"] == "council_review"
    ballot = {"ballot": "approve", "reason": "Clear benefit, least data."}
    member = place.headers(expected["people"]["member"])
    voted = await requests.post(f"{path}/votes", headers=member, json=ballot)
    assert voted.status_code in (200, 201), voted.text
