"""A backup while the installation works on: one point, nothing lost, nothing done twice."""

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import MetaData, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.backups.cut import Source, cut, sources
from deploy.backups.place import Place
from deploy.backups.restore import restore
from deploy.backups.save import save
from deploy.embedded import build
from deploy.installation import SERVICES
from deploy.verify_audit import open_database
from services.analysis.models import Run
from shared.clock import now
from shared.db import plumbing
from shared.ids import new_id
from shared.keys import SigningKey
from tests.backups.places import LISTENERS, ROOT, empty_place, heard, revoke, said
from tests.conftest import idle
from tests.databases import migrated
from tests.waiting import eventually

PLUMBING = plumbing(MetaData())
pytestmark = pytest.mark.heavy
KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@asynccontextmanager
async def running(place: Place, folder: Path) -> AsyncIterator[dict[str, FastAPI]]:
    """The four services in this process on these databases."""
    settings: dict[str, Any] = {
        name: {"database_url": url, "migrate_at_start": False}
        for name, url in place.databases.items()
    }
    apps = build(folder, "http://test", **settings)
    async with AsyncExitStack() as stack:
        for name in SERVICES:
            await stack.enter_async_context(apps[name].router.lifespan_context(apps[name]))
        yield apps


async def settle(apps: dict[str, FastAPI]) -> None:
    for name in SERVICES * 2:  # what one handles may leave another something to do
        await eventually(partial(idle, apps[name]))


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_said_before_is_heard_once_and_nothing_else(
    kind: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(empty_place(kind, tmp_path / "source"))
        target = await stack.enter_async_context(empty_place(kind, tmp_path / "target"))
        (tmp_path / "source").mkdir()
        for name, url in source.databases.items():
            await migrated(ROOT / "services" / name / "migrations", url)
        async with running(source, tmp_path / "source") as apps:
            stop = asyncio.Event()

            async def revoke_on() -> None:
                while not stop.is_set():
                    await revoke(apps["requests"].state.db)
                    await eventually(partial(idle, apps["requests"]))

            async with asyncio.TaskGroup() as group:
                group.create_task(revoke_on())
                await eventually(lambda: heard(apps["results"]))
                keys = dict.fromkeys(SERVICES, tmp_path / "source" / "audit.pem")
                place = replace(source, audit_keys=keys)
                await save(place, tmp_path / "archive")
                stop.set()
            total = await said(apps["requests"])
            await settle(
                apps
            )  # who is stopped first takes nothing from those who are stopped later
        keys = dict.fromkeys(SERVICES, tmp_path / "source" / "audit.pem")
        await restore(tmp_path / "archive", replace(target, audit_keys=keys))
        (tmp_path / "source" / "audit.pem").rename(tmp_path / "target" / "audit.pem")
        async with running(target, tmp_path / "target") as apps:
            before = await said(apps["requests"])
            assert 0 < len(before) < len(total), "it was taken in the middle"
            assert before <= total
            for name in LISTENERS:
                assert (await heard(apps[name])).keys() <= before, "heard what nobody has said"
            await settle(apps)
            for name in LISTENERS:
                assert await heard(apps[name]) == dict.fromkeys(before, "done")


async def pass_an_event(urls: Mapping[str, str]) -> bool:
    """As somebody else's processes do it: said by requests, then in the inbox of results."""
    event, text = uuid4(), {"type": "x", "subject": "x", "body": "x"}
    said = insert(PLUMBING.outbox).values(id=event, event_id=event, created_at=now(), **text)
    heard = insert(PLUMBING.inbox).values(
        id=event, source="x", state="done", received_at=now(), **text
    )
    for service, statement in (("requests", said), ("results", heard)):
        engine = create_async_engine(urls[service])
        try:
            async with engine.begin() as connection:
                if engine.dialect.name == "postgresql":
                    await connection.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
                else:
                    await connection.exec_driver_sql("PRAGMA busy_timeout = 50")
                await connection.execute(statement)
        except DBAPIError as error:
            assert "lock" in str(error)
            return False
        finally:
            await engine.dispose()
    return True


@pytest.mark.parametrize("kind", KINDS)
async def test_no_event_passes_between_two_looks(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What results has heard requests has said: here results is looked at last."""
    async with empty_place(kind, tmp_path) as place:
        for name, url in place.databases.items():
            await migrated(ROOT / "services" / name / "migrations", url)
            if kind == "sqlite":  # as every service has it
                with closing(sqlite3.connect(tmp_path / f"{name}.db")) as connection:
                    connection.execute("PRAGMA journal_mode = WAL")
        databases = {source.service: source for source in sources(place)}
        requests, results = databases["requests"], databases["results"]
        tried, passed = asyncio.Event(), []

        async def look_first(look: Callable[[], Awaitable[None]] = requests.look) -> None:
            await look()
            passed.append(await pass_an_event(place.databases))
            tried.set()

        async def look_last(look: Callable[[], Awaitable[None]] = results.look) -> None:
            await tried.wait()
            await look()

        monkeypatch.setattr(requests, "look", look_first)
        monkeypatch.setattr(results, "look", look_last)
        try:
            await cut(list(databases.values()))
            said = await requests.texts("SELECT event_id FROM outbox")
            heard = await results.texts("SELECT id FROM inbox")
            after = await pass_an_event(place.databases)
        finally:
            for source in databases.values():
                await source.close()
        assert set(heard) <= set(said)
        assert (passed, after) == ([False], True), "held for the looks, and no longer"


async def test_the_cut_is_taken_anew_if_the_bundle_of_a_run_went_before_it_was_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place.in_folder(tmp_path / "source")
    (tmp_path / "source").mkdir()
    SigningKey.ensure(tmp_path / "source" / "audit.pem")
    for name, url in place.databases.items():
        await migrated(ROOT / "services" / name / "migrations", url)
    db, storage = open_database("analysis", place.databases["analysis"]), place.storage()
    method: dict[str, Any] = {"method_name": "m", "method_release": "1.0.0", "method_digest": "m"}
    run = Run(request_id=new_id(), ministry="mohw", approved={}, bundle_kept=True, **method)
    sha256, cuts = hashlib.sha256(b"pseudonyms").hexdigest(), 0

    async def meanwhile(databases: Sequence[Source]) -> None:
        """A bundle is made just before the first cut, and its run ends just after it."""
        nonlocal cuts
        cuts += 1
        if cuts == 1:
            await storage.put_bytes(b"pseudonyms", "x/y")
            run.bundle = {"files": [{"sha256": sha256}]}
            await keep(run)
        await cut(databases)
        if cuts == 1:
            await storage.delete(sha256)
            run.ended_at, run.bundle_kept = now(), False
            await keep(run)

    async def keep(run: Run) -> None:
        async with db.transaction() as session:
            await session.merge(run)

    monkeypatch.setattr("deploy.backups.save.cut", meanwhile)
    await save(place, tmp_path / "archive")
    assert cuts == 2
    with closing(sqlite3.connect(tmp_path / "archive/databases/analysis.db")) as copy:
        assert copy.execute("SELECT bundle_kept, ended_at IS NOT NULL FROM run").fetchall() == [
            (0, 1)
        ]
    run.ended_at, run.bundle_kept = None, True  # a storage that has lost what a run needs
    await keep(run)
    await db.close()
    manifest, _ = await save(place, tmp_path / "another")
    assert manifest.damaged == [sha256], "it is said, and the rest is backed up"
