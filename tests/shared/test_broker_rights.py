"""A private broker that loads our definitions: a service can say only what is its own, and the broker vouches for who said it."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPConnectionError, ChannelPreconditionFailed
from aiormq.exceptions import ChannelAccessRefused

from deploy.running import free_port
from deploy.topology import definitions, password_hash, rendered
from shared.bus import Incoming
from shared.clock import now
from shared.contracts import DatasetWithdrawn, Envelope
from shared.rabbit import RabbitBus
from shared.topology import LISTENERS, VHOST, Topology
from tests.waiting import PATIENCE

pytestmark = pytest.mark.rabbitmq

HOME = Path("/usr/lib/rabbitmq/bin")
PASSWORD = "a-password-of-the-test"
WITHDRAWN = DatasetWithdrawn.type
STARTED = """
listeners.tcp.1 = 127.0.0.1:{port}
load_definitions = {folder}/definitions.json
log.console = false
disk_free_limit.absolute = 50MB
"""


def environment(folder: Path, port: int) -> dict[str, str]:
    """Node name, cookie, port mapper, data and logs of its own. RUNNING_UNDER_SYSTEMD: the process is the broker itself."""
    return {
        "PATH": f"{HOME}:{os.environ['PATH']}",
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"t{port}@localhost",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(free_port()),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/none",
        "RABBITMQ_MNESIA_BASE": f"{folder}/data",
        "RABBITMQ_LOG_BASE": f"{folder}/log",
        "RUNNING_UNDER_SYSTEMD": "1",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }


def answers(port: int) -> bool:
    """Whether it speaks AMQP, not only listens."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(b"AMQP\x00\x00\x09\x01")
        connection.settimeout(1)
        return bool(connection.recv(1))
    return False


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A private broker, started with the definitions that a deployment would load."""
    if not (HOME / "rabbitmq-server").exists():
        pytest.skip("RabbitMQ is reachable, but not installed here: a private broker cannot be started")
    folder, port = Path(tempfile.mkdtemp(prefix="dure-broker-")), free_port()
    hashes = dict.fromkeys(LISTENERS, password_hash(PASSWORD))
    (folder / "definitions.json").write_text(rendered(definitions(Topology(), hashes)))
    (folder / "rabbitmq.conf").write_text(STARTED.format(port=port, folder=folder))
    (folder / "enabled_plugins").write_text("[].")
    prefix: list[str] = []
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", "rabbitmq:rabbitmq", folder], check=True)
        prefix = ["setpriv", "--reuid", "rabbitmq", "--regid", "rabbitmq", "--clear-groups"]
    started = {"env": environment(folder, port), "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    mapper = subprocess.Popen([*prefix, "epmd", "-address", "127.0.0.1"], **started)  # type: ignore[call-overload]  # keywords in a dict
    broker = subprocess.Popen([*prefix, HOME / "rabbitmq-server"], start_new_session=True, **started)  # type: ignore[call-overload]  # the same
    try:
        until = time.monotonic() + PATIENCE
        while not answers(port):
            assert broker.poll() is None, "the private broker did not start"
            assert time.monotonic() < until, "the private broker does not answer"
            time.sleep(0.2)
        yield port
    finally:
        with suppress(ProcessLookupError):
            os.killpg(broker.pid, signal.SIGKILL)
        mapper.kill()
        broker.wait()
        mapper.wait()
        shutil.rmtree(folder, ignore_errors=True)


def url(port: int, user: str, password: str = PASSWORD) -> str:
    return f"amqp://{user}:{password}@127.0.0.1:{port}/{VHOST}"


@pytest.fixture
async def channel(port: int) -> AsyncIterator[AbstractChannel]:
    """A channel of the requests service, which has been taken over by somebody who means ill."""
    connection = await aio_pika.connect(url(port, "requests"))
    async with connection:
        yield await connection.channel(on_return_raises=True)


async def test_services_talk_with_their_own_rights_only(port: int) -> None:
    arrived: list[Incoming] = []

    async def receive(batch: Sequence[Incoming]) -> None:
        arrived.extend(batch)

    catalog, requests = RabbitBus(url(port, "catalog"), "catalog"), RabbitBus(url(port, "requests"), "requests")
    requests.subscribe("requests", LISTENERS["requests"], receive)
    event = DatasetWithdrawn(dataset_id=uuid4(), ministry="nts", reason="정정")
    envelope = Envelope(
        id=uuid4(),
        source="/catalog",
        type=WITHDRAWN,
        subject=event.subject,
        time=now(),
        dataschema=Envelope.schema_url(WITHDRAWN),
        sequence=1,
        data=json.loads(event.model_dump_json()),
    )
    await asyncio.gather(catalog.start(), requests.start())
    try:
        assert await catalog.publish([envelope]) == [None]
        async with asyncio.timeout(PATIENCE):
            while not arrived:
                await asyncio.sleep(0.05)
        assert arrived[0].user_id == "catalog", "the broker vouches for the sender"
        assert Envelope.parse(arrived[0].body) == envelope

        (forged,) = await requests.publish([envelope])
        assert isinstance(forged, ChannelAccessRefused)
        async with asyncio.timeout(PATIENCE):
            while requests.down is not None or not requests.ready.is_set():
                await asyncio.sleep(0.05)
    finally:
        await asyncio.gather(catalog.close(), requests.close())


async def test_another_s_event_is_refused_on_one_s_own_exchange(channel: AbstractChannel) -> None:
    exchange = await channel.get_exchange("dure.events.requests", ensure=False)
    with pytest.raises(ChannelAccessRefused, match="access to topic"):
        await exchange.publish(aio_pika.Message(b"{}"), routing_key=WITHDRAWN)


async def test_another_s_name_is_refused(channel: AbstractChannel) -> None:
    exchange = await channel.get_exchange("dure.events.requests", ensure=False)
    with pytest.raises(ChannelPreconditionFailed, match="authenticated user was 'requests'"):
        await exchange.publish(aio_pika.Message(b"{}", user_id="catalog"), routing_key="requests.request-withdrawn.v1")


async def test_nobody_writes_past_the_exchanges_into_a_queue(channel: AbstractChannel) -> None:
    with pytest.raises(ChannelAccessRefused, match="amq.default"):
        await channel.default_exchange.publish(aio_pika.Message(b"{}"), routing_key="dure.results.events")


async def test_nobody_reads_another_s_queue(channel: AbstractChannel) -> None:
    queue = await channel.get_queue("dure.results.events", ensure=False)
    with pytest.raises(ChannelAccessRefused, match="refused for user 'requests'"):
        await queue.get(timeout=PATIENCE)


@pytest.mark.parametrize("password", ["", "wrong"])
async def test_nobody_logs_in_without_the_password(port: int, password: str) -> None:
    with pytest.raises(AMQPConnectionError):
        await aio_pika.connect(url(port, "catalog", password))
