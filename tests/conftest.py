"""Fixtures for all tests: real SQLite files, the real in-process bus, real tokens.

PostgreSQL and RabbitMQ where they are.
"""

import asyncio
import base64
import importlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from deploy.seed.members import first_members
from shared.bus import Bus, InProcessBus
from shared.clock import now
from shared.contracts import Envelope, Event
from shared.db import Database
from shared.ids import new_id
from shared.keys import KeyPair, MacKey, SigningKey
from shared.members import keep_member
from tests import exploring
from tests.databases import OWN, administer, memory, migrated, postgres_url, remove_templates
from tests.heartbeat import Heartbeat
from tests.sharing import Sharing
from tests.waiting import PATIENCE

exploring.load()
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # onnxruntime would report to its maker
if (folder := memory()) is not None:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", folder)  # where tmp_path is
ISSUER, AUDIENCE = "https://idp.test", "dure"
# The founding members, and the centre, the auditors and others that the tests let join beside them.
MEMBERS = (*(one.code for one in first_members()), "centre", "bai", "kosis", "bench")
KEY = base64.b64encode(bytes(range(32))).decode()
KEYS: dict[str, dict[str, Any]] = {
    "analysis": {"wrapping_key": KEY, "token_key": KEY},
    "results": {"secret_keys": [KEY]},
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--nothing-left-out",
        action="store_true",
        help="fail if a test was skipped, or left out for want of a server",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Sharing(config), "sharing")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Heartbeat(), "heartbeat")


def pytest_xdist_auto_num_workers() -> int:
    """As many processes as there are cores for us; two at least, since many tests wait."""
    return max(2, len(os.sched_getaffinity(0)))


@pytest.fixture(scope="session", autouse=True)
def templates() -> Iterator[None]:
    """Removes the databases that tests' own are copies of."""
    yield
    remove_templates()


@pytest.fixture(scope="session")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all workers of this run of the tests keep the cards of methods; one folder for all processes of xdist."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "cards"


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
    """An empty database of this test alone, on SQLite and on PostgreSQL; dropped afterwards."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/own.db"
        return
    name = f"{OWN}{uuid4().hex[:12]}"
    await administer(f'CREATE DATABASE "{name}"')
    yield postgres_url(name)
    await administer(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def make_settings(tmp_path: Path, identity: KeyPair) -> Callable[..., Any]:
    """make_settings("catalog", **more) are settings of a service on SQLite in this test's folder."""

    def make(name: str, **more: Any) -> Any:
        settings_type = importlib.import_module(f"services.{name}.settings").Settings
        audit_key, mac_key = tmp_path / "audit.pem", tmp_path / "audit.mac"
        SigningKey.ensure(audit_key)
        MacKey.ensure(mac_key)
        values: dict[str, Any] = {
            "database_url": f"sqlite+aiosqlite:///{tmp_path}/{name}.db",
            "storage_url": (tmp_path / "objects").as_uri(),
            "jwks": str(identity.jwks_path),
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "migrate_at_start": True,
            "audit_key": audit_key,
            "audit_mac_key": mac_key,
            "public_url": "http://test",
            "scratch": tmp_path,
        }
        return settings_type(**(values | KEYS.get(name, {}) | more))

    return make


class Client(httpx.AsyncClient):
    """An HTTP client on one app, whose lifespan runs."""

    app: FastAPI

    async def settle(self) -> None:
        """Wait until nothing is due in this service."""
        async with asyncio.timeout(PATIENCE):
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


async def let_join(db: Database, members: Collection[str]) -> None:
    """Have the service know these members, as if the catalog had announced them."""
    if not members:  # its database may be away
        return
    async with db.transaction() as session:
        for code in members:
            await keep_member(session, code, 0)


@pytest.fixture
async def serve(make_settings: Callable[..., Any], bus: InProcessBus) -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """`client = await serve("catalog", **settings)`: the service, running, with an HTTP client on it.

    It knows the bodies that the tests speak of as members; `members=()` leaves it to what it hears.
    """
    async with AsyncExitStack() as stack:

        async def start(name: str, *, on: Bus | None = None, members: Collection[str] = MEMBERS, **more: Any) -> Client:
            module, settings = importlib.import_module(f"services.{name}.app"), make_settings(name, **more)
            if settings.migrate_at_start:
                await migrated(Path(module.__file__ or "").with_name("migrations"), settings.database_url)
            app = module.build(settings, on or bus)
            await stack.enter_async_context(app.router.lifespan_context(app))
            await let_join(app.state.db, members)
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
