"""One service's end of the broker: confirmed publishing on one connection, receiving on another."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from aio_pika.abc import AbstractChannel, AbstractConnection, DeliveryMode
from aio_pika.connection import make_url
from aiormq import spec
from aiormq.exceptions import ChannelAccessRefused

from shared.bus import Receive
from shared.contracts import Envelope
from shared.rabbit.intake import Intake
from shared.rabbit.link import Link, declare, describe, linked, loss_is_an_error, pause, waited
from shared.topology import LISTENERS, PREFIX, Topology, producer

log = logging.getLogger(__name__)
PREFETCH = 100
CLOSING = 10.0


class RabbitBus:
    """One service's bus. `prefix` begins every name; `listeners` says which service hears which types."""

    def __init__(
        self,
        url: str,
        service: str,
        *,
        prefix: str = PREFIX,
        listeners: Mapping[str, frozenset[str]] = LISTENERS,
        timeout: float = 5.0,
        heartbeat: int = 30,
        patience: float = 120.0,
    ) -> None:
        self.url, self.service, self.user = url, service, make_url(url).user or "guest"
        self.topology = Topology(prefix, listeners)
        self.heard = self.topology.heard
        self.timeout, self.heartbeat, self.patience = timeout, heartbeat, patience
        self.receivers: dict[str, Receive] = {}
        self.trouble: dict[str, str] = {}
        self.tasks: list[asyncio.Task[None]] = []
        self.links: dict[str, Link] = {}
        self.publisher: Link | None = None
        self.unconfirmed = False
        self.ready, self.closing = asyncio.Event(), asyncio.Event()

    def subscribe(self, service: str, types: frozenset[str], receive: Receive) -> None:
        if self.tasks:
            raise RuntimeError("subscribe before the bus starts")
        bound = self.topology.listeners.get(service, frozenset())
        if types != bound:
            differing = ", ".join(sorted(types ^ bound))
            raise ValueError(f"shared/topology.py and the consumers of {service} differ: {differing}")
        self.receivers[service] = receive

    async def start(self) -> None:
        """Begin to connect in the background; returns at once, also while the broker is down."""
        self.closing.clear()
        work = {"publishing": self.stay_ready}
        if self.receivers:
            work["receiving"] = self.receive_until_lost
        self.trouble = dict.fromkeys(work, "not yet connected")
        self.tasks = [asyncio.create_task(self.keep(role, do), name=f"bus {role}") for role, do in work.items()]

    async def close(self) -> None:
        """Finish what is being stored, then disconnect."""
        self.closing.set()
        for link in self.links.values():
            link.lost.set()
        if self.tasks:
            _, late = await asyncio.wait(self.tasks, timeout=CLOSING)
            for task in late:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks = []
        self.trouble = {"publishing": "closed"}

    @property
    def down(self) -> str | None:
        """None while usable, else a sentence for readyz."""
        if not self.tasks and not self.trouble:
            return "The message broker: not started."
        trouble = {"publishing": "publications are not confirmed in time"} if self.unconfirmed else {}
        return "; ".join(f"The message broker, {role}: {why}" for role, why in (trouble | self.trouble).items()) or None

    async def keep(self, role: str, work: Callable[[Link], Awaitable[None]]) -> None:
        """Connect, work until the connection is lost, and again; wait longer after each failure in a row."""
        failures = 0
        while not self.closing.is_set():
            try:
                with loss_is_an_error():
                    async with self.connected(role) as link:
                        failures = 0
                        self.trouble.pop(role, None)
                        await work(link)
                why = "the connection was lost"
            except Exception as error:
                why = describe(error)
            if self.closing.is_set():
                return
            self.trouble[role] = why
            log.warning("broker connection", extra={"role": role, "reason": why, "failures": failures})
            await waited(self.closing, pause(failures))
            failures += 1

    @asynccontextmanager
    async def connected(self, role: str) -> AsyncIterator[Link]:
        name = f"{self.service} {role}"
        async with linked(self.url, name, timeout=self.timeout, heartbeat=self.heartbeat, declare=self.declare) as link:
            self.links[role] = link
            try:
                yield link
            finally:
                del self.links[role]

    async def declare(self, connection: AbstractConnection) -> None:
        """Make what is missing. Who may only make its own makes that, and sees that what the others have is there.

        Nothing is published before every listener's queue exists: it would be lost to a listener that comes later.
        """
        try:
            await declare(connection, self.topology, frozenset(self.topology.services))
        except ChannelAccessRefused:
            await declare(connection, self.topology, frozenset({self.service}))

    async def stay_ready(self, link: Link) -> None:
        self.publisher = link
        self.ready.set()
        try:
            await link.lost.wait()
        finally:
            self.ready.clear()

    async def publish(self, batch: Sequence[Envelope]) -> list[Exception | None]:
        """Publish with confirms, all at once; one outcome each. A timeout does not mean that it was not published."""
        if not await waited(self.ready, self.timeout) or self.publisher is None:
            return [ConnectionError("no connection to the broker") for _ in batch]
        link = self.publisher
        publishing = [asyncio.create_task(self.publish_one(link.channel, envelope)) for envelope in batch]
        with suppress(TimeoutError):
            async with asyncio.timeout(self.timeout):
                await asyncio.gather(*publishing)
        outcomes = [TimeoutError() if task.cancelled() else task.result() for task in publishing]
        if outcomes:
            self.unconfirmed = all(isinstance(outcome, TimeoutError) for outcome in outcomes)
        if self.unconfirmed:
            link.lost.set()
        return outcomes

    async def publish_one(self, channel: AbstractChannel, envelope: Envelope) -> Exception | None:
        """Below aio-pika's exchange, which waits for the socket after each message; a batch is bounded and need not."""
        try:
            with loss_is_an_error():
                wire = await channel.get_underlay_channel()
                await wire.basic_publish(
                    envelope.model_dump_json(exclude_none=True).encode(),
                    exchange=self.topology.exchange(producer(envelope.type)),
                    routing_key=envelope.type,
                    mandatory=envelope.type in self.heard,
                    properties=self.properties(envelope),
                    wait=False,  # type: ignore[call-arg]  # left out of its abstract class
                )
        except Exception as error:
            return error
        return None

    def properties(self, envelope: Envelope) -> spec.Basic.Properties:
        """The envelope is the body; the properties repeat it for tools. The broker vouches for `user_id`."""
        return spec.Basic.Properties(
            content_type="application/cloudevents+json",
            delivery_mode=DeliveryMode.PERSISTENT,
            message_id=str(envelope.id),
            message_type=envelope.type,
            app_id=envelope.source.strip("/"),
            user_id=self.user,
            correlation_id=envelope.correlationid,
            timestamp=envelope.time,
            headers={"traceparent": envelope.traceparent} if envelope.traceparent else {},
        )

    async def receive_until_lost(self, link: Link) -> None:
        await link.channel.set_qos(prefetch_count=PREFETCH)
        intakes = []
        for service, receive in self.receivers.items():
            for name, dead in (self.topology.queue(service), False), (self.topology.dead(service), True):
                intake = Intake(receive, dead, link.lost, self.patience)
                queue = await link.channel.get_queue(name, ensure=False)
                await queue.consume(intake.arrived.put, timeout=self.timeout)
                intakes.append(intake)
        async with asyncio.TaskGroup() as working:
            for intake in intakes:
                working.create_task(intake.work())
            await link.lost.wait()
            for intake in intakes:
                intake.arrived.put_nowait(None)
