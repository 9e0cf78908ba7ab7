"""Who hears what over the broker: exchanges, queues, bindings and rights as data, derived from one table."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.base import SOURCES

VHOST = "dure"
PREFIX = "dure"
DELIVERY_LIMIT = 20

# The event types that each service handles: what its consumers.py says (`python -m deploy.topology --check` compares).
LISTENERS: dict[str, frozenset[str]] = {
    "catalog": frozenset(),
    "requests": frozenset(
        {
            "catalog.ministry-joined.v1",
            "catalog.ministry-renamed.v1",
            "catalog.ministry-left.v1",
            "catalog.ministry-key-registered.v1",
            "catalog.ministry-key-retired.v1",
            "catalog.dataset-published.v1",
            "catalog.dataset-withdrawn.v1",
            "analysis.method-live.v1",
            "analysis.method-withdrawn.v1",
            "analysis.model-released.v1",
            "analysis.model-withdrawn.v1",
            "analysis.run-queued.v1",
            "analysis.run-started.v1",
            "analysis.run-finished.v1",
            "results.result-held.v1",
            "results.result-released.v1",
            "results.result-withheld.v1",
            "results.result-recalled.v1",
        }
    ),
    "analysis": frozenset(
        {
            "requests.request-approved.v1",
            "requests.request-withdrawn.v1",
            "requests.grant-revoked.v1",
            "catalog.ministry-joined.v1",
            "catalog.ministry-left.v1",
            "catalog.dataset-withdrawn.v1",
            "catalog.ministry-key-registered.v1",
            "catalog.ministry-key-retired.v1",
            "results.result-released.v1",
            "results.result-withheld.v1",
            "results.result-recalled.v1",
        }
    ),
    "results": frozenset(
        {
            "catalog.ministry-joined.v1",
            "catalog.ministry-renamed.v1",
            "catalog.ministry-left.v1",
            "catalog.dataset-published.v1",
            "catalog.dataset-withdrawn.v1",
            "analysis.method-live.v1",
            "analysis.method-withdrawn.v1",
            "analysis.model-withdrawn.v1",
            "analysis.run-finished.v1",
            "requests.request-withdrawn.v1",
            "requests.grant-revoked.v1",
        }
    ),
}


@dataclass(frozen=True)
class Exchange:
    owner: str
    name: str
    kind: str


@dataclass(frozen=True)
class Queue:
    owner: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Binding:
    owner: str
    exchange: str
    queue: str
    routing_key: str


@dataclass(frozen=True)
class Rights:
    """What a service's broker user may do: regular expressions over the names of exchanges and queues."""

    service: str
    configure: str
    write: str
    read: str


@dataclass(frozen=True)
class Topology:
    """All names under one prefix. A service writes to its own exchange and reads its own two queues."""

    prefix: str = PREFIX
    listeners: Mapping[str, frozenset[str]] = field(default_factory=lambda: LISTENERS)

    @property
    def services(self) -> list[str]:
        return sorted({*SOURCES, *self.listeners})

    @property
    def heard(self) -> frozenset[str]:
        """Types that somebody consumes: publishing one that reaches no queue is a failure."""
        return frozenset[str]().union(*self.listeners.values())

    def exchange(self, service: str) -> str:
        """Where a service publishes; only its own broker user may write there."""
        return f"{self.prefix}.events.{service}"

    def queue(self, service: str) -> str:
        """Where a service's events arrive; the routing key is the event type."""
        return f"{self.prefix}.{service}.events"

    def dead(self, service: str) -> str:
        """The exchange and the queue of what the broker gave up delivering to a service."""
        return f"{self.prefix}.{service}.dead"

    def exchanges(self) -> Iterator[Exchange]:
        for service in self.services:
            yield Exchange(service, self.exchange(service), "topic")
            yield Exchange(service, self.dead(service), "direct")

    def queues(self) -> Iterator[Queue]:
        for service in self.services:
            yield Queue(
                service,
                self.queue(service),
                quorum(DELIVERY_LIMIT)
                | {
                    "x-dead-letter-exchange": self.dead(service),
                    "x-dead-letter-routing-key": self.queue(service),
                    "x-dead-letter-strategy": "at-least-once",
                    "x-overflow": "reject-publish",
                },
            )
            # Nothing stands behind the dead queue: a low limit, the default of newer brokers, would drop what is there.
            yield Queue(service, self.dead(service), quorum(1_000_000))

    def bindings(self) -> Iterator[Binding]:
        for service in self.services:
            yield Binding(service, self.dead(service), self.dead(service), self.queue(service))
            for type in sorted(self.listeners.get(service, ())):
                yield Binding(service, self.exchange(producer(type)), self.queue(service), type)

    def rights(self) -> Iterator[Rights]:
        for service in self.services:
            own = [self.exchange(service), self.queue(service), self.dead(service)]
            heard = {self.exchange(producer(type)) for type in self.listeners.get(service, ())}
            yield Rights(service, exactly(own), exactly(own), exactly([*own, *sorted(heard - {*own})]))


def producer(type: str) -> str:
    """The service that may say this."""
    return type.split(".", 1)[0]


def quorum(delivery_limit: int) -> dict[str, Any]:
    return {"x-queue-type": "quorum", "x-delivery-limit": delivery_limit}


def exactly(names: list[str]) -> str:
    return f"^({'|'.join(re.escape(name) for name in names)})$"
