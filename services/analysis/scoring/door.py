"""The call itself, answered below the framework: what the framework does for a request takes longer than scoring a row."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from os import urandom
from typing import Final, TypeVar

from fastapi import Request
from prometheus_client import Counter, Histogram
from starlette.datastructures import QueryParams
from starlette.types import Message, Receive, Scope, Send

from services.analysis import messages
from services.analysis.scoring import problems
from services.analysis.scoring.access import Asked, Doorkeeper
from services.analysis.scoring.codec import Body, Call, Limits, decode, encode
from services.analysis.scoring.ledger import Ledger
from services.analysis.scoring.registry import Access
from services.analysis.scoring.sessions import Model, Shelf, check_format
from services.analysis.scoring.settings import Settings
from shared.admission import Admission
from shared.auth import Principal
from shared.errors import BadRequest, Problem, TooLarge, TooMany, UnsupportedMedia
from shared.headers import protective
from shared.http import check_query
from shared.messages import BODY_TOO_LARGE, URL_NUL
from shared.telemetry import Metrics
from shared.trace import REQUEST_ID, bind_trace

log = logging.getLogger(__name__)
T = TypeVar("T")
ROUTE: Final = "/analysis/scoring/v2/models/{model_name}/infer"
HEADERS: Final = frozenset(
    {
        b"authorization", b"content-encoding", b"content-length", b"inference-header-content-length", b"traceparent",
        b"x-request-id",
    }
)  # fmt: skip


class CallerLeft(Exception):
    """The caller went away before the call was complete."""


@dataclass
class Door:
    """Answers calls: who asks is checked first, then the body is read, scored and counted."""

    settings: Settings
    keeper: Doorkeeper
    shelf: Shelf
    ledger: Ledger
    metrics: Metrics
    admission: Admission
    limits: Limits = field(init=False)
    threads: ThreadPoolExecutor = field(init=False)
    counters: dict[int, Counter] = field(default_factory=dict)
    timer: Histogram = field(init=False)
    large: int = 0

    def __post_init__(self) -> None:
        self.limits = Limits(self.settings.rows_limit, self.settings.json_limit, self.settings.values_limit)
        self.timer = self.metrics.seconds.labels("POST", ROUTE)
        self.threads = ThreadPoolExecutor(self.settings.batch_threads, thread_name_prefix="scoring")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), 499
        headers = {name: value.decode("latin-1") for name, value in reversed(scope["headers"]) if name in HEADERS}
        asked = headers.get(b"x-request-id", "")
        request_id = asked if REQUEST_ID.fullmatch(asked) else urandom(16).hex()
        told: dict[str, Principal] = {}
        calls, entered = self.admission.calls, False
        try:
            calls.enter()
            entered = True
            body = await self.answer(scope, headers, receive, told)
            status = 200
            await respond(send, body, request_id)
        except CallerLeft:
            pass
        except Exception as error:
            with bind_trace(headers.get(b"traceparent"), request_id):
                status = await refuse(scope, receive, send, error, told, request_id)
        finally:
            if entered:
                calls.leave(None)
            self.count(status, time.perf_counter() - began)

    def count(self, status: int, seconds: float) -> None:
        """As `Metrics.observe` does, with the labels looked up once."""
        if status not in self.counters:
            self.counters[status] = self.metrics.requests.labels("POST", ROUTE, str(status))
        self.counters[status].inc()
        self.timer.observe(seconds)

    async def answer(self, scope: Scope, headers: dict[bytes, str], receive: Receive, told: dict[str, Principal]) -> Body:
        path = scope["path_params"]
        if "\0" in scope["path"]:
            raise BadRequest(URL_NUL)
        if scope["query_string"]:
            check_query(QueryParams(scope["query_string"]), ())
        asked = Asked(headers.get(b"authorization", ""), path["model_name"], path.get("model_version"))
        access = self.keeper.remembered(asked) or await self.keeper.check(asked, told)
        subject = access.caller.subject
        self.admission.calls.count(subject)
        try:
            return await self.answer_known(access, headers, receive)
        finally:
            self.admission.calls.discount(subject)

    async def answer_known(self, access: Access, headers: dict[bytes, str], receive: Receive) -> Body:
        """Whoever has a grant is counted as one caller, from the first byte of the body on."""
        check_format(access.model.format)
        check_encoding(headers)
        header = headers.get(b"inference-header-content-length")
        declared = headers.get(b"content-length", "")
        if not declared.isdigit() or int(declared) > self.settings.inline_bytes:
            return await self.answer_large(access, declared, header, receive)
        body = await self.read(receive)
        model = self.shelf.at_hand(access.model.sha256) or await self.shelf.get(access.model.sha256)
        return await self.score(access, model, decode(body, header, model.signature, self.limits, model.layouts))

    async def score(self, access: Access, model: Model, call: Call) -> Body:
        """A few rows are scored at once, more by a thread, so that nobody waits behind them."""
        self.ledger.admit(access, call.rows)
        if call.rows <= self.settings.inline_rows:
            return finish(access, model, call)
        return await self.in_thread(lambda: finish(access, model, call))

    async def answer_large(self, access: Access, declared: str, header: str | None, receive: Receive) -> Body:
        """A large body has to find room; it is decoded, scored and encoded beside the loop."""
        limit = self.settings.body_limit
        if declared.isdigit() and int(declared) > limit:
            raise TooLarge(BODY_TOO_LARGE(limit=limit), limit_bytes=limit)
        if self.large >= self.settings.batch_waiting:
            raise TooMany(messages.TOO_MANY_BATCHES)
        self.large += 1
        try:
            body = await self.read(receive)
            model = await self.shelf.get(access.model.sha256)
            call = await self.in_thread(lambda: decode(body, header, model.signature, self.limits, model.layouts))
            self.ledger.admit(access, call.rows)
            return await self.in_thread(lambda: finish(access, model, call))
        finally:
            self.large -= 1

    async def in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    async def read(self, receive: Receive) -> bytes:
        """The whole body; TooLarge as soon as it turns out to be too long, BadRequest if it takes too long."""
        limit, parts, size = self.settings.body_limit, list[bytes](), 0
        try:
            async with asyncio.timeout(self.settings.read_seconds):
                while True:
                    message = await self.chunk(receive)
                    part = message.get("body", b"")
                    size += len(part)
                    if size > limit:
                        raise TooLarge(BODY_TOO_LARGE(limit=limit), limit_bytes=limit)
                    parts.append(part)
                    if not message.get("more_body"):
                        return parts[0] if len(parts) == 1 else b"".join(parts)
        except TimeoutError:
            raise BadRequest(messages.BODY_TOO_SLOW(seconds=self.settings.read_seconds)) from None

    async def chunk(self, receive: Receive) -> Message:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerLeft
        return message


def finish(access: Access, model: Model, call: Call) -> Body:
    datatypes = [model.signature.given[name] for name, _ in call.outputs]
    return encode(call, access.model.name, access.model.release, datatypes, model.score(call))


def check_encoding(headers: dict[bytes, str]) -> None:
    if headers.get(b"content-encoding", "identity").lower() not in ("", "identity"):
        raise UnsupportedMedia(messages.BODY_COMPRESSED, accepted=["application/json", "application/octet-stream"])


async def respond(send: Send, body: Body, request_id: str) -> None:
    headers = [
        (b"content-type", body.media_type),
        (b"content-length", str(len(body.data)).encode()),
        (b"x-request-id", request_id.encode()),
    ]
    headers += protective(headers)
    if body.header_length is not None:
        headers.append((b"inference-header-content-length", str(body.header_length).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body.data})


async def refuse(
    scope: Scope, receive: Receive, send: Send, error: Exception, told: dict[str, Principal], request_id: str
) -> int:
    """Answer with the problem, audited where refusals are; whatever nobody expected is logged and told as our fault."""
    request = Request(scope, receive)
    if "caller" in told:
        request.state.caller = told["caller"]
    if isinstance(error, Problem):
        response = await problems.on_problem(request, error)
    else:
        log.exception("a call crashed", exc_info=error)
        response = await problems.on_crash(request, error)
    response.headers["x-request-id"] = request_id
    response.raw_headers.extend(protective(response.raw_headers))
    await response(scope, receive, send)
    return response.status_code
