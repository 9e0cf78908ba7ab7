"""Events that leave: the relay against plain publishing, and how long an event waits between its commit and the broker."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import TypeVar

import aio_pika
from aio_pika.abc import AbstractExchange
from sqlalchemy import insert

from shared.contracts import Envelope, RequestWithdrawn
from shared.db import Database
from shared.loops import Wake, until_stopped
from shared.outbox import emit, relay_batch
from shared.rabbit import RabbitBus
from shared.topology import Topology
from tests.bench.figures import Bench, Figure, at_least, at_most, compared, milliseconds
from tests.bench.scene import broker_names, envelopes, outbox_rows, scene

IN_FLIGHT = 100
PACE = 0.01
B = TypeVar("B", bound=RabbitBus)


@asynccontextmanager
async def connected(url: str, topology: Topology, kind: type[B]) -> AsyncIterator[B]:
    bus = kind(url, "requests", prefix=topology.prefix, listeners=topology.listeners)
    await bus.start()
    try:
        async with asyncio.timeout(20):
            await bus.ready.wait()
        yield bus
    finally:
        await bus.close()


async def publish_plainly(exchange: AbstractExchange, bodies: Sequence[bytes]) -> None:
    """Confirmed publishing with 100 in flight, as a program without an outbox would do it."""
    waiting = iter(bodies)

    async def publisher() -> None:
        for body in waiting:
            message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await exchange.publish(message, routing_key=RequestWithdrawn.type)

    await asyncio.gather(*(publisher() for _ in range(IN_FLIGHT)))


async def measure_relay(bench: Bench, kind: str) -> Figure:
    """Rows that wait in the outbox, relayed until none is left."""
    assert bench.rabbitmq is not None
    count = bench.size.events
    async with (
        scene(kind, bench.folder, bench.postgres) as db,
        broker_names(bench.rabbitmq) as (topology, channel),
        connected(bench.rabbitmq, topology, RabbitBus) as bus,
    ):
        exchange = await channel.get_exchange(topology.exchange("requests"))
        queue = await channel.get_queue(topology.queue("analysis"))

        async def ours() -> float:
            await queue.purge()
            async with db.transaction() as session:
                await session.execute(insert(db.tables.outbox), outbox_rows(envelopes(count)))
            began = time.perf_counter()
            while await relay_batch(db, bus):
                pass
            return count / (time.perf_counter() - began)

        async def reference() -> float:
            await queue.purge()
            bodies = [each.model_dump_json(exclude_none=True).encode() for each in envelopes(count)]
            began = time.perf_counter()
            await publish_plainly(exchange, bodies)
            return count / (time.perf_counter() - began)

        pair = await compared(bench, f"relay on {kind}", ours, reference, rounds=bench.size.short_rounds)
        await expect_nothing_left(db)
    relayed, published = pair.medians
    measured = f"{relayed:,.0f} events/s; aio-pika with {IN_FLIGHT} in flight {published:,.0f}/s"
    return Figure(f"outbox relay to RabbitMQ, {kind}", measured, tuple(pair.ratios), at_least(0.6))


async def expect_nothing_left(db: Database) -> None:
    async with db.reading() as session:
        left = (await session.execute(db.tables.outbox.select().where(db.tables.outbox.c.sent_at.is_(None)).limit(1))).first()
    if left is not None:
        raise RuntimeError("an event did not leave: what was measured does not count")


class WatchedBus(RabbitBus):
    """The bus, noting when each event is confirmed."""

    confirmed: asyncio.Queue[float]

    async def publish(self, batch: Sequence[Envelope]) -> list[Exception | None]:
        outcomes = await super().publish(batch)
        at = time.perf_counter()
        for outcome in outcomes:
            if outcome is not None:
                raise outcome
            self.confirmed.put_nowait(at)
        return outcomes


@dataclass
class Relaying:
    """A service's relay at work, and when the last event was committed."""

    db: Database
    bus: WatchedBus
    wake: Wake = field(default_factory=Wake)
    committed: float | None = None

    def on_commit(self) -> None:
        """The relay's own commits come later and do not count."""
        self.committed = self.committed or time.perf_counter()
        self.wake.set()

    async def commit_to_published(self) -> float:
        event, self.committed = envelopes(1)[0].event(), None
        async with self.db.transaction() as session:
            await emit(session, event)
        async with asyncio.timeout(10):
            published = await self.bus.confirmed.get()
        assert self.committed is not None
        return published - self.committed


async def measure_latency(bench: Bench, kind: str) -> Figure:
    """One event at a time: from its commit, which wakes the relay, to the broker's confirmation."""
    assert bench.rabbitmq is not None
    waits: list[float] = []
    publishes: list[float] = []
    async with (
        scene(kind, bench.folder, bench.postgres) as db,
        broker_names(bench.rabbitmq) as (topology, channel),
        connected(bench.rabbitmq, topology, WatchedBus) as bus,
        relaying(db, bus) as relay,
    ):
        exchange = await channel.get_exchange(topology.exchange("requests"))
        for number in range(bench.size.latencies + 20):
            bench.console.doing(f"commit to published on {kind}, event {number}")
            wait = await relay.commit_to_published()
            await asyncio.sleep(PACE)
            publish = await publish_once(exchange)
            await asyncio.sleep(PACE)
            if number >= 20:
                waits.append(wait)
                publishes.append(publish)
    ratio, promise = median(waits) / median(publishes), at_most(3 if kind == "SQLite" else 6)
    measured = f"p50 {milliseconds(median(waits))}; publish and confirm p50 {milliseconds(median(publishes))}"
    return Figure(f"commit to published, woken, {kind}", measured, (ratio,), promise)


@asynccontextmanager
async def relaying(db: Database, bus: WatchedBus) -> AsyncIterator[Relaying]:
    """The relay's loop, woken by commits as in a service."""
    relay = Relaying(db, bus)
    bus.confirmed, db.on_commit = asyncio.Queue(), relay.on_commit
    loop = asyncio.create_task(until_stopped("relay", lambda: relay_batch(db, bus), relay.wake, 1.0))
    try:
        yield relay
    finally:
        relay.wake.stop.set()
        relay.wake.set()
        await loop


async def publish_once(exchange: AbstractExchange) -> float:
    message = aio_pika.Message(
        envelopes(1)[0].model_dump_json(exclude_none=True).encode(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT
    )
    began = time.perf_counter()
    await exchange.publish(message, routing_key=RequestWithdrawn.type)
    return time.perf_counter() - began
