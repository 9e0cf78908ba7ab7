"""What a real broker holds when a backup is taken is not in it, and arrives after the restore."""

import importlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi import FastAPI

from deploy.backups.place import Place
from deploy.backups.restore import restore
from deploy.backups.save import save
from deploy.installation import SERVICES, settings
from shared.rabbit import RabbitBus
from tests.backups.places import LISTENERS, ROOT, heard, revoke, said
from tests.conftest import idle
from tests.databases import migrated
from tests.e2e.conftest import remove_topology
from tests.servers import RABBITMQ
from tests.waiting import eventually

pytestmark = [pytest.mark.heavy, pytest.mark.rabbitmq]


@pytest.fixture
async def prefixes() -> AsyncIterator[Iterator[str]]:
    """Names of two brokers within the one that is here."""
    names = [f"duretest_{uuid4().hex[:10]}" for _ in range(2)]
    yield iter(names)
    for name in names:
        await remove_topology(name)


@asynccontextmanager
async def running(folder: Path, prefix: str, *services: str) -> AsyncIterator[dict[str, FastAPI]]:
    """These services of an installation, in this process, each with its own end of the broker."""
    values, apps = settings(folder, "http://test"), {}
    async with AsyncExitStack() as stack:
        for name in services:
            module = importlib.import_module(f"services.{name}.app")
            bus = RabbitBus(RABBITMQ, name, prefix=prefix, timeout=30)
            apps[name] = module.build(module.Settings(**values[name]), bus)
            await stack.enter_async_context(apps[name].router.lifespan_context(apps[name]))
            await eventually(partial(connected, bus))
        yield apps


async def connected(bus: RabbitBus) -> bool:
    return bus.down is None


async def test_what_the_broker_held_is_heard_after_a_restore(
    tmp_path: Path, prefixes: Iterator[str]
) -> None:
    source, target, old = tmp_path / "source", tmp_path / "target", next(prefixes)
    source.mkdir()
    for name in SERVICES:
        migrations = ROOT / "services" / name / "migrations"
        await migrated(migrations, f"sqlite+aiosqlite:///{source}/{name}.db")
    async with running(source, old, *LISTENERS):
        pass  # their queues are there now, and nobody reads them
    async with running(source, old, "requests") as apps:
        for _ in range(3):
            await revoke(apps["requests"].state.db)
        await eventually(partial(idle, apps["requests"]))
        await save(Place.in_folder(source), tmp_path / "archive", keys=True)
    _, resent, audited = await restore(tmp_path / "archive", Place.in_folder(target))
    assert (resent, audited) == (3, True)
    async with running(target, next(prefixes), *LISTENERS, "requests") as apps:
        sent = await said(apps["requests"])
        assert len(sent) == 3
        for name in LISTENERS:
            await eventually(partial(all_heard, apps[name], sent))


async def all_heard(app: FastAPI, sent: set[object]) -> bool:
    return await heard(app) == dict.fromkeys(sent, "done")
