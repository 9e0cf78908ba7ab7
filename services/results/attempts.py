"""What became of one call of a receiver, as a code that its ministry reads in the log of deliveries. Pure."""

import errno
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import h11
import httpx

from shared.clock import now

DELIVERED: Final = "delivered"
UNREACHABLE: Final = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


@dataclass(frozen=True)
class Outcome:
    """A code of OUTCOMES, the HTTP status if there was one, and how long the receiver asked us to wait."""

    code: str
    status: int | None = None
    retry_after: timedelta | None = None


def of_answer(status: int, retry_after: str | None) -> Outcome:
    """Of an HTTP answer; `retry_after` is the header of this name."""
    if 200 <= status < 300:
        return Outcome(DELIVERED, status)
    if status == httpx.codes.GONE:
        return Outcome("gone", status)
    code = "redirect-refused" if 300 <= status < 400 else "http-status"
    return Outcome(code, status, named_wait(retry_after, now()) if retry_after else None)


def named_wait(header: str, at: datetime) -> timedelta | None:
    """Seconds or a date (RFC 9110, 10.2.3), never negative; None if it is neither."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:12]), 10**9))
    try:
        named = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((named if named.tzinfo else named.replace(tzinfo=UTC)) - at, timedelta())


def of_failure(error: Exception) -> Outcome:
    """Of a call without an answer: what lies at the bottom of the error says it."""
    reasons = list(causes(error))
    if any(isinstance(one, ssl.SSLError) for one in reasons):
        return Outcome("tls-failed")
    if any(isinstance(one, ConnectionRefusedError) for one in reasons):
        return Outcome("connection-refused")
    if any(isinstance(one, OSError) and one.errno in UNREACHABLE for one in reasons):
        return Outcome("host-unreachable")
    if isinstance(error, (TimeoutError, httpx.TimeoutException)):
        return Outcome("timeout")
    return Outcome("not-http" if any(isinstance(one, h11.RemoteProtocolError) for one in reasons) else "connection-lost")


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception, what it came from, and so on; those of a group as well."""
    while error is not None:
        yield error
        for one in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
            yield from causes(one)
        error = error.__cause__ or error.__context__
