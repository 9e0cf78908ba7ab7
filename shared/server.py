"""The server's side of a connection, which also ends those that send nothing whole: uvicorn has no timeout for that.

`uvicorn --http shared.server:Protocol`.
"""

import resource
from asyncio import TimerHandle, Transport
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_WITHIN: Final = 15.0  # seconds from the first byte to the end of the headers; as in gateway.conf
REST_WITHIN: Final = 30.0  # seconds for what is left of a body that nobody reads any more
LATE: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
KEPT_FILES: Final = 200  # open files left to databases, the broker, storage and logs


def most_connections() -> int:
    """As many as there may be open files; who would be one too many is turned away, and all others are served."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(soft - KEPT_FILES, soft // 2)


class Protocol(HttpToolsProtocol):
    """One connection. Bodies are timed by shared.presence while somebody reads them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.timer: TimerHandle | None = None
        self.most = most_connections()

    def start_timer(self, seconds: float, end: Callable[[], None]) -> None:
        self.stop_timer()
        self.timer = self.loop.call_later(seconds, end)

    def await_headers(self) -> None:
        self.start_timer(HEADERS_WITHIN, self.end_late)

    def end_late(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(LATE)
            self.transport.close()

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
        else:
            self.await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.timer is None and (self.cycle is None or self.cycle.response_complete):
            self.await_headers()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self.stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.stop_timer()
        super().on_message_complete()
        if self.cycle.response_complete:  # uvicorn's own timer ended when more of the body came
            self.await_headers()

    def on_response_complete(self) -> None:
        if self.cycle.more_body:
            self.start_timer(REST_WITHIN, self.transport.abort)
        super().on_response_complete()
