"""Fixtures for all tests: real SQLite files, the real in-process bus, real tokens; PostgreSQL and RabbitMQ where they are."""

import asyncio
import base64
import importlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from shared.bus import Bus, InProcessBus
from shared.clock import now
from shared.contracts import Envelope, Event
from shared.ids import new_id
from shared.keys import KeyPair, SigningKey
from tests.databases import migrated
from tests.heartbeat import Heartbeat

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # onnxruntime would report to its maker
POSTGRES = os.environ.get("DURE_TEST_POSTGRES", "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres")
RABBITMQ = os.environ.get("DURE_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672/")
ISSUER, AUDIENCE = "https://idp.test", "dure"
LEFT_OUT: dict[str, int] = {}
KEY = base64.b64encode(bytes(range(32))).decode()
KEYS = {"analysis": {"wrapping_key": KEY, "token_key": KEY}, "results": {"secret_keys": [KEY]}}


def listening(url: str, port: int) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or port), timeout=1):
            return True
    except OSError:
        return False


SERVERS = {
    "postgres": (POSTGRES, 5432, "PostgreSQL (set DURE_TEST_POSTGRES, or install it: apt-get install postgresql)"),
    "rabbitmq": (RABBITMQ, 5672, "RabbitMQ (set DURE_TEST_RABBITMQ, or install it: apt-get install rabbitmq-server)"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nothing-left-out", action="store_true", help="fail if a test was left out for want of a server")


def pytest_configure(config: pytest.Config) -> None:
    for name, (_, _, label) in SERVERS.items():
        config.addinivalue_line("markers", f"{name}: needs {label}")
    fit = "fits models, or works through a large table, for more than a second"
    config.addinivalue_line("markers", f"fit: {fit}")
    config.pluginmanager.register(Heartbeat(), "heartbeat")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a server that is not there; the summary names it and .ci/run fails on it."""
    missing = {name for name, (url, port, _) in SERVERS.items() if not listening(url, port)}
    left_out = [item for item in items if any(item.get_closest_marker(name) for name in missing)]
    for item in left_out:
        for name in missing:
            if item.get_closest_marker(name):
                LEFT_OUT[name] = LEFT_OUT.get(name, 0) + 1
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for name, count in LEFT_OUT.items():
        terminalreporter.write_line(f"LEFT OUT: {count} tests that need {SERVERS[name][2]}", yellow=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    skipped = session.config.pluginmanager.get_plugin("terminalreporter").stats.get("skipped", [])
    if session.config.getoption("--nothing-left-out") and (LEFT_OUT or skipped) and exitstatus == 0:
        session.exitstatus = 1


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    """The identity provider of the tests."""
    return KeyPair.ensure(tmp_path_factory.mktemp("idp"))


@pytest.fixture(scope="session")
def tokens(identity: KeyPair) -> Callable[..., str]:
    """tokens("steward", "nts", subject="lee") is a valid bearer token."""

    def mint(roles: str, ministry: str = "mohw", subject: str | None = None, ttl: int = 3600) -> str:
        return identity.mint(
            issuer=ISSUER,
            audience=AUDIENCE,
            subject=subject or f"{roles.split(',')[0]}.{ministry}",
            ministry=ministry,
            roles=roles.split(","),
            ttl=ttl,
        )

    return mint


@pytest.fixture(scope="session")
def headers(tokens: Callable[..., str]) -> Callable[..., dict[str, str]]:
    """headers("steward", "nts") are the request headers of such a caller."""
    return lambda *args, **kwargs: {"Authorization": f"Bearer {tokens(*args, **kwargs)}"}


@pytest.fixture
def bus() -> InProcessBus:
    return InProcessBus()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """An empty database of this test alone, on SQLite and on PostgreSQL; the latter is dropped afterwards."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/own.db"
        return
    name = f"dure_test_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(POSTGRES.replace("+asyncpg", ""))
    await admin.execute(f'CREATE DATABASE "{name}"')
    yield f"{POSTGRES.rsplit('/', 1)[0]}/{name}"
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


@pytest.fixture
def make_settings(tmp_path: Path, identity: KeyPair) -> Callable[..., Any]:
    """make_settings("catalog", **more) are settings of a service on SQLite in this test's folder."""

    def make(name: str, **more: Any) -> Any:
        settings_type = importlib.import_module(f"services.{name}.settings").Settings
        audit_key = tmp_path / "audit.pem"
        SigningKey.ensure(audit_key)
        values: dict[str, Any] = {
            "database_url": f"sqlite+aiosqlite:///{tmp_path}/{name}.db",
            "storage_url": (tmp_path / "objects").as_uri(),
            "jwks": str(identity.jwks_path),
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "migrate_at_start": True,
            "audit_key": audit_key,
            "public_url": "http://test",
            "scratch": tmp_path,
        }
        return settings_type(**(values | KEYS.get(name, {}) | more))

    return make


class Client(httpx.AsyncClient):
    """An HTTP client on one app, whose lifespan runs."""

    app: FastAPI

    async def settle(self, *, seconds: float = 20) -> None:
        """Wait until nothing is due in this service."""
        async with asyncio.timeout(seconds):
            while not await idle(self.app):
                await asyncio.sleep(0.02)


async def idle(app: FastAPI) -> bool:
    readiness = await app.state.service.readiness()
    assert readiness.status != "unavailable", readiness
    tables = app.state.db.tables
    async with app.state.db.reading() as session:
        unsent = (await session.execute(tables.outbox.select().where(tables.outbox.c.due_at.is_not(None)).limit(1))).first()
        unread = (await session.execute(tables.inbox.select().where(tables.inbox.c.state == "new").limit(1))).first()
    return unsent is None and unread is None


@pytest.fixture
async def serve(make_settings: Callable[..., Any], bus: InProcessBus) -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """`client = await serve("catalog", **settings)`: the service, running, with an HTTP client on it."""
    async with AsyncExitStack() as stack:

        async def start(name: str, *, on: Bus | None = None, **more: Any) -> Client:
            module, settings = importlib.import_module(f"services.{name}.app"), make_settings(name, **more)
            if settings.migrate_at_start:
                await migrated(Path(module.__file__ or "").with_name("migrations"), settings.database_url)
            app = module.build(settings, on or bus)
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            client = await stack.enter_async_context(Client(transport=transport, base_url="http://test"))
            client.app = app
            return client

        yield start


@pytest.fixture
def say(bus: InProcessBus, tmp_path: Path) -> Callable[..., Awaitable[Envelope]]:
    """`await say(event, sequence=2)`: have an event of another service arrive over the bus."""
    counts: dict[str, int] = {}

    async def publish(event: Event, *, sequence: int | None = None) -> Envelope:
        counts[event.subject] = sequence or counts.get(event.subject, 0) + 1
        envelope = Envelope(
            id=new_id(),
            source=f"/{event.producer()}",
            type=event.type,
            subject=event.subject,
            time=now(),
            dataschema=Envelope.schema_url(event.type),
            sequence=counts[event.subject],
            data=event.model_dump(mode="json"),
        )
        outcomes = await bus.publish([envelope])
        assert outcomes == [None]
        return envelope

    return publish
