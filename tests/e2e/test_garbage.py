"""Garbage collection of the storage: what nobody needs goes, audited first; what anybody speaks of stays."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import delete, select

from deploy.collect_garbage import collect
from deploy.embedded import build, embed
from deploy.installation import SERVICES
from deploy.tokens import mint
from services.analysis.models import Run
from shared.ids import new_id
from shared.storage import Storage
from tests.e2e.troubled import INCOME, INCOME_CSV

pytestmark = pytest.mark.heavy

WEEK = timedelta(days=7)


class Place:
    """The running suite in this process, its catalog's door, and its objects."""

    def __init__(self, folder: Path, apps: dict[str, FastAPI]) -> None:
        self.folder, self.apps = folder, apps
        token = mint(folder, "steward", "nts", "lee")
        transport = httpx.ASGITransport(app=apps["catalog"])
        self.http = httpx.AsyncClient(
            transport=transport, base_url="http://catalog", headers={"Authorization": f"Bearer {token}"}
        )
        self.databases = {name: apps[name].state.db for name in SERVICES}
        self.storage: Storage = apps["catalog"].state.storage

    async def register(self) -> str:
        answer = await self.http.post("/catalog/datasets", json=INCOME)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def upload(self, dataset: str, content: str, ends: str) -> str:
        """The digest of the file, once its check has ended so."""
        put = await self.http.put(f"/catalog/datasets/{dataset}/file", content=content, headers={"Content-Type": "text/csv"})
        assert put.status_code == 202, put.text
        version = (await self.http.get(f"/catalog/datasets/{dataset}")).json()["latest_file"]
        async with asyncio.timeout(60):
            while (await self.http.get(f"/catalog/datasets/{dataset}/checks/{version}")).json()["state"] != ends:
                await asyncio.sleep(0.05)
        return hashlib.sha256(content.encode()).hexdigest()

    async def settle(self) -> None:
        """Until every event has been handled."""
        async with asyncio.timeout(60):
            for _ in range(2):
                for db in self.databases.values():
                    while await self.waiting(db):
                        await asyncio.sleep(0.05)

    async def waiting(self, db: Any) -> bool:
        outbox, inbox = db.tables.outbox, db.tables.inbox
        async with db.reading() as session:
            unsent = (await session.execute(select(outbox.c.id).where(outbox.c.due_at.is_not(None)))).first()
            return bool(unsent or (await session.execute(select(inbox.c.id).where(inbox.c.state == "new"))).first())

    async def forget_events(self) -> None:
        """As when they were purged, long after."""
        for db in self.databases.values():
            async with db.transaction() as session:
                await session.execute(delete(db.tables.outbox))
                await session.execute(delete(db.tables.inbox))

    def age(self, *young: str) -> None:
        """Every object is old, but for these."""
        for path in (self.folder / "objects" / "sha256").rglob("*"):
            if path.is_file() and path.name not in young:
                os.utime(path, (time.time() - 30 * 86400,) * 2)

    def objects(self) -> set[str]:
        return {path.name for path in (self.folder / "objects" / "sha256").rglob("*") if path.is_file()}

    async def collect(self, **more: bool) -> set[str]:
        return set((await collect(self.databases, self.storage, WEEK, **more)).objects)

    async def audited(self) -> list[dict[str, Any]]:
        table = self.databases["catalog"].tables.audit
        async with self.databases["catalog"].reading() as session:
            rows = await session.execute(select(table.c.detail).where(table.c.action == "catalog.collect-garbage"))
            return [json.loads(detail) for detail in rows.scalars()]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    apps = build(tmp_path, "http://127.0.0.1:1")
    whole = embed(apps)
    async with whole.router.lifespan_context(whole):
        place = Place(tmp_path, apps)
        yield place
        await place.http.aclose()


async def test_only_what_nobody_speaks_of_goes(place: Place) -> None:
    kept, gone = await place.register(), await place.register()
    first = await place.upload(kept, INCOME_CSV, "passed")
    refused = await place.upload(kept, INCOME_CSV + "P9999,much\n", "failed")
    live = await place.upload(kept, INCOME_CSV + "P9999,1\n", "passed")
    withdrawn = await place.upload(gone, INCOME_CSV + "P9998,1\n", "passed")
    asked_for = await place.upload(gone, INCOME_CSV + "P9997,1\n", "passed")
    await place.http.post(f"/catalog/datasets/{gone}/withdraw", json={"reason": "It held an error."})
    orphan = (await place.storage.put_bytes(b"nobody's", "x/y")).sha256
    young = (await place.storage.put_bytes(b"of just now", "x/y")).sha256
    await place.settle()
    place.age(young)
    assert await place.collect(dry_run=True) == {refused, orphan}
    assert await place.audited() == []
    assert await place.collect() == {refused, orphan}
    assert place.objects() == {first, live, withdrawn, asked_for, young}, "events may be sent again"
    (told,) = await place.audited()
    assert told["objects"] == 2
    assert set(told["sha256"]) == {refused, orphan}
    async with place.databases["analysis"].transaction() as session:
        approved = {"inputs": [{"object": {"sha256": asked_for}}]}
        names: dict[str, Any] = {"ministry": "mohw", "method_name": "m", "method_release": "1.0.0", "method_digest": "0" * 64}
        session.add(Run(request_id=new_id(), approved=approved, due_at=None, **names))
    await place.forget_events()
    assert await place.collect() == {first, withdrawn}
    assert place.objects() == {live, asked_for, young}
    assert await place.collect() == set()
    assert len(await place.audited()) == 2
    assert (await place.upload(kept, INCOME_CSV + "P9999,much\n", "failed")) == refused, "what went may come again"


async def test_as_a_command(place: Place) -> None:
    await place.storage.put_bytes(b"nobody's", "x/y")
    place.age()

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "deploy.collect_garbage", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    dry = await asyncio.to_thread(run, "--folder", str(place.folder), "--dry-run")
    assert dry.stdout == "Would delete 1 objects, 8 bytes.\n", dry.stderr
    assert len(place.objects()) == 1
    wet = await asyncio.to_thread(run, "--folder", str(place.folder))
    assert (wet.returncode, wet.stdout) == (0, "Deleted 1 objects, 8 bytes.\n"), wet.stderr
    assert place.objects() == set()
    assert (await asyncio.to_thread(run, "--folder", str(place.folder / "nowhere"))).returncode == 2
    urls = [f"--url={name}=sqlite+aiosqlite:///{place.folder}/{name}.db" for name in SERVICES]
    without = await asyncio.to_thread(run, *urls, "--storage", (place.folder / "objects").as_uri())
    assert (without.returncode, "--mac-key" in without.stderr) == (2, True)  # the row would look forged
    three = [f"--url={name}=sqlite+aiosqlite:///x.db" for name in SERVICES[:3]]
    assert (await asyncio.to_thread(run, *three, "--storage", "file:///x")).returncode == 2
