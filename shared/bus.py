"""The bus: published events reach the inbox of every service that listens. In this process, or over RabbitMQ (rabbit.py)."""

from collections.abc import Awaitable, Callable, Sequence
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


class InProcessBus:
    """Delivers inside this process. Published means stored in every listener's inbox; a failure keeps it in its outbox."""

    def __init__(self) -> None:
        self.listeners: dict[str, tuple[frozenset[str], Receive]] = {}

    def subscribe(self, service: str, types: frozenset[str], receive: Receive) -> None:
        self.listeners[service] = types, receive

    async def start(self) -> None:
        """Nothing to begin."""

    async def publish(self, batch: Sequence[Envelope]) -> list[Exception | None]:
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
        return None
