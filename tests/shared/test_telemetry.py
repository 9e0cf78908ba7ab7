"""Logs, traces and metrics: bounded, without data, and apart for services that share a process."""

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client.parser import text_string_to_metric_families

from shared.contracts.wording import Sentence
from shared.errors import Conflict
from shared.logs import MESSAGE_LIMIT, JsonFormatter, JsonHandler
from shared.telemetry import (
    Metrics,
    Span,
    TraceMiddleware,
    bind_service,
    bind_trace,
    current_request_id,
    current_service,
    current_trace_id,
    current_traceparent,
    routine,
    setup_logging,
)

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def formatted(**record: Any) -> dict[str, Any]:
    return dict(json.loads(JsonFormatter("catalog").format(logging.makeLogRecord({"name": "t", "levelname": "INFO", **record}))))


@pytest.fixture
def logged() -> Iterator[list[dict[str, Any]]]:
    """What is logged meanwhile, as it would be written."""
    lines: list[dict[str, Any]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            line = self.format(record)
            assert "\n" not in line
            lines.append(json.loads(line))

    keep, root = Keep(), logging.getLogger()
    keep.setFormatter(JsonFormatter("default"))
    level = root.level
    root.addHandler(keep)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(keep)
    root.setLevel(level)


# Traces


def test_a_child_stays_in_its_trace() -> None:
    span = Span.parse(PARENT)
    assert span is not None
    assert span.header() == PARENT
    child = span.child()
    assert (child.trace_id, child.flags) == (span.trace_id, "01")
    assert child.span_id != span.span_id
    assert Span.parse(child.header()) == child


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "x",
        PARENT.upper(),
        PARENT + "-more",
        PARENT + "\n",
        "ff" + PARENT[2:],
        PARENT[:-3],
        "00-" + "0" * 32 + PARENT[35:],
        PARENT[:36] + "0" * 16 + "-01",
        "01" + PARENT[2:] + "-" + "x" * 600,
        PARENT.replace("-", "_"),
    ],
)
def test_a_header_that_is_no_span_begins_a_new_trace(header: str | None) -> None:
    assert Span.parse(header) is None
    with bind_trace(header, None) as span:
        assert Span.parse(span.header()) == span
        assert span.trace_id not in PARENT


def test_a_later_version_of_the_header_is_read() -> None:
    span = Span.parse("01" + PARENT[2:] + "-something-new")
    assert span is not None
    assert span.header() == PARENT


def test_a_bound_trace_is_current_and_ends() -> None:
    assert (current_traceparent(), current_trace_id(), current_request_id(), current_service()) == (None,) * 4
    with bind_service("results"), bind_trace(PARENT, "req-1") as span:
        assert current_traceparent() == span.header() != PARENT
        assert current_trace_id() == PARENT[3:35]
        assert (current_request_id(), current_service()) == ("req-1", "results")
        with bind_trace(None, "bad id\n"):
            assert current_request_id() is None
            assert current_trace_id() != PARENT[3:35]
        assert current_request_id() == "req-1"
    assert (current_traceparent(), current_trace_id(), current_request_id(), current_service()) == (None,) * 4


async def test_tasks_of_two_services_keep_apart() -> None:
    async def who() -> tuple[str | None, str | None]:
        await asyncio.sleep(0)
        return current_service(), current_request_id()

    tasks = []
    for service in ("catalog", "requests"):
        with bind_service(service), bind_trace(None, f"of-{service}"):
            tasks.append(asyncio.create_task(who()))
    assert await asyncio.gather(*tasks) == [("catalog", "of-catalog"), ("requests", "of-requests")]


# Logs


def test_a_line_says_when_where_and_for_whom() -> None:
    with bind_service("analysis"), bind_trace(PARENT, "req-1"):
        line = formatted(msg="run %s", args=("7",), run="7", progress=0.5, done=True, fence=3)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("time"))
    assert line == {
        "level": "INFO",
        "logger": "t",
        "message": "run 7",
        "service": "analysis",
        "request_id": "req-1",
        "trace_id": PARENT[3:35],
        "run": "7",
        "progress": 0.5,
        "done": True,
        "fence": 3,
    }
    assert formatted(msg="at start")["service"] == "catalog"


def test_long_things_are_cut() -> None:
    line = formatted(msg="x" * 100_000, rows=["y" * 100_000])
    assert len(line["message"]) == MESSAGE_LIMIT
    assert len(line["rows"]) <= 1024


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


@pytest.mark.parametrize(
    "record",
    [
        {"msg": "%d of %d", "args": (1,)},
        {"msg": "x", "thing": Unprintable()},
        {"msg": Unprintable()},
        {"msg": "\ud800 \0 \x1b[31m\n"},
        {"msg": "x", "ratio": float("nan")},
        {"msg": "x", "table": {1: {2: object()}}},
        {"msg": "x", "exc_info": (None, None, None)},
        {"msg": "x", "service": "forged", "time": "forged"},
    ],
)
def test_no_record_breaks_the_log(record: dict[str, Any]) -> None:
    line = formatted(**record)
    assert line["level"] == "INFO"
    assert "forged" not in line.values()


def crash(error: Exception) -> Any:
    try:
        raise error
    except Exception:
        return sys.exc_info()


def test_an_exception_is_logged_without_its_words() -> None:
    line = formatted(msg="x", exc_info=crash(ValueError("could not convert '900101-1234567'")))
    assert line["exception"]["type"] == "ValueError"
    assert line["exception"]["at"][-1].endswith(" crash")
    assert "900101" not in json.dumps(line)


def test_words_that_name_no_data_are_kept() -> None:
    ended = Conflict(Sentence("It has ended.", ko="끝났습니다."))
    assert formatted(msg="x", exc_info=crash(ended))["exception"]["detail"] == "It has ended."
    assert "no attribute" in formatted(msg="x", exc_info=crash(AttributeError("no attribute")))["exception"]["detail"]
    refused = crash(ConnectionRefusedError(111, "Connection refused"))
    assert formatted(msg="x", exc_info=refused)["exception"]["detail"] == "Connection refused"


def test_the_cause_is_named() -> None:
    error = RuntimeError("secret")
    error.__cause__ = KeyError("cell")
    described = formatted(msg="x", exc_info=crash(error))["exception"]
    assert described["because"]["type"] == "KeyError"
    assert "cell" not in json.dumps(described)


def test_setting_up_twice_writes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    try:
        setup_logging("catalog", "info")
        setup_logging("requests", "info")
        logging.getLogger("somewhere").info("once")
        logging.getLogger("somewhere").debug("never")
        logging.getLogger("httpx").info("GET https://hook.test/?secret=1")
    finally:
        ours = [handler for handler in root.handlers if isinstance(handler, JsonHandler)]
        root.handlers, root.level = before, level
    assert len(ours) == 1
    (line,) = stream.getvalue().splitlines()
    assert (json.loads(line)["message"], json.loads(line)["service"]) == ("once", "requests")


# Requests


def build(service: str = "catalog", metrics: Metrics | None = None, *, guarded: bool = True) -> FastAPI:
    router = APIRouter()

    @router.get("/items/{item}")
    async def read_item(item: str) -> dict[str, str | None]:
        return {"id": current_request_id(), "traceparent": current_traceparent(), "service": current_service()}

    @router.post("/items/{item}/crash")
    async def crash_item(item: str) -> None:
        raise RuntimeError(f"cell {item}")

    @router.get("/healthz")
    async def healthz() -> None:
        pass

    async def on_crash(request: Request, error: Exception) -> Response:
        return JSONResponse({"problem": type(error).__name__}, 500)

    app = FastAPI()
    app.include_router(router, prefix=f"/{service}")
    app.add_middleware(TraceMiddleware, service=service, metrics=metrics or Metrics(service), crash=on_crash if guarded else None)
    return app


def client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app, raise_app_exceptions=False), base_url="http://test")


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for family in families
        for sample in family.samples
        if sample.name == "http_requests_total"
    }


async def test_a_request_keeps_the_id_and_trace_it_came_with() -> None:
    async with client(build()) as http:
        answer = await http.get("/catalog/items/1", headers={"X-Request-ID": "from-gateway_1.2", "traceparent": PARENT})
    assert answer.headers.get_list("x-request-id") == ["from-gateway_1.2"]
    span = Span.parse(answer.headers["traceparent"])
    assert span is not None
    assert span.trace_id == PARENT[3:35]
    assert answer.json() == {"id": "from-gateway_1.2", "traceparent": span.header(), "service": "catalog"}
    assert current_request_id() is None


@pytest.mark.parametrize("bad", [b"", b"a b", b"x" * 65, b"\xed\x95\x9c", b"a;b", b'"><script>', b"a\tb"])
async def test_an_id_that_is_not_clean_is_replaced(bad: bytes) -> None:
    async with client(build()) as http:
        answer = await http.get("/catalog/items/1", headers=[(b"X-Request-ID", bad), (b"traceparent", bad)])
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])
    assert answer.json()["id"] == answer.headers["x-request-id"]
    assert Span.parse(answer.headers["traceparent"])


async def test_one_access_line_without_the_path_or_query(logged: list[dict[str, Any]]) -> None:
    async with client(build()) as http:
        await http.get("/catalog/items/900101?name=kim", headers={"X-Request-ID": "r1"})
    (line,) = [line for line in logged if line["logger"] == "dure.access"]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/catalog/items/{item}", 200)
    assert (line["service"], line["request_id"]) == ("catalog", "r1")
    assert line["ms"] >= 0
    assert "900101" not in json.dumps(line)
    assert "kim" not in json.dumps(line)


async def test_probes_are_quiet(logged: list[dict[str, Any]]) -> None:
    async with client(build()) as http:
        await http.get("/catalog/healthz")
    assert [line["level"] for line in logged if line["logger"] == "dure.access"] == ["DEBUG"]


async def test_what_a_program_asks_again_and_again_is_quiet_unless_it_fails(logged: list[dict[str, Any]]) -> None:
    app = build()

    @app.get("/catalog/polled/{status}")
    async def polled(status: int, request: Request) -> Response:
        routine(request)
        return Response(status_code=status)

    async with client(app) as http:
        for status in (200, 204, 304, 404, 503):
            await http.get(f"/catalog/polled/{status}")
    levels = [line["level"] for line in logged if line["logger"] == "dure.access"]
    assert levels == ["DEBUG", "DEBUG", "DEBUG", "INFO", "INFO"]


async def test_requests_are_counted_by_template(logged: list[dict[str, Any]]) -> None:
    metrics = Metrics("catalog")
    async with client(build(metrics=metrics)) as http:
        for number in range(5):
            await http.get(f"/catalog/items/{number}")
            await http.get(f"/invented/{number}")
            await http.request(f"INVENTED{number}", f"/catalog/items/{number}")
        await http.post("/catalog/items/1/crash")
    assert samples(metrics) == {
        ("GET", "/catalog/items/{item}", "200"): 5,
        ("GET", "unmatched", "404"): 5,
        ("OTHER", "/catalog/items/{item}", "405"): 5,
        ("POST", "/catalog/items/{item}/crash", "500"): 1,
    }
    assert b"http_request_seconds_bucket" in metrics.render()


async def test_a_crash_is_answered_with_the_request_id_and_logged_once(logged: list[dict[str, Any]]) -> None:
    async with client(build()) as http:
        answer = await http.post("/catalog/items/900101/crash", headers={"X-Request-ID": "r1"})
    assert (answer.status_code, answer.json()) == (500, {"problem": "RuntimeError"})
    assert answer.headers["x-request-id"] == "r1"
    errors = [line for line in logged if line["level"] == "ERROR"]
    assert [(line["request_id"], line["exception"]["type"]) for line in errors] == [("r1", "RuntimeError")]
    assert "900101" not in json.dumps(errors)


async def test_without_an_answer_to_crashes_they_go_on_up() -> None:
    metrics = Metrics("catalog")
    app = build(metrics=metrics, guarded=False)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as http:
        with pytest.raises(RuntimeError):
            await http.post("/catalog/items/1/crash")
    assert samples(metrics) == {("POST", "/catalog/items/{item}/crash", "500"): 1}


async def test_four_services_share_a_process() -> None:
    names = ("catalog", "requests", "analysis", "results")
    metrics = {name: Metrics(name) for name in names}
    for name in names:
        async with client(build(name, metrics[name])) as http:
            assert (await http.get(f"/{name}/items/1")).json()["service"] == name
    metrics["catalog"].outbox_unsent.set(3)
    metrics["catalog"].due_waiting.labels("dataset").set(2)
    metrics["results"].counter("deliveries_total", "Webhook deliveries.", ("outcome",)).labels("delivered").inc()
    for name in names:
        assert samples(metrics[name]) == {("GET", f"/{name}/items/{{item}}", "200"): 1}
    assert b'due_waiting{table="dataset"} 2.0' in metrics["catalog"].render()
    assert b"outbox_unsent 3.0" in metrics["catalog"].render()
    assert b"outbox_unsent 0.0" in metrics["requests"].render()
    assert b'deliveries_total{outcome="delivered"} 1.0' in metrics["results"].render()


async def test_tasks_of_the_lifespan_know_their_service() -> None:
    seen: list[str | None] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(current_service())

    async def nothing(*_: Any) -> Any:
        pass

    await TraceMiddleware(app, service="results")({"type": "lifespan"}, nothing, nothing)
    assert seen == ["results"]
