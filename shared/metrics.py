"""Prometheus metrics of one service, in a registry of its own, so that four services may share a process."""

from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

MEDIA_TYPE: Final = CONTENT_TYPE_LATEST
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Long polls answer after up to half a minute.
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """What a service counts. Whoever renders them sets the gauges first."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "http_requests_total", "HTTP requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "http_request_seconds",
            "Time until the answer was sent.",
            ("method", "route"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.outbox_unsent = self.gauge("outbox_unsent", "Events that have not reached the bus yet.")
        self.outbox_oldest_seconds = self.gauge("outbox_oldest_seconds", "Age of the oldest of them.")
        self.inbox_new = self.gauge("inbox_new", "Events received and not handled yet.")
        self.inbox_dead = self.gauge("inbox_dead", "Events given up after repeated failures.")
        self.due_waiting = self.gauge("due_waiting", "Rows of work that is due.", ("table",))

    def gauge(self, name: str, documentation: str, labels: tuple[str, ...] = ()) -> Gauge:
        """A further gauge of this service."""
        return Gauge(name, documentation, labels, registry=self.registry)

    def counter(self, name: str, documentation: str, labels: tuple[str, ...] = ()) -> Counter:
        """A further counter of this service."""
        return Counter(name, documentation, labels, registry=self.registry)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request. Labels come from closed sets, never from what a caller may invent."""
        method = method if method in METHODS else "OTHER"
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)

    def render(self) -> bytes:
        return generate_latest(self.registry)
