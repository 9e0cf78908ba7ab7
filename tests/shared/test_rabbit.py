"""The bus over a real broker: nothing confirmed is lost, whatever happens to the connection. Each test has names of its own."""

import asyncio
import json
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import PublishError

from shared.bus import Incoming, Receive
from shared.clock import now
from shared.contracts import DatasetWithdrawn, Envelope, Event, ResultHeld
from shared.rabbit import RabbitBus
from shared.rabbit import intake as intakes
from shared.rabbit.link import loss_is_an_error
from shared.topology import Topology
from tests.waiting import PATIENCE

pytestmark = pytest.mark.rabbitmq

AMQP_URL = os.environ.get("DURE_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672/")
WITHDRAWN = DatasetWithdrawn.type
LISTENERS = {"requests": frozenset({WITHDRAWN}), "results": frozenset({WITHDRAWN})}
MakeBus = Callable[..., RabbitBus]


def envelope(event: Event | None = None) -> Envelope:
    event = event or DatasetWithdrawn(dataset_id=uuid4(), ministry="nts", reason="정정 후 다시 등록합니다.")
    return Envelope(
        id=uuid4(),
        source=f"/{event.producer()}",
        type=event.type,
        subject=event.subject,
        time=now(),
        dataschema=Envelope.schema_url(event.type),
        sequence=1,
        correlationid="req-1",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        data=json.loads(event.model_dump_json()),
    )


class Inbox:
    """Remembers what arrived; fails first as often as it is told, and always for the bodies it cannot bear."""

    def __init__(self, failures: int = 0, poison: bytes | None = None) -> None:
        self.arrived: list[Incoming] = []
        self.batches: list[int] = []
        self.failures, self.poison, self.refused = failures, poison, 0

    async def receive(self, batch: Sequence[Incoming]) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise OSError("the database is away")
        if self.poison is not None and any(self.poison in incoming.body and not incoming.dead for incoming in batch):
            self.refused += 1
            raise ValueError("cannot be stored")
        self.batches.append(len(batch))
        self.arrived.extend(batch)

    @property
    def ids(self) -> set[str]:
        return {json.loads(incoming.body)["id"] for incoming in self.arrived}


class Proxy:
    """A TCP proxy to the broker: passes, swallows everything (black hole), or cuts with a reset."""

    def __init__(self, url: str) -> None:
        parts = aio_pika.connection.make_url(url)
        self.target, self.broker = (parts.host or "127.0.0.1", parts.port or 5672), parts
        self.swallow = False
        self.writers: set[asyncio.StreamWriter] = set()
        self.connections = 0
        self.server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        self.server = await asyncio.start_server(self.accept, "127.0.0.1", port)
        self.port: int = self.server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        return str(self.broker.with_host("127.0.0.1").with_port(self.port))

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        far_reader, far_writer = await asyncio.open_connection(*self.target)
        self.writers |= {writer, far_writer}
        await asyncio.gather(self.pump(reader, far_writer), self.pump(far_reader, writer))
        self.writers -= {writer, far_writer}

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if not self.swallow:
                    writer.write(data)
                    await writer.drain()
        writer.close()

    def reset(self) -> None:
        for writer in list(self.writers):
            connection = writer.get_extra_info("socket")
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def stop(self) -> None:
        if self.server is not None:
            self.server.close()
        self.reset()
        await asyncio.sleep(0.05)


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid4().hex[:10]}"


@asynccontextmanager
async def broker_channel() -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(AMQP_URL)
    async with connection, connection.channel() as channel:
        yield channel


@pytest.fixture
async def make_bus(prefix: str) -> AsyncIterator[MakeBus]:
    """Buses for one test; their exchanges and queues are deleted when it ends.

    They are patient: a broker whose disk is busy may take seconds to confirm. Who tests impatience says so.
    """
    buses: list[RabbitBus] = []

    def make(url: str = AMQP_URL, service: str = "requests", **settings: float) -> RabbitBus:
        bus = RabbitBus(url, service, prefix=prefix, listeners=LISTENERS, **{"timeout": 30, "heartbeat": 30, **settings})  # type: ignore[arg-type]  # mixed numbers
        buses.append(bus)
        return bus

    yield make
    for bus in buses:
        await bus.close()
    topology = Topology(prefix, LISTENERS)
    async with broker_channel() as channel:
        for queue in topology.queues():
            await channel.queue_delete(queue.name)
        for exchange in topology.exchanges():
            await channel.exchange_delete(exchange.name)


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    proxy = Proxy(AMQP_URL)
    await proxy.start()
    yield proxy
    await proxy.stop()


async def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "did not come true in time"
        await asyncio.sleep(0.02)


async def running(bus: RabbitBus, *receivers: tuple[str, Receive]) -> RabbitBus:
    for service, receive in receivers:
        bus.subscribe(service, LISTENERS[service], receive)
    await bus.start()
    await eventually(lambda: bus.down is None)
    return bus


async def published(bus: RabbitBus, sent: Envelope) -> None:
    """Publish until it is confirmed."""
    async with asyncio.timeout(PATIENCE):
        while await bus.publish([sent]) != [None]:
            await asyncio.sleep(0.02)


async def queued(name: str) -> int:
    async with broker_channel() as channel:
        queue = await channel.declare_queue(name, passive=True)
        return queue.declaration_result.message_count or 0


async def test_what_is_published_reaches_every_listener_with_its_sender(make_bus: MakeBus) -> None:
    requests, results = Inbox(), Inbox()
    await running(make_bus(), ("requests", requests.receive))
    await running(make_bus(service="results"), ("results", results.receive))
    catalog = await running(make_bus(service="catalog"))
    sent = [envelope() for _ in range(120)]

    assert await catalog.publish(sent) == [None] * 120

    expected = {str(one.id) for one in sent}
    await eventually(lambda: requests.ids == expected and results.ids == expected)
    assert {incoming.user_id for incoming in requests.arrived} == {"guest"}
    assert Envelope.parse(requests.arrived[0].body) in sent
    assert max(requests.batches) > 1, "arrivals are stored in batches"


async def test_the_properties_repeat_the_envelope(make_bus: MakeBus, prefix: str) -> None:
    bus = await running(make_bus(service="catalog"))
    sent = envelope()
    await bus.publish([sent])
    async with broker_channel() as channel:
        queue = await channel.get_queue(f"{prefix}.results.events", ensure=False)
        message = await queue.get(timeout=PATIENCE)
        assert message is not None
        await message.ack()
    assert (message.message_id, message.type, message.app_id) == (str(sent.id), WITHDRAWN, "catalog")
    assert (message.user_id, message.correlation_id) == ("guest", "req-1")
    assert message.headers["traceparent"] == sent.traceparent
    assert message.content_type == "application/cloudevents+json"
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert message.routing_key == WITHDRAWN
    assert message.exchange == f"{prefix}.events.catalog"


async def test_an_event_that_reaches_no_queue_is_an_outcome_not_an_exception(make_bus: MakeBus, prefix: str) -> None:
    bus = await running(make_bus(service="catalog"))
    async with broker_channel() as channel:
        for service in LISTENERS:
            queue = await channel.get_queue(f"{prefix}.{service}.events", ensure=False)
            await queue.unbind(f"{prefix}.events.catalog", routing_key=WITHDRAWN)

    lost, heard_by_nobody = await bus.publish([envelope(), envelope(ResultHeld(result_id=uuid4(), request_id=uuid4()))])

    assert isinstance(lost, PublishError)
    assert heard_by_nobody is None, "of this type nobody wants to hear"
    assert bus.down is None


async def test_nothing_is_acked_until_it_is_stored(make_bus: MakeBus, prefix: str) -> None:
    inbox = Inbox(failures=3)
    bus = await running(make_bus(), ("requests", inbox.receive))
    sent = envelope()
    await bus.publish([sent])
    await eventually(lambda: inbox.failures == 0)
    await eventually(lambda: inbox.ids == {str(sent.id)})
    await bus.close()
    assert await queued(f"{prefix}.requests.events") == 0


async def test_what_was_not_stored_comes_back_after_a_restart(make_bus: MakeBus, prefix: str) -> None:
    failing = await running(make_bus(), ("requests", Inbox(failures=1000).receive))
    sent = [envelope() for _ in range(5)]
    await failing.publish(sent)
    await asyncio.sleep(0.5)
    await failing.close()

    inbox = Inbox()
    await running(make_bus(), ("requests", inbox.receive))

    await eventually(lambda: inbox.ids == {str(one.id) for one in sent})


async def test_one_poisonous_message_holds_up_nobody_and_ends_dead(make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intakes, "pause", lambda _: 0.01)
    poison, good = envelope(), [envelope() for _ in range(10)]
    inbox = Inbox(poison=str(poison.id).encode())
    bus = await running(make_bus(patience=0.02), ("requests", inbox.receive))

    await bus.publish([poison, *good])

    await eventually(lambda: {str(one.id) for one in good} <= inbox.ids)
    await eventually(lambda: str(poison.id) in inbox.ids)
    dead = [incoming for incoming in inbox.arrived if incoming.dead]
    assert [json.loads(incoming.body)["id"] for incoming in dead] == [str(poison.id)]
    assert inbox.refused >= 20, "the broker counts what is handed back, and gives up after its limit"


async def test_bytes_that_are_no_envelope_are_handed_over_as_they_are(make_bus: MakeBus, prefix: str) -> None:
    inbox = Inbox()
    await running(make_bus(), ("requests", inbox.receive))
    async with broker_channel() as channel:
        exchange = await channel.get_exchange(f"{prefix}.events.catalog", ensure=False)
        await exchange.publish(aio_pika.Message(b"\xff\x00 not json"), routing_key=WITHDRAWN)
    await eventually(lambda: len(inbox.arrived) == 1)
    assert inbox.arrived[0] == Incoming(b"\xff\x00 not json", user_id="", dead=False), "nobody vouches for the sender"


async def test_publishing_and_receiving_have_connections_of_their_own(make_bus: MakeBus, proxy: Proxy) -> None:
    bus = await running(make_bus(proxy.url), ("requests", Inbox().receive))
    assert proxy.connections == 2
    assert bus.links["publishing"].connection is not bus.links["receiving"].connection


async def test_starts_at_once_while_the_broker_is_down_and_connects_later(make_bus: MakeBus, proxy: Proxy) -> None:
    port = proxy.port
    await proxy.stop()
    inbox, bus = Inbox(), make_bus(proxy.url, timeout=2)
    bus.subscribe("requests", LISTENERS["requests"], inbox.receive)
    await bus.start()
    outcomes = await bus.publish([envelope()])
    assert isinstance(outcomes[0], ConnectionError)
    assert bus.down is not None
    assert "publishing" in bus.down

    await proxy.start(port)
    await eventually(lambda: bus.down is None)

    sent = envelope()
    await published(bus, sent)
    await eventually(lambda: inbox.ids == {str(sent.id)})


async def test_a_cut_connection_is_made_again_and_nothing_confirmed_is_lost(make_bus: MakeBus, proxy: Proxy) -> None:
    inbox = Inbox()
    bus = await running(make_bus(proxy.url), ("requests", inbox.receive))
    confirmed: set[str] = set()
    for turn in range(6):
        batch = [envelope() for _ in range(20)]
        publishing = asyncio.create_task(bus.publish(batch))
        if turn % 2:
            await asyncio.sleep(0.001 * turn)
            proxy.reset()
        outcomes = await publishing
        confirmed |= {str(one.id) for one, outcome in zip(batch, outcomes, strict=True) if outcome is None}
    final = envelope()
    await published(bus, final)
    await eventually(lambda: confirmed | {str(final.id)} <= inbox.ids)
    assert len(confirmed) >= 60, "the turns without a cut are confirmed whole"


async def test_a_black_hole_gives_timeouts_cancels_nobody_and_heals(make_bus: MakeBus, proxy: Proxy) -> None:
    inbox = Inbox()
    bus = await running(make_bus(proxy.url, timeout=1, heartbeat=2), ("requests", inbox.receive))
    await published(bus, envelope())

    async def relay() -> list[list[Exception | None]]:
        return [await bus.publish([envelope(), envelope()]) for _ in range(3)]

    proxy.swallow = True
    relaying = asyncio.create_task(relay())
    first, *later = await asyncio.wait_for(relaying, PATIENCE)
    assert all(isinstance(outcome, TimeoutError) for outcome in first)
    assert all(isinstance(outcome, OSError) for outcomes in later for outcome in outcomes), "TimeoutError or ConnectionError"
    assert bus.down is not None

    proxy.swallow = False
    sent = envelope()
    await published(bus, sent)
    proxy.reset()  # what the broker still waits for on the old connections
    await eventually(lambda: str(sent.id) in inbox.ids)
    await eventually(lambda: bus.down is None)


async def test_our_own_cancellation_is_still_obeyed(make_bus: MakeBus, proxy: Proxy) -> None:
    bus = await running(make_bus(proxy.url, timeout=5))
    proxy.swallow = True
    publishing = asyncio.create_task(bus.publish([envelope()]))
    await asyncio.sleep(0.1)
    publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing
    proxy.reset()


async def test_a_cancellation_from_outside_is_not_taken_for_a_lost_connection() -> None:
    async def waits(on: asyncio.Future[None]) -> None:
        with loss_is_an_error():
            await on

    lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(waits(lost))
    await asyncio.sleep(0)
    lost.cancel()
    with pytest.raises(ConnectionError):
        await waiting

    stopped = asyncio.create_task(waits(asyncio.get_running_loop().create_future()))
    await asyncio.sleep(0)
    stopped.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopped


async def test_a_deleted_queue_is_made_again(make_bus: MakeBus, prefix: str) -> None:
    inbox = Inbox()
    bus = await running(make_bus(), ("requests", inbox.receive))
    async with broker_channel() as channel:
        await channel.queue_delete(f"{prefix}.requests.events")
        await channel.exchange_delete(f"{prefix}.events.catalog")
    sent = envelope()

    async def sent_and_arrived() -> None:
        while str(sent.id) not in inbox.ids:
            await bus.publish([sent])
            await asyncio.sleep(0.1)

    await asyncio.wait_for(sent_and_arrived(), PATIENCE)


async def test_events_wait_for_a_listener_that_has_never_been_started(make_bus: MakeBus) -> None:
    catalog = await running(make_bus(service="catalog"))
    sent = envelope()
    assert await catalog.publish([sent]) == [None]
    inbox = Inbox()
    await running(make_bus(service="results"), ("results", inbox.receive))
    await eventually(lambda: inbox.ids == {str(sent.id)})


async def test_closing_lets_what_is_being_stored_be_stored(make_bus: MakeBus, prefix: str) -> None:
    storing, stored = asyncio.Event(), asyncio.Event()

    async def slowly(batch: Sequence[Incoming]) -> None:
        storing.set()
        await asyncio.sleep(0.5)
        stored.set()

    bus = await running(make_bus(), ("requests", slowly))
    await bus.publish([envelope()])
    await storing.wait()
    await bus.close()
    assert stored.is_set()
    assert await queued(f"{prefix}.requests.events") == 0


async def test_consumers_that_the_topology_does_not_know_are_refused(make_bus: MakeBus) -> None:
    async def receive(batch: Sequence[Incoming]) -> None: ...

    typed: Callable[[Sequence[Incoming]], Awaitable[None]] = receive
    with pytest.raises(ValueError, match=r"analysis\.run-queued\.v1"):
        make_bus().subscribe("requests", LISTENERS["requests"] | {"analysis.run-queued.v1"}, typed)
