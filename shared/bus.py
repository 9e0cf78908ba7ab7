"""The bus: published events reach the inbox of every service that listens. In this process, or over RabbitMQ (rabbit.py)."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.contracts import Envelope


@dataclass(frozen=True)
class Incoming:
    """What arrived: the bytes of an envelope, and who the broker says has sent it (None within one process).

    `dead`: the broker gave up delivering it; it is kept for the operators and never handled.
    """

    body: bytes
    user_id: str | None = None
    dead: bool = False


Receive = Callable[[Sequence[Incoming]], Awaitable[None]]


class Bus(Protocol):
    def subscribe(self, service: str, types: frozenset[str], receive: Receive) -> None:
        """Have `receive` store what arrives of these event types. If it raises, the batch comes again."""

    async def start(self) -> None:
        """Begin; returns at once, also while the broker is down."""

    async def publish(self, batch: Sequence[Envelope]) -> list[Exception | None]:
        """Publish; one outcome for each, None where it is confirmed."""

    async def close(self) -> None:
        """Stop receiving and publishing."""

    @property
    def down(self) -> str | None:
        """None while usable, else a sentence for readyz."""


class NotComplete(Exception):
    """A service that shares the bus has not subscribed yet: what is published now would not reach it."""


class InProcessBus:
    """Delivers inside this process. Published means stored in every listener's inbox; a failure keeps it in its outbox.

    `services` are those that share it. Services start one after the other, and there is no broker that would keep an event
    for the last of them: until all have subscribed the bus is down, and events wait in the outbox.
    """

    def __init__(self, services: Iterable[str] = ()) -> None:
        self.services = frozenset(services)
        self.listeners: dict[str, tuple[frozenset[str], Receive]] = {}

    def subscribe(self, service: str, types: frozenset[str], receive: Receive) -> None:
        self.listeners[service] = types, receive

    async def start(self) -> None:
        """Nothing to begin."""

    async def publish(self, batch: Sequence[Envelope]) -> list[Exception | None]:
        if self.down:
            return [NotComplete() for _ in batch]
        outcomes: list[Exception | None] = [None] * len(batch)
        for types, receive in list(self.listeners.values()):
            wanted = [at for at, envelope in enumerate(batch) if envelope.type in types]
            if not wanted:
                continue
            try:
                await receive([Incoming(batch[at].model_dump_json(exclude_none=True).encode()) for at in wanted])
            except Exception as error:
                for at in wanted:
                    outcomes[at] = error
        return outcomes

    async def close(self) -> None:
        """Nothing to stop."""

    @property
    def down(self) -> str | None:
        missing = sorted(self.services - self.listeners.keys())
        return f"not yet there: {', '.join(missing)}" if missing else None
