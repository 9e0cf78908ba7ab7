"""Where we are: the service, the HTTP request and the trace that this code runs for, through HTTP and events."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Self

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True)
class Span:
    """A place in a trace (W3C Trace Context)."""

    trace_id: str
    span_id: str
    flags: str = "01"

    @classmethod
    def new(cls) -> Self:
        return cls(secrets.token_hex(16), secrets.token_hex(8))

    @classmethod
    def parse(cls, header: str | None) -> Self | None:
        """The span of a traceparent header, or None if it is not a valid one."""
        found = TRACEPARENT.fullmatch(header) if header and len(header) <= 512 else None
        if not found:
            return None
        version, trace_id, span_id, flags, rest = found.groups()
        if version == "ff" or (version == "00" and rest) or not trace_id.strip("0") or not span_id.strip("0"):
            return None
        return cls(trace_id, span_id, flags)

    def child(self) -> Self:
        return type(self)(self.trace_id, secrets.token_hex(8), self.flags)

    def header(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


_service: ContextVar[str | None] = ContextVar("dure_service", default=None)
_request_id: ContextVar[str | None] = ContextVar("dure_request_id", default=None)
_span: ContextVar[Span | None] = ContextVar("dure_span", default=None)


def current_service() -> str | None:
    return _service.get()


def current_request_id() -> str | None:
    """Id of the HTTP request that is being served, or that began the chain of events being handled."""
    return _request_id.get()


def current_traceparent() -> str | None:
    span = _span.get()
    return span.header() if span else None


def current_trace_id() -> str | None:
    span = _span.get()
    return span.trace_id if span else None


@contextmanager
def bind_service(name: str) -> Iterator[None]:
    """Name the service for what runs inside, also for tasks that start there."""
    token = _service.set(name)
    try:
        yield
    finally:
        _service.reset(token)


@contextmanager
def bind_trace(traceparent: str | None, request_id: str | None) -> Iterator[Span]:
    """Go on with a trace as a child of `traceparent`; begin a new one if there is none that can be read."""
    parent = Span.parse(traceparent)
    span = parent.child() if parent else Span.new()
    known = request_id if request_id and REQUEST_ID.fullmatch(request_id) else None
    span_token, id_token = _span.set(span), _request_id.set(known)
    try:
        yield span
    finally:
        _span.reset(span_token)
        _request_id.reset(id_token)
