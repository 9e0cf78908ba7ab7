"""Connections to the broker: opened with what we need declared on them, and noticed when they go."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection

from shared.topology import Topology

LONGEST_PAUSE = 5.0


@contextmanager
def loss_is_an_error() -> Iterator[None]:
    """aio-pika cancels whoever waits on a connection that goes; only a cancellation from outside is meant."""
    try:
        yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise ConnectionError("the connection to the broker was lost") from None


async def waited(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event came within that time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def pause(failures: int) -> float:
    return min(0.25 * 2.0 ** min(failures, 10), LONGEST_PAUSE) * random.uniform(0.75, 1.25)


@dataclass
class Link:
    """One open connection with one channel; `lost` is set when either goes, or has to go."""

    connection: AbstractConnection
    channel: AbstractChannel
    lost: asyncio.Event


@asynccontextmanager
async def linked(
    url: str, name: str, *, timeout: float, heartbeat: int, declare: Callable[[AbstractConnection], Awaitable[None]]
) -> AsyncIterator[Link]:
    """An open link on which everything is declared; closed at the end, come what may."""
    async with asyncio.timeout(2 * timeout):
        connection = await aio_pika.connect(
            url, timeout=timeout, heartbeat=heartbeat, client_properties={"connection_name": name}
        )
    try:
        lost = asyncio.Event()
        connection.close_callbacks.add(lambda *_: lost.set())
        async with asyncio.timeout(4 * timeout):
            await declare(connection)
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            channel.close_callbacks.add(lambda *_: lost.set())
            # A queue that is deleted takes its consumer along and leaves the channel open.
            (await channel.get_underlay_channel()).on_consumer_cancel_callbacks.add(lambda _: lost.set())
        yield Link(connection, channel, lost)
    finally:
        with suppress(Exception), loss_is_an_error():
            async with asyncio.timeout(timeout):
                await connection.close()


async def declare(connection: AbstractConnection, topology: Topology, owners: frozenset[str]) -> None:
    """Declare what these owners have, and see that everything else exists."""
    async with connection.channel() as channel:
        for exchange in topology.exchanges():
            passive = exchange.owner not in owners
            await channel.declare_exchange(exchange.name, exchange.kind, durable=True, passive=passive)
        for queue in topology.queues():
            passive = queue.owner not in owners
            await channel.declare_queue(queue.name, durable=True, arguments=queue.arguments, passive=passive)
        for binding in topology.bindings():
            if binding.owner in owners:
                queue_here = await channel.get_queue(binding.queue, ensure=False)
                await queue_here.bind(binding.exchange, routing_key=binding.routing_key)


def describe(error: Exception) -> str:
    """The kind of error, without addresses or credentials; of a group, the first."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
