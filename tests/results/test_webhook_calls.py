"""One call of a receiver: each address of its host in turn, when to come again, and what the log says of a failure."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import update

from services.results import address
from services.results.actions.deliveries import SCHEDULE, next_step
from services.results.address import AddressError, Target, check_address
from services.results.attempts import named_wait
from services.results.models import Subscription
from services.results.schemas.subscriptions import OUTCOMES
from tests.results.conftest import House
from tests.results.receivers import Receiver, listening
from tests.results.test_webhooks import certificate, logged, make_due, release, subscribe

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@contextmanager
def silent() -> Iterator[tuple[str, int]]:
    """An address that takes no connection: its queue is full, so whoever knocks hears nothing."""
    with socket.socket() as full:
        full.bind(("127.0.0.7", 0))
        full.listen(0)
        knocking = [socket.socket() for _ in range(4)]
        for one in knocking:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        yield full.getsockname()
        for one in knocking:
            one.close()


def known_at(monkeypatch: pytest.MonkeyPatch, *ips: str) -> None:
    """DNS answers these addresses for any host, in this order."""

    async def look_up(host: str, port: int) -> list[Address]:
        return [ipaddress.ip_address(ip) for ip in ips]

    monkeypatch.setattr(address, "look_up", look_up)


@pytest.mark.parametrize("first", [["127.0.0.9"], ["::1", "127.0.0.9"], ["2001:db8::1"]])
async def test_the_next_address_is_tried(house: House, monkeypatch: pytest.MonkeyPatch, first: list[str]) -> None:
    async with listening(Receiver()) as receiver:
        known_at(monkeypatch, *first, "127.0.0.1")
        created = await subscribe(house, f"http://hooks.mohw.example:{receiver.port}/")
        await release(house)
        log = await logged(house, created, "delivered")
        assert len(log["attempts"]) == len(receiver.requests) == 1
        assert receiver.requests[0][0]["host"] == f"hooks.mohw.example:{receiver.port}"


async def test_an_address_that_says_nothing_leaves_time_for_the_next(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.client.app.state.settings.webhook_seconds = 4.0
    with silent() as (ip, port):
        server = await asyncio.start_server((receiver := Receiver()).serve, "127.0.0.1", port)
        async with server:
            known_at(monkeypatch, ip, "127.0.0.1")
            created = await subscribe(house, f"http://hooks.mohw.example:{port}/")
            await release(house)
            await logged(house, created, "delivered")
            assert len(receiver.requests) == 1


async def test_the_next_attempt_begins_at_the_next_address(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes connections and never answers would otherwise be asked each time."""
    house.client.app.state.settings.webhook_seconds = 0.5
    async with listening(Receiver(go=asyncio.Event())) as deaf:
        server = await asyncio.start_server((receiver := Receiver()).serve, "127.0.0.5", deaf.port)
        async with server:
            known_at(monkeypatch, "127.0.0.1", "127.0.0.5")
            created = await subscribe(house, f"http://hooks.mohw.example:{deaf.port}/")
            await release(house)
            await logged(house, created, "timeout")
            await make_due(house)
            await logged(house, created, "delivered")
            assert len(deaf.requests) == len(receiver.requests) == 1


async def test_one_address_that_is_not_public_refuses_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    known_at(monkeypatch, "8.8.8.8", "10.0.0.1")
    with pytest.raises(AddressError, match="not public"):
        await check_address("https://hooks.mohw.example/", private=False)


def test_every_address_has_its_turn_first() -> None:
    target = Target(tls=True, host="h", port=443, path="/", ip="8.8.8.8", others=("8.8.4.4", "1.1.1.1"))
    assert [[one.ip for one in target.each(start)] for start in (0, 1, 3)] == [
        ["8.8.8.8", "8.8.4.4", "1.1.1.1"],
        ["8.8.4.4", "1.1.1.1", "8.8.8.8"],
        ["8.8.8.8", "8.8.4.4", "1.1.1.1"],
    ]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("99999999999999999999", 10**9),
        ("Mon, 02 Mar 2026 01:10:00 GMT", 600),
        ("Monday, 02-Mar-26 01:10:00 GMT", 600),
        ("Mon, 02 Mar 2026 00:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("Mon, 99 Mar 2026 01:10:00 GMT", None),
    ],
)
def test_a_receiver_names_seconds_or_a_date(header: str, seconds: int | None) -> None:
    assert named_wait(header, AT) == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("attempts", "named", "wait"),
    [
        (1, None, 5),
        (1, 120, 120),
        (1, 2, 2),
        (1, 0, 1),
        (2, 2, 2),
        (1, 10**9, 43_200),
        (4, 2, 900),
        (4, 1800, 1800),
        (8, 60, 43_200),
    ],
)
def test_what_a_receiver_names_is_honoured_within_bounds(attempts: int, named: int | None, wait: int) -> None:
    assert next_step(attempts, None if named is None else timedelta(seconds=named)) == timedelta(seconds=wait)


def test_a_receiver_that_always_says_soon_is_still_called_for_a_day() -> None:
    steps = [next_step(attempts, timedelta(seconds=1)) for attempts in range(1, len(SCHEDULE) + 1)]
    assert sum(steps, timedelta()) > timedelta(hours=20)


@pytest.mark.parametrize("status", [429, 503, 307])
async def test_a_receiver_that_asks_for_time_gets_it(house: House, status: int) -> None:
    async with listening(Receiver(answers=[status, 204], extra="Retry-After: 3600\r\n")) as receiver:
        created = await subscribe(house, receiver.url)
        await release(house)
        log = await logged(house, created, "redirect-refused" if status == 307 else "http-status")
    pause = datetime.fromisoformat(log["next_attempt_at"]) - datetime.fromisoformat(log["attempts"][0]["at"])
    assert timedelta(minutes=59) < pause < timedelta(minutes=61)


@asynccontextmanager
async def saying(words: bytes) -> AsyncIterator[int]:
    """A server that says something else than HTTP, and ends; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        writer.write_eof()
        await reader.read()  # or what was not read would reset the connection
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def ends_as(house: House, url: str, outcome: str) -> None:
    created = await subscribe(house, url)
    await release(house)
    log = await logged(house, created, outcome)
    assert (log["attempts"][0]["status"], log["last_error"]) == (None, outcome)
    assert outcome in OUTCOMES


@pytest.mark.parametrize(
    ("scheme", "words", "outcome"),
    [
        ("http", b"220 mail.mohw.example ESMTP\r\n\r\n", "not-http"),
        ("http", b"", "connection-lost"),
        ("https", b"HTTP/1.1 400 X\r\n\r\n", "tls-failed"),
    ],
)
async def test_the_log_says_what_came_instead_of_an_answer(house: House, scheme: str, words: bytes, outcome: str) -> None:
    async with saying(words) as port:
        await ends_as(house, f"{scheme}://127.0.0.1:{port}/", outcome)


async def test_the_log_says_that_there_is_no_such_host_any_more(house: House) -> None:
    created = await subscribe(house, "http://127.0.0.1:9/")
    async with house.client.app.state.db.transaction() as session:
        await session.exec(update(Subscription).values(url="http://no-such-host.invalid/"))
    await release(house)
    assert (await logged(house, created, "host-unknown"))["state"] == "waiting"


async def test_the_log_says_that_an_address_is_out_of_reach(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    known_at(monkeypatch, "2001:db8::1")
    await ends_as(house, "http://hooks.mohw.example:9/", "host-unreachable")


async def test_a_self_signed_certificate_is_a_failure_of_tls(house: House, tmp_path: Path) -> None:
    server, _ = certificate(tmp_path, "localhost")
    async with listening(Receiver(), server) as receiver:
        await ends_as(house, f"https://localhost:{receiver.port}/", "tls-failed")
