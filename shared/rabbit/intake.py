"""What arrives from one queue: stored in batches, acked after that, and handed back if it cannot be stored."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from aio_pika.abc import AbstractIncomingMessage

from shared.bus import Incoming, Receive
from shared.rabbit.link import loss_is_an_error, pause, waited

log = logging.getLogger(__name__)
BATCH = 50
BATCH_WAIT = 0.005


@dataclass
class Intake:
    """One queue's arrivals. Storing a batch is never stopped half-way by a lost connection."""

    receive: Receive
    dead: bool
    lost: asyncio.Event
    patience: float
    arrived: asyncio.Queue[AbstractIncomingMessage | None] = field(default_factory=asyncio.Queue)

    async def work(self) -> None:
        """Store until the connection is lost. What cannot be stored in a batch is tried alone, and holds up nobody."""
        async with asyncio.TaskGroup() as alone:
            while not self.lost.is_set() and (batch := await self.next_batch()):
                if not await self.store(batch):
                    for message in batch:
                        alone.create_task(self.store_alone(message))

    async def next_batch(self) -> list[AbstractIncomingMessage]:
        """What came within a few milliseconds of the first; empty when the connection is lost."""
        batch: list[AbstractIncomingMessage] = []
        message = await self.arrived.get()
        with suppress(TimeoutError):
            async with asyncio.timeout(BATCH_WAIT):
                while message is not None:
                    batch.append(message)
                    message = await self.arrived.get() if len(batch) < BATCH else None
        return batch

    async def store(self, batch: Sequence[AbstractIncomingMessage]) -> bool:
        """Store, then ack. False: not stored, nothing acked. An ack that fails is only a second delivery."""
        try:
            # A message without a sender has an empty one: None would mean that there is no broker to vouch for it.
            await self.receive([Incoming(message.body, message.user_id or "", self.dead) for message in batch])
        except Exception as error:
            log.warning("arrivals not stored", extra={"count": len(batch)}, exc_info=error)
            return False
        with suppress(Exception), loss_is_an_error():
            for message in batch:
                await message.ack()
        return True

    async def store_alone(self, message: AbstractIncomingMessage) -> None:
        """Try again and again for as long as our patience lasts, then hand it back: the broker counts that.

        Never `nack`: newer brokers do not count it, and poison would go round for ever.
        """
        loop = asyncio.get_running_loop()
        failures, until = 0, loop.time() + self.patience
        while not await waited(self.lost, pause(failures)):
            if await self.store([message]):
                return
            failures += 1
            if not self.dead and loop.time() > until:
                with suppress(Exception), loss_is_an_error():
                    await message.reject(requeue=True)
                return
