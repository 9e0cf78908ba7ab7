"""Who is let in: calls and streams are counted by caller and in total, and refused early where there are too many."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared import messages
from shared.contracts.wording import Template
from shared.errors import Problem, TooMany, Unavailable
from shared.presence import Pace, Presence
from shared.turns import Asking, asking

CALLER_WAITS: Final = 1  # seconds until a call of the same caller may well have ended
SERVICE_WAITS: Final = 2
# Counted apart: whoever watches a service that has too much to do needs them most. `healthz` does nothing that costs.
PROBES: Final = ("/readyz", "/metrics")
MOST_PROBES: Final = 50
PROBE: Final = "\nprobe"  # no subject of a token holds a line break


@dataclass
class Bound:
    """How many there are, by subject and in total; what is said where there are too many of all, and of one."""

    most: int
    each: int
    all_taken: Template = messages.CALLS_OF_ALL
    own_taken: Template = messages.CALLS_OF_ONE
    by_subject: Counter[str] = field(default_factory=Counter)
    total: int = 0

    def enter(self) -> None:
        """Count one. Unavailable if there are too many of all callers together."""
        if self.total >= self.most:
            raise Unavailable(self.all_taken(most=self.most), retry_after=SERVICE_WAITS)
        self.total += 1

    def count(self, subject: str, each: int | None = None) -> None:
        """Count it as this subject's. TooMany if the subject has too many."""
        most = self.each if each is None else each
        if self.by_subject[subject] >= most:
            raise TooMany(self.own_taken(most=most), retry_after=CALLER_WAITS)
        self.by_subject[subject] += 1

    def discount(self, subject: str) -> None:
        self.by_subject[subject] -= 1
        if not self.by_subject[subject]:
            del self.by_subject[subject]

    def leave(self, subject: str | None) -> None:
        self.total -= 1
        if subject is not None:
            self.discount(subject)


@dataclass
class Admission:
    """What a service takes at once: calls, and streams (events and long polls), which wait more than they work."""

    calls: Bound
    streams: Bound
    polls_each: int
    pace: Pace
    probes: Bound = field(default_factory=lambda: Bound(MOST_PROBES, MOST_PROBES))


class Call(Asking):
    """One call that was let in. It counts as an open call, or as a stream once it says that it is one."""

    def __init__(self, admission: Admission, scope: Scope, presence: Presence) -> None:
        """Unavailable if there are too many."""
        probe = scope["path"].endswith(PROBES)
        super().__init__(PROBE if probe else stranger(scope), presence)
        self.admission, self.bound = admission, admission.probes if probe else admission.calls
        self.counted: str | None = None
        self.bound.enter()

    def of(self, subject: str) -> None:
        """Whose it is, known as soon as the token is verified. TooMany."""
        if self.counted is None:
            self.bound.count(subject)
            self.subject = self.counted = subject

    def becomes_stream(self) -> None:
        """It will be open for long: it counts as a stream from now on. TooMany, Unavailable."""
        self.move(self.admission.streams.each)

    def becomes_poll(self) -> None:
        """As a stream, of which a program that does the work of many may have more."""
        self.move(self.admission.polls_each)

    def move(self, each: int) -> None:
        streams = self.admission.streams
        if self.bound is streams:
            return
        streams.enter()
        try:
            streams.count(self.subject, each)
        except TooMany:
            streams.leave(None)
            raise
        self.end()
        self.bound, self.counted = streams, self.subject

    def end(self) -> None:
        self.bound.leave(self.counted)


def current_call() -> Call | None:
    """The call that is being answered; None in a background loop, and where nobody counts."""
    call = asking.get()
    return call if isinstance(call, Call) else None


class AdmissionMiddleware:
    """Counts every call from its first to its last byte, and makes known which one it is.

    `refuse` makes the answer to a problem.
    """

    def __init__(self, app: ASGIApp, admission: Admission, refuse: Callable[[Request, Problem], Awaitable[Response]]) -> None:
        self.app, self.admission, self.refuse = app, admission, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].endswith("/healthz"):
            await self.app(scope, receive, send)
            return
        presence = Presence(receive, self.admission.pace, has_body=has_body(scope))
        try:
            call = Call(self.admission, scope, presence)
        except Unavailable as problem:
            await (await self.refuse(Request(scope, receive), problem))(scope, receive, send)
            return
        token = asking.set(call)
        try:
            await presence.look()
            if not presence.left:  # one that came and went while the loop was busy costs no more than this
                await self.app(scope, presence.receive, send)
        finally:
            asking.reset(token)
            presence.close()
            call.end()


def has_body(scope: Scope) -> bool:
    """Whether the request says that a body follows."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0") for name, value in scope["headers"]
    )


def stranger(scope: Scope) -> str:
    """What stands for a caller who has shown no token: the address."""
    host, _ = scope.get("client") or ("", 0)
    return f"\n{host}"
