"""The door out: signed deliveries (Standard Webhooks) to the ministries' systems, each on its own: none delays another."""

import asyncio
import logging
import ssl
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import httpx
from sqlmodel import col, select

from services.results.actions.deliveries import claim_deliveries, record_attempt
from services.results.address import AddressError, Target, check_address
from services.results.attempts import DELIVERED, Outcome, of_answer, of_failure
from services.results.models import Delivery, Subscription
from services.results.queries.deliveries import free_to_go
from services.results.signing import signature_headers
from services.results.vault import NoKeyError, Vault
from shared.clock import now
from shared.db import Session
from shared.due import db_now
from shared.service import Context

log = logging.getLogger(__name__)
SLACK = timedelta(seconds=10)
GLANCE = 0.25
TIMEOUT = 60.0  # only a second line: each attempt ends after settings.webhook_seconds
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


async def deliver(ctx: Context) -> bool:
    """Start what is due and look after what is on its way. False when neither is left."""
    if "courier" not in ctx.state:
        ctx.state["courier"] = Courier()
        ctx.endings.append(ctx.state["courier"].land)
    courier: Courier = ctx.state["courier"]
    return await courier.turn(ctx)


@dataclass
class Courier:
    """The deliveries on their way in this process."""

    flying: dict[asyncio.Task[None], UUID] = field(default_factory=dict)
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    async def turn(self, ctx: Context) -> bool:
        self.flying = {task: owner for task, owner in self.flying.items() if not task.done()}
        if await self.start_due(ctx):
            return True
        if self.flying:
            await asyncio.wait(self.flying, timeout=GLANCE, return_when=asyncio.FIRST_COMPLETED)
        return bool(self.flying)

    async def start_due(self, ctx: Context) -> bool:
        """Claim and start what is due, never more to one subscription than it may have at one time."""
        room, each = ctx.settings.webhook_at_once - len(self.flying), ctx.settings.webhook_per_subscription
        on_way = Counter(self.flying.values())
        full = [owner for owner, count in on_way.items() if count >= each]
        due = select(Delivery.subscription_id).where(
            col(Delivery.due_at) <= db_now(), col(Delivery.subscription_id).not_in(full), free_to_go()
        )
        async with ctx.db.reading() as session:
            owners = (await session.exec(due.distinct().limit(max(room, 0)))).all()
        if not owners:
            return False
        async with ctx.db.transaction() as session:
            lease = timedelta(seconds=ctx.settings.webhook_seconds) + SLACK
            pairs = [pair for owner in owners for pair in await claim_for(session, owner, each - on_way[owner], lease)]
        for delivery, subscription in pairs:
            self.flying[asyncio.create_task(send(ctx, self.tls, delivery, subscription))] = subscription.id
        return bool(pairs)

    async def land(self) -> None:
        for task in self.flying:
            task.cancel()
        await asyncio.gather(*self.flying, return_exceptions=True)
        self.flying.clear()


async def claim_for(session: Session, owner: UUID, n: int, lease: timedelta) -> list[tuple[Delivery, Subscription]]:
    deliveries = await claim_deliveries(session, owner, n=n, lease=lease)
    subscription = await session.get_one(Subscription, owner)
    return [(delivery, subscription) for delivery in deliveries]


async def send(ctx: Context, tls: ssl.SSLContext, delivery: Delivery, subscription: Subscription) -> None:
    """One attempt, and its record. What goes wrong here is logged; the lease brings the delivery back."""
    began = time.monotonic()
    try:
        outcome = await attempt(ctx, tls, delivery, subscription, start=delivery.attempts - 1)
        spent = round((time.monotonic() - began) * 1000)
        recording = asyncio.create_task(record_outcome(ctx, delivery, outcome, spent))
        try:
            await asyncio.shield(recording)
        except asyncio.CancelledError:
            await recording  # whoever stops us waits for what is being written
            raise
    except Exception as error:
        log.warning("delivery not recorded", extra={"delivery": str(delivery.id)}, exc_info=error)


async def record_outcome(ctx: Context, delivery: Delivery, outcome: Outcome, milliseconds: int) -> None:
    if outcome.code != DELIVERED:
        about = {"delivery": str(delivery.id), "subscription": str(delivery.subscription_id), "attempt": delivery.attempts}
        log.info("webhook not delivered", extra=about | {"outcome": outcome.code, "status": outcome.status})
    async with ctx.db.transaction() as session:
        await record_attempt(
            session,
            delivery,
            outcome=outcome.code,
            status=outcome.status,
            milliseconds=milliseconds,
            retry_after=outcome.retry_after,
        )


async def attempt(
    ctx: Context, tls: ssl.SSLContext, delivery: Delivery, subscription: Subscription, *, start: int = 0
) -> Outcome:
    """Post once: to one of the host's addresses after the other, from number `start` on, until one answers."""
    if subscription.ended_at or subscription.disabled_reason:
        return Outcome("subscription-ended")
    body = delivery.body.encode()
    try:
        async with asyncio.timeout(ctx.settings.webhook_seconds) as limit:
            target = await check_address(subscription.url, private=ctx.settings.webhook_private)
            secrets = valid_secrets(ctx.state["vault"], subscription)
            headers = signature_headers(secrets, str(delivery.event_id), int(now().timestamp()), body)
            return await post_to_one(target.each(start), tls, headers, body, ends=limit.when())
    except AddressError as error:
        return Outcome(error.code)
    except NoKeyError:
        return Outcome("secret-not-readable")
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:  # TimeoutError is an OSError
        return of_failure(error)


async def post_to_one(
    targets: Sequence[Target], tls: ssl.SSLContext, headers: dict[str, str], body: bytes, *, ends: float | None
) -> Outcome:
    """The first answer. Connecting gets a share of what is left until `ends` (of the loop's clock), so that each has its turn."""
    for left, target in zip(range(len(targets), 0, -1), targets, strict=True):
        share = TIMEOUT if ends is None else max((ends - asyncio.get_running_loop().time()) / left, 0.0)
        try:
            return await post(target, tls, headers, body, connect=share)
        except httpx.TransportError:
            if left == 1:
                raise
    raise ValueError("there is no address")


def valid_secrets(vault: Vault | None, subscription: Subscription) -> list[str]:
    """The present secret, and for a day after a change the former one."""
    if vault is None:
        raise NoKeyError
    sealed = [subscription.secret]
    if subscription.former_secret and subscription.former_until and subscription.former_until > now():
        sealed.append(subscription.former_secret)
    return [vault.open(secret, subscription.id) for secret in sealed]


async def post(target: Target, tls: ssl.SSLContext, headers: dict[str, str], body: bytes, *, connect: float) -> Outcome:
    """Post to the checked address under the host's own name. The answer's body is not read; nothing is followed."""
    sent = headers | {"Host": target.host_header, "Content-Type": CONTENT_TYPE, "User-Agent": "dure-webhooks/1"}
    limits = httpx.Timeout(TIMEOUT, connect=connect)
    # A connection per attempt: one kept open would be shared by all hosts of that address, whoever it was verified for.
    async with httpx.AsyncClient(verify=tls, trust_env=False, follow_redirects=False, timeout=limits) as client:
        extensions = {"sni_hostname": target.host}
        async with client.stream("POST", target.url, content=body, headers=sent, extensions=extensions) as response:
            return of_answer(response.status_code, response.headers.get("Retry-After"))
