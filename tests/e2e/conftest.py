"""The suite in its three modes, each with names of its own, removed afterwards."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import httpx
import pytest

from deploy.demo import people
from deploy.demo.papers import METHOD
from deploy.demo.receiver import Receiver
from deploy.demo.walk import Walk
from deploy.installation import SERVICES
from deploy.running import ROOT, Embedded, Separate, wait_worker
from deploy.tokens import mint
from shared.topology import LISTENERS, Topology
from tests.databases import administer, postgres_template, postgres_url
from tests.servers import RABBITMQ

MIGRATIONS = {service: ROOT / "services" / service / "migrations" for service in SERVICES}
Suite = Embedded | Separate


def mode(name: str, *more: pytest.MarkDecorator) -> Any:
    """A parameter for this mode, with the marks of the servers that it needs."""
    needs = [server for server in ("rabbitmq", "postgres") if server in name]
    return pytest.param(name, marks=[*(getattr(pytest.mark, server) for server in needs), *more])


def slow(name: str) -> Any:
    """The same, for .ci/run alone: every day another mode says as much."""
    return mode(name, pytest.mark.slow)


@contextmanager
def databases(prefix: str) -> Iterator[dict[str, str]]:
    """A migrated PostgreSQL database for each service."""
    names = {service: f"{prefix}_{service}" for service in SERVICES}
    templates = {name: postgres_template(MIGRATIONS[service]) for service, name in names.items()}
    asyncio.run(administer(*(f'CREATE DATABASE "{name}" TEMPLATE "{made}"' for name, made in templates.items())))
    try:
        yield {service: postgres_url(name) for service, name in names.items()}
    finally:
        asyncio.run(administer(*(f'DROP DATABASE "{name}" WITH (FORCE)' for name in templates)))


async def remove_topology(prefix: str) -> None:
    connection = await aio_pika.connect(RABBITMQ)
    channel = await connection.channel()
    topology = Topology(prefix, LISTENERS)
    for queue in topology.queues():
        await channel.queue_delete(queue.name)
    for exchange in topology.exchanges():
        await channel.exchange_delete(exchange.name)
    await connection.close()


@contextmanager
def started(
    mode: str, folder: Path, cards: Path, methods: Sequence[str] = (METHOD,), adapt: Callable[[Suite], None] = lambda _: None
) -> Iterator[Suite]:
    """The running suite, whose worker hosts these methods; `adapt` changes its programs before they start."""
    prefix = f"duretest_{uuid4().hex[:10]}"
    with ExitStack() as stack:
        suite: Suite
        if mode == "embedded":
            suite = Embedded(folder, extra=("--allow-private-webhooks",), methods=methods, cards=cards)
        else:
            files = {service: f"sqlite+aiosqlite:///{folder}/{service}.db" for service in SERVICES}
            urls = stack.enter_context(databases(prefix)) if mode.endswith("postgres") else files
            suite = Separate(folder, urls, RABBITMQ, prefix, methods, cards)
            stack.callback(lambda: asyncio.run(remove_topology(prefix)))
        stack.callback(suite.stop)
        # A killed worker's lease is waited for: let it be short.
        owner = suite.suite if isinstance(suite, Embedded) else suite.programs["analysis"]
        owner.environment = dict(owner.environment) | {
            "ANALYSIS_LEASE_SECONDS": "4",
            "ANALYSIS_PREPARE_LEASE_SECONDS": "6",
        }
        adapt(suite)
        suite.start(lambda _: None)
        wait_worker(suite.programs["worker"], suite.folder)
        yield suite


@pytest.fixture
def suite(request: pytest.FixtureRequest, tmp_path: Path, cards: Path) -> Iterator[Suite]:
    """The running suite, its worker started last; the test is parametrised by the mode."""
    with started(request.param, tmp_path / "suite", cards) as running:
        yield running


@pytest.fixture
def walk(suite: Suite) -> Iterator[Walk]:
    urls = dict.fromkeys(SERVICES, suite.url) if isinstance(suite, Embedded) else suite.urls
    minted: dict[people.Person, str] = {}

    def token(who: people.Person) -> str:
        return minted.setdefault(who, mint(suite.folder, who.roles, who.ministry, who.subject))

    with Receiver() as receiver, httpx.Client(timeout=30, trust_env=False) as http:
        yield Walk(urls, token, receiver, http, patience=300)


@pytest.fixture
def disturb(suite: Suite) -> Callable[[str, str], None]:
    """disturb("embedded program", "program of four") kills the one that this mode has, and starts it again."""
    return lambda embedded, separate: suite.restart(embedded if isinstance(suite, Embedded) else separate)
