"""What one caller costs the others: calls that hang up, and large bodies of strangers. The bars are seconds."""

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from multiprocessing.pool import Pool
from pathlib import Path
from uuid import uuid4

import httpx

from deploy.installation import SERVICES
from deploy.running import Embedded, Separate
from tests.bench.figures import QUICK, Bench, Figure, at_most, milliseconds, percentile
from tests.cases import adapter, load
from tests.cases.adapter import AUDITOR, Person, Suite
from tests.e2e.conftest import databases, remove_topology

AFTER = 2.0  # seconds within which an ordinary call is answered right after the attack
P99 = 0.3  # seconds of healthz while strangers send
STRANGERS = 8
BODY = b'{"title": "' + b"x" * (2 * 1024 * 1024 - 100) + b'"}'
ANOTHER = Person("auditor", "kostat", "another.auditor")


class Spread(Suite):
    """Services on addresses of their own."""

    urls: Mapping[str, str]

    def at(self, path: str) -> str:
        return self.urls[path.split("/")[1].split("?")[0]] + path


@contextmanager
def embedded(bench: Bench) -> Iterator[Suite]:
    folder = bench.folder / uuid4().hex
    programs = Embedded(folder)
    programs.worker.arguments[:] = ["-c", ""]
    try:
        programs.start(lambda _: None)
        yield suite_at(dict.fromkeys(SERVICES, programs.url), folder)
    finally:
        programs.stop()


@contextmanager
def separate(bench: Bench) -> Iterator[Suite]:
    """Four processes on PostgreSQL and RabbitMQ."""
    assert bench.rabbitmq is not None
    folder, prefix = bench.folder / uuid4().hex, f"durebench_{uuid4().hex[:10]}"
    with ExitStack() as stack:
        addresses = stack.enter_context(databases(prefix))
        programs = Separate(folder, addresses, bench.rabbitmq, prefix)
        programs.programs["worker"].arguments[:] = ["-c", ""]
        stack.callback(lambda: asyncio.run(remove_topology(prefix)))
        stack.callback(programs.stop)
        programs.start(lambda _: None)
        yield suite_at(programs.urls, folder)


def suite_at(urls: Mapping[str, str], folder: Path) -> Suite:
    suite = Spread(urls["requests"], folder)
    suite.urls = urls
    adapter.await_members(suite)
    return suite


async def measure_embedded(bench: Bench) -> list[Figure]:
    return await asyncio.to_thread(measured, bench, "embedded", embedded)


async def measure_separate(bench: Bench) -> list[Figure]:
    return await asyncio.to_thread(measured, bench, "four processes", separate)


def measured(bench: Bench, kind: str, started: Callable[[Bench], object]) -> list[Figure]:
    seconds = 5.0 if bench.size is QUICK else 15.0
    with started(bench) as suite, multiprocessing.get_context("spawn").Pool(STRANGERS) as pool:  # type: ignore[attr-defined]
        bench.console.doing(f"requests are being submitted, {kind}")
        load.fill_requests(suite)
        pool.map(time.sleep, [1.0] * STRANGERS, chunksize=1)  # until each of them has started
        return [
            cut_calls(bench, suite, pool, kind, seconds),
            large_bodies(bench, suite, pool, kind, seconds),
        ]


def ordinary(suite: Suite, who: Person) -> float:
    """Seconds until a short list is answered. Any answer but 200 is an error."""
    began = time.perf_counter()
    suite.ok(who, "GET", "/requests?limit=1")
    return time.perf_counter() - began


def cut_calls(bench: Bench, suite: Suite, pool: Pool, kind: str, seconds: float) -> Figure:
    """Twenty connections of one token, cut after 0 to 60 ms, again and again."""
    before = min(ordinary(suite, AUDITOR) for _ in range(3))
    bench.console.doing(f"calls hang up for {seconds:g} s, {kind}")
    head = load.get("/requests?limit=200", suite.token(AUDITOR))
    cut = pool.apply_async(load.hang_up, (httpx.URL(suite.url).port or 80, head, seconds)).get()
    after = [ordinary(suite, AUDITOR), ordinary(suite, ANOTHER)]
    told = f"{cut:,} calls cut in {seconds:g} s; an ordinary one before {milliseconds(before)}, right after "
    told += f"{milliseconds(after[0])}, of another caller then {milliseconds(after[1])}"
    title = f"an ordinary call after calls that hung up, to {AFTER:g} s, {kind}"
    return Figure(title, told, (max(after) / AFTER,), at_most(1))


def send(url: str, seconds: float) -> int:
    """Send large bodies without a token: how many were refused."""
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        answer = httpx.post(url, content=BODY, headers={"Content-Type": "application/json"}, timeout=60, trust_env=False)
        if answer.status_code != 401:
            raise RuntimeError(f"a stranger was answered with {answer.status_code}")
        count += 1
    return count


def large_bodies(bench: Bench, suite: Suite, pool: Pool, kind: str, seconds: float) -> Figure:
    """Eight strangers send 2 MiB each, as often as they can."""
    bench.console.doing(f"strangers send large bodies for {seconds:g} s, {kind}")
    sending = [pool.apply_async(send, (suite.at("/requests"), seconds)) for _ in range(STRANGERS)]
    waits: list[float] = []
    while not all(each.ready() for each in sending):
        began = time.perf_counter()
        suite.ok(None, "GET", "/requests/healthz")
        waits.append(time.perf_counter() - began)
        time.sleep(0.01)
    sent, p99 = sum(each.get() for each in sending), percentile(waits, 0.99)
    told = f"{sent} bodies of 2 MiB refused in {seconds:g} s; healthz p50 "
    told += f"{milliseconds(percentile(waits, 0.5))}, p99 {milliseconds(p99)} of {len(waits)} calls"
    title = f"healthz p99 under the bodies of {STRANGERS} strangers, to {milliseconds(P99)}, {kind}"
    return Figure(title, told, (p99 / P99,), at_most(1))
