"""Subscribers are told by signed webhooks, again and again until they heard, each at its own pace."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlmodel import col, select, update
from standardwebhooks import Webhook

from services.results.actions.deliveries import SCHEDULE
from services.results.models import Delivery, DeliveryState, Result, Subscription
from services.results.webhooks import Courier
from shared.contracts import Audience, AudienceKind, Envelope, OutputKind
from tests.results.build import artefact, table
from tests.results.conftest import House
from tests.results.receivers import Receiver, listening
from tests.waiting import PATIENCE, eventually

RELEASED, HELD = "results.result-released.v1", "results.result-held.v1"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with listening(Receiver()) as running:
        yield running


async def subscribe(house: House, url: str, *events: str, ministry: str = "nts") -> dict[str, Any]:
    body = {"url": url, "events": list(events or (RELEASED,)), "description": "test"}
    answer = await house.client.post("/results/subscriptions", json=body, headers=house.headers("steward", ministry))
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


async def release(house: House, **of_brief: Any) -> Result:
    return await house.released((await artefact(house.storage, OutputKind.TABLE, "by_region", table()),), **of_brief)


async def deliveries(house: House, subscription: dict[str, Any], ministry: str = "nts") -> list[dict[str, Any]]:
    answer = await house.get(f"/results/subscriptions/{subscription['id']}/deliveries", "steward", ministry)
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def logged(house: House, subscription: dict[str, Any], outcome: str, count: int = 1) -> dict[str, Any]:
    """The newest delivery once it has that many attempts of this outcome."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await deliveries(house, subscription)
            if found and sum(attempt["outcome"] == outcome for attempt in found[0]["attempts"]) >= count:
                return found[0]
            await asyncio.sleep(0.02)


async def nothing_waits(house: House) -> None:
    """Return once no event and no delivery is on its way."""
    await house.client.settle()

    async def none() -> bool:
        async with house.client.app.state.db.reading() as session:
            waiting = select(Delivery).where(col(Delivery.state) == DeliveryState.WAITING).limit(1)
            return (await session.exec(waiting)).first() is None

    await eventually(none)


async def make_due(house: House) -> None:
    async with house.client.app.state.db.transaction() as session:
        waiting = update(Delivery).where(col(Delivery.state) == DeliveryState.WAITING)
        await session.exec(waiting.values(due_at=datetime.now(UTC)))


async def test_a_release_is_told_signed_and_verifies_with_the_reference_library(house: House, receiver: Receiver) -> None:
    created = await subscribe(house, receiver.url)
    result = await release(house)
    await receiver.heard(1)
    headers, body = receiver.requests[0]
    Webhook(created["secret"]).verify(body, headers)
    envelope = Envelope.parse(body)
    assert (envelope.type, envelope.data["result_id"]) == (RELEASED, str(result.id))
    assert headers["webhook-id"] == str(envelope.id)
    assert headers["content-type"].startswith("application/cloudevents+json")
    assert headers[":line"] == "POST /hook?from=dure HTTP/1.1"
    assert headers["host"] == f"127.0.0.1:{receiver.port}"
    log = await logged(house, created, "delivered")
    assert (log["state"], log["event_id"], log["attempts"][0]["status"]) == ("delivered", str(envelope.id), 204)


async def test_a_subscription_hears_only_what_its_ministry_may_read(house: House) -> None:
    async with listening(Receiver()) as named, listening(Receiver()) as other, listening(Receiver()) as own:
        await subscribe(house, named.url, RELEASED, HELD, ministry="nts")
        await subscribe(house, other.url, RELEASED, HELD, ministry="moel")
        await subscribe(house, own.url, RELEASED, HELD, ministry="mohw")
        await release(house, audience=Audience(kind=AudienceKind.MINISTRIES, ministries=("nts",)))
        await named.heard(1)
        await own.heard(2)
        await nothing_waits(house)
        assert [Envelope.parse(body).type for _, body in named.requests] == [RELEASED]
        assert other.requests == []
        assert sorted(Envelope.parse(body).type for _, body in own.requests) == [HELD, RELEASED]


async def test_one_slow_receiver_delays_nobody(house: House, receiver: Receiver) -> None:
    house.client.app.state.settings.webhook_seconds = PATIENCE
    go = asyncio.Event()
    async with listening(Receiver(go=go)) as slow:
        for _ in range(3):
            await subscribe(house, slow.url)
        await subscribe(house, receiver.url, ministry="moel")
        await release(house)
        await slow.heard(3)
        await release(house)
        await receiver.heard(2)
        flying = house.client.app.state.context.state["courier"].flying
        assert len([task for task in flying if not task.done()]) >= 3, "none of them was answered"
        go.set()


async def test_never_more_than_two_at_once_to_one_subscription(house: House) -> None:
    async with listening(Receiver(pause=0.4)) as slow:
        created = await subscribe(house, slow.url)
        for _ in range(5):
            await release(house)
        await slow.heard(5)
        assert slow.most_at_once <= 2
        async with asyncio.timeout(PATIENCE):
            while {item["state"] for item in await deliveries(house, created)} != {"delivered"}:
                await asyncio.sleep(0.05)


async def test_a_receiver_that_takes_too_long_is_given_up_on_and_tried_again(house: House) -> None:
    house.client.app.state.settings.webhook_seconds = 0.3
    async with listening(Receiver(pause=5)) as slow:
        created = await subscribe(house, slow.url)
        await release(house)
        log = await logged(house, created, "timeout")
    assert (log["state"], log["last_error"]) == ("waiting", "timeout")
    assert log["next_attempt_at"] is not None


@pytest.mark.parametrize(
    ("status", "extra", "outcome"),
    [
        (500, "", "http-status"),
        (404, "", "http-status"),
        (301, "", "redirect-refused"),
        (302, "Location: http://127.0.0.1:1/\r\n", "redirect-refused"),
    ],
)
async def test_any_other_answer_is_tried_again(house: House, receiver: Receiver, status: int, extra: str, outcome: str) -> None:
    receiver.answers, receiver.extra = [status, 200], extra
    created = await subscribe(house, receiver.url)
    await release(house)
    log = await logged(house, created, outcome)
    assert (log["state"], log["attempts"][0]["status"]) == ("waiting", status)
    await make_due(house)
    log = await logged(house, created, "delivered")
    assert [attempt["number"] for attempt in log["attempts"]] == [1, 2]
    assert receiver.requests[0][0]["webhook-id"] == receiver.requests[1][0]["webhook-id"]


async def test_a_refused_connection_is_logged(house: House) -> None:
    async with listening(Receiver()) as closed:
        url = closed.url
    created = await subscribe(house, url)
    await release(house)
    assert (await logged(house, created, "connection-refused"))["attempts"][0]["status"] is None


async def test_a_huge_answer_is_not_read(house: House, receiver: Receiver) -> None:
    receiver.body = b"x" * 50_000_000
    created = await subscribe(house, receiver.url)
    await release(house)
    log = await logged(house, created, "delivered")
    assert log["attempts"][0]["milliseconds"] < 5000


async def test_after_a_day_of_failures_it_is_dead_and_can_be_sent_again(house: House, receiver: Receiver) -> None:
    assert timedelta(hours=20) < sum(SCHEDULE, timedelta()) < timedelta(hours=26)
    receiver.answers = [503]
    created = await subscribe(house, receiver.url)
    await release(house)
    for count in range(1, len(SCHEDULE) + 1):
        log = await logged(house, created, "http-status", count)
        assert log["state"] == "waiting"
        await make_due(house)
    log = await logged(house, created, "http-status", len(SCHEDULE) + 1)
    assert (log["state"], log["last_error"], log["next_attempt_at"]) == ("dead", "http-status", None)
    receiver.answers = [200]
    path = f"/results/subscriptions/{created['id']}/deliveries/{log['id']}/redeliver"
    assert (await house.client.post(path, headers=house.headers("steward", "moel"))).status_code == 404
    answer = await house.client.post(path, headers=house.headers("requester", "nts"))
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    log = await logged(house, created, "delivered")
    assert log["state"] == "delivered"
    assert {headers["webhook-id"] for headers, _ in receiver.requests} == {log["event_id"]}


async def test_a_receiver_that_is_gone_is_not_called_again(house: House, receiver: Receiver) -> None:
    receiver.answers = [410]
    created = await subscribe(house, receiver.url)
    await release(house)
    log = await logged(house, created, "gone")
    assert (log["state"], log["actions"]) == ("dead", [])
    await release(house)
    assert len(await deliveries(house, created)) == 1
    path = f"/results/subscriptions/{created['id']}"
    assert (await house.get(path, "steward", "nts")).json()["disabled_reason"] == "The receiver answered 410 Gone."
    answer = await house.client.post(f"{path}/deliveries/{log['id']}/redeliver", headers=house.headers("steward", "nts"))
    assert answer.status_code == 409
    receiver.answers = [200]
    await house.client.post(f"{path}/rotate-secret", headers=house.headers("steward", "nts"))
    await release(house)
    await receiver.heard(2)


async def test_after_a_change_of_secret_both_verify_for_a_day(house: House, receiver: Receiver) -> None:
    old = await subscribe(house, receiver.url)
    path = f"/results/subscriptions/{old['id']}/rotate-secret"
    new = (await house.client.post(path, headers=house.headers("steward", "nts"))).json()
    assert new["secret"] != old["secret"]
    await release(house)
    await receiver.heard(1)
    headers, body = receiver.requests[0]
    Webhook(old["secret"]).verify(body, headers)
    Webhook(new["secret"]).verify(body, headers)
    async with house.client.app.state.db.transaction() as session:
        await session.exec(update(Subscription).values(former_until=datetime.now(UTC) - timedelta(seconds=1)))
    await release(house)
    await receiver.heard(2)
    assert " " not in receiver.requests[1][0]["webhook-signature"]


async def test_the_secret_is_shown_once_and_sealed_at_rest(house: House, receiver: Receiver) -> None:
    created = await subscribe(house, receiver.url)
    path = f"/results/subscriptions/{created['id']}"
    seen = [await house.get(path, "steward", "nts"), await house.get("/results/subscriptions", "steward", "nts")]
    seen.append(await house.get(f"{path}/deliveries", "steward", "nts"))
    assert all("whsec_" not in answer.text for answer in seen)
    async with house.client.app.state.db.reading() as session:
        (row,) = (await session.exec(select(Subscription))).all()
    assert created["secret"] not in row.secret
    assert "whsec" not in row.secret


async def test_a_subscription_that_ended_is_not_called(house: House, receiver: Receiver) -> None:
    created = await subscribe(house, receiver.url)
    path = f"/results/subscriptions/{created['id']}"
    assert (await house.client.delete(path, headers=house.headers("steward", "moel"))).status_code == 404
    assert (await house.client.delete(path, headers=house.headers("steward", "nts"))).status_code == 204
    assert (await house.get(path, "steward", "nts")).status_code == 404
    await release(house)
    await nothing_waits(house)
    assert receiver.requests == []


async def test_who_may_subscribe(house: House, receiver: Receiver) -> None:
    body = {"url": receiver.url, "events": [RELEASED]}
    refused = [(role, 403) for role in ("auditor", "output-checker", "ops", "worker")]
    for roles, status in [("requester", 201), ("steward", 201), *refused]:
        answer = await house.client.post("/results/subscriptions", json=body, headers=house.headers(roles, "nts"))
        assert answer.status_code == status, roles
    assert (await house.client.post("/results/subscriptions", json=body)).status_code == 401


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"url": "ftp://127.0.0.1/"}, "#/url"),
        ({"url": "nonsense"}, "#/url"),
        ({"url": "https://no-such-host.invalid/"}, "#/url"),
        ({"events": []}, "#/events"),
        ({"more": 1}, "#/more"),
        ({"events": ["catalog.dataset-published.v1"]}, "#/events/0"),
    ],
)
async def test_a_bad_subscription_names_its_field(house: House, change: dict[str, Any], pointer: str) -> None:
    body = {"url": "http://127.0.0.1:9/", "events": [RELEASED]} | change
    answer = await house.client.post("/results/subscriptions", json=body, headers=house.headers("steward", "nts"))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_private_address_is_refused_at_the_door_and_at_delivery(house: House, receiver: Receiver) -> None:
    created = await subscribe(house, receiver.url)
    house.client.app.state.settings.webhook_private = False
    for url in ("https://127.0.0.1/", "https://localhost/", "https://169.254.169.254/latest/meta-data", "http://8.8.8.8/"):
        body = {"url": url, "events": [RELEASED]}
        answer = await house.client.post("/results/subscriptions", json=body, headers=house.headers("steward", "nts"))
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/url"), url
    await release(house)
    await logged(house, created, "scheme-not-allowed")
    async with house.client.app.state.db.transaction() as session:
        await session.exec(update(Subscription).values(url=f"https://127.0.0.1:{receiver.port}/"))
    await make_due(house)
    await logged(house, created, "address-not-public")
    assert receiver.requests == []


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for a host name, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    at = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    plain = serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + built.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=built.public_bytes(serialization.Encoding.PEM).decode())


@pytest.mark.parametrize(("name", "outcome"), [("localhost", "delivered"), ("elsewhere.example", "tls-failed")])
async def test_the_pinned_address_must_prove_the_hosts_name(house: House, tmp_path: Path, name: str, outcome: str) -> None:
    server, trusting = certificate(tmp_path, name)
    house.client.app.state.context.state["courier"] = Courier(tls=trusting)
    async with listening(Receiver(), server) as receiver:
        created = await subscribe(house, f"https://localhost:{receiver.port}/hook")
        await release(house)
        await logged(house, created, outcome)
        assert [headers["host"] for headers, _ in receiver.requests] == [f"localhost:{receiver.port}"] * (outcome == "delivered")


async def test_without_a_key_there_are_no_webhooks_and_readyz_says_so(serve: Any, headers: Any) -> None:
    client = await serve("results", secret_keys=[])
    body = {"url": "https://8.8.8.8/", "events": [RELEASED]}
    answer = await client.post("/results/subscriptions", json=body, headers=headers("steward", "nts"))
    assert answer.status_code == 503
    parts = {part["name"]: part for part in (await client.get("/results/readyz")).json()["parts"]}
    assert parts["webhooks"]["state"] == "degraded"
    json.dumps(parts)
