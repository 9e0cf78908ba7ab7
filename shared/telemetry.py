"""What is seen of a service from outside: its logs, its metrics, and the middleware with which every trace begins."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.headers import protective
from shared.ids import new_id
from shared.logs import setup_logging
from shared.metrics import Metrics
from shared.trace import (
    REQUEST_ID,
    Span,
    bind_service,
    bind_trace,
    current_request_id,
    current_service,
    current_trace_id,
    current_traceparent,
)

__all__ = [
    "Metrics",
    "Span",
    "TraceMiddleware",
    "bind_service",
    "bind_trace",
    "current_request_id",
    "current_service",
    "current_trace_id",
    "current_traceparent",
    "routine",
    "setup_logging",
]

access_log = logging.getLogger("dure.access")
log = logging.getLogger(__name__)
PROBES: Final = ("/healthz", "/readyz", "/metrics")

Crash = Callable[[Request, Exception], Awaitable[Response]]


class TraceMiddleware:
    """Gives every request its id and span, answers with both, writes one access line and counts.

    `crash` makes the answer to an exception that nobody expected, so that it too carries the request id.
    """

    def __init__(self, app: ASGIApp, service: str, metrics: Metrics | None = None, crash: Crash | None = None) -> None:
        self.app, self.service, self.crash = app, service, crash
        self.metrics = metrics or Metrics(service)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with bind_service(self.service):
            if scope["type"] != "http":
                await self.app(scope, receive, send)
                return
            headers = {name: value.decode("latin-1") for name, value in reversed(scope["headers"])}
            asked = headers.get(b"x-request-id", "")
            request_id = asked if REQUEST_ID.fullmatch(asked) else new_id().hex
            with bind_trace(headers.get(b"traceparent"), request_id) as span:
                await self.serve(scope, receive, Answer(send, request_id, span))

    async def serve(self, scope: Scope, receive: Receive, answer: "Answer") -> None:
        began = time.perf_counter()
        try:
            await self.app(scope, receive, answer)
        except asyncio.CancelledError:
            answer.status = answer.status or 499
            raise
        except Exception as error:
            if self.crash is None or answer.status:
                answer.status = answer.status or 500
                raise
            log.exception("a request crashed")
            response = await self.crash(Request(scope, receive), error)
            await response(scope, receive, answer)
        finally:
            self.note(scope, answer.status or 499, time.perf_counter() - began)

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        route = template(scope)
        self.metrics.observe(scope["method"], route, status, seconds)
        routine = status < 400 and scope.get("state", {}).get("routine")  # a program asks again and again: see routine()
        level = logging.DEBUG if routine or route.endswith(PROBES) else logging.INFO
        fields = {"method": scope["method"][:20], "route": route, "status": status, "ms": round(seconds * 1000, 1)}
        access_log.log(level, "request", extra=fields)


def routine(request: Request) -> None:
    """Of a call that a program makes every few seconds, and that found nothing new: it leaves no line at INFO."""
    request.state.routine = True


def template(scope: Scope) -> str:
    """The template of the matched route, with the prefixes of its routers, which FastAPI keeps beside the route."""
    included = scope.get("fastapi", {}).get("effective_route_context")
    path = getattr(included, "path", None) or getattr(scope.get("route"), "path", None)
    return str(path or "unmatched")


class Answer:
    """The sending side of a request: adds our headers and those that protect, and remembers the status."""

    def __init__(self, send: Send, request_id: str, span: Span) -> None:
        self.send = send
        self.status = 0
        self.headers = [(b"x-request-id", request_id.encode()), (b"traceparent", span.header().encode())]

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            message["headers"] = [*headers, *protective(headers), *self.headers]
        await self.send(message)
