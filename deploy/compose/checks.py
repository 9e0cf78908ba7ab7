"""What must hold in a running installation: the gateway's manners, and that nobody reaches what is not theirs."""

import time
from collections.abc import Callable, Iterator, Mapping
from uuid import uuid4

import httpx

from deploy.compose.stack import Stack

MIB = 1024 * 1024
# More than the gateway could keep anywhere: it has to stream.
LARGE = 100 * MIB
HEALTH_SECONDS = 100
REACH = """
import socket
for host, port in (("postgres", 5432), ("rabbitmq", 5672), ("storage", 9000), ("catalog", 8000), ("1.1.1.1", 443)):
    try:
        socket.create_connection((host, port), timeout=2)
        print("reached", host)
    except OSError:
        pass
"""
OTHER_DATABASE = """
import asyncio, asyncpg, os
url = os.environ["CATALOG_DATABASE_URL"].replace("+asyncpg", "")
async def main():
    own = await asyncpg.connect(url)
    print(await own.fetchval("SELECT current_user"))
    for other in ("requests", "postgres"):
        try:
            await asyncpg.connect(url.rpartition("/")[0] + "/" + other)
            print("reached", other)
        except asyncpg.InsufficientPrivilegeError:
            print("refused")
asyncio.run(main())
"""
OTHER_EXCHANGE = """
import asyncio, aio_pika, os
from aiormq.exceptions import ChannelAccessRefused
async def main():
    connection = await aio_pika.connect(os.environ["CATALOG_AMQP_URL"])
    for name in ("dure.events.catalog", "dure.events.results", "amq.topic", ""):
        channel = await connection.channel()
        exchange = await channel.get_exchange(name, ensure=False) if name else channel.default_exchange
        try:
            await exchange.publish(aio_pika.Message(b"forged"), routing_key="catalog.forged.v1", mandatory=False)
            print("wrote")
        except ChannelAccessRefused:
            print("refused")
    await connection.close()
asyncio.run(main())
"""


class Broken(Exception):
    """Something does not hold."""


def holds(what: str, found: object, expected: object) -> str:
    if found != expected:
        raise Broken(f"{what}: {found!r} instead of {expected!r}")
    return what


def health(stack: Stack) -> Iterator[str]:
    """The engine's view, once each check had its turn."""
    until = time.monotonic() + HEALTH_SECONDS
    while "starting" in (found := stack.health()).values() and time.monotonic() < until:
        stack.tell("  ... waiting for the engine's health checks, which come once a minute")
        time.sleep(4)
    ill = [name for name, status in found.items() if status != "healthy"]
    yield holds(f"the engine finds these healthy: {', '.join(sorted(found))}", ill, [])


def gateway(url: str, token: str) -> Iterator[str]:
    """The gateway from outside; `token` is a steward's."""
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as http:
        answer = http.get("/catalog/healthz", headers={"X-Request-ID": "asked-for-1"})
        yield holds("an id that is given comes back", answer.headers["x-request-id"], "asked-for-1")
        answer = http.get("/catalog/healthz", headers={"X-Request-ID": "not one\tof ours"})
        yield holds("what is no id is replaced by one", len(answer.headers["x-request-id"]), 32)
        found = [
            http.get(path).status_code for path in ("/catalog/metrics", "/results//metrics", "/requests/x/../metrics", "/nothing")
        ]
        yield holds("metrics and other addresses are not there from outside", found, [404] * 4)
        answer = http.post("/requests", content=b"[" + b"1," * 5 * MIB + b"1]", headers=bearer(token))
        yield holds("10 MB of JSON are refused with a problem", (answer.status_code, answer.json()["status"]), (413, 413))
        path = f"/catalog/datasets/{uuid4()}/file"
        answer = http.put(path, content=zeros(LARGE), headers={"Content-Type": "text/csv"})
        yield holds("100 MB without a token are refused", answer.status_code, 401)
        answer = http.put(path, content=zeros(LARGE), headers={"Content-Type": "text/csv", **bearer(token)})
        yield holds("100 MB for a dataset that is not there are refused", answer.status_code, 404)


def streaming(url: str, token: str, described: Mapping[str, object]) -> Iterator[str]:
    """A file that is larger than all that the gateway may write gets through, and is found wanting by the catalog."""
    with httpx.Client(base_url=url, timeout=300, trust_env=False, headers=bearer(token)) as http:
        dataset = http.post("/catalog/datasets", json=described).raise_for_status().json()["id"]
        answer = http.put(f"/catalog/datasets/{dataset}/file", content=zeros(LARGE), headers={"Content-Type": "text/csv"})
    yield holds("100 MB stream through a gateway that can keep 64", answer.status_code, 202)


def zeros(size: int) -> Iterator[bytes]:
    yield from (b"0" * MIB for _ in range(size // MIB))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def walls(stack: Stack) -> Iterator[str]:
    """Who reaches what, tried from inside."""
    tried = stack.job("worker", "-c", REACH, options=["--entrypoint", "python"])
    yield holds("the worker reaches no database, broker, storage, service or outside", tried, "")
    tried = stack.job("catalog", "python", "-c", OTHER_DATABASE)
    yield holds("the catalog's database user opens no other database", tried.split(), ["catalog", "refused", "refused"])
    tried = stack.job("catalog", "python", "-c", OTHER_EXCHANGE)
    yield holds("the catalog's broker user writes to its own exchange only", tried.split(), ["wrote", *["refused"] * 3])


def run(tell: Callable[[str], None], *found: Iterator[str]) -> None:
    for each in found:
        for sentence in each:
            tell(f"  {sentence}")
