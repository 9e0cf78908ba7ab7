"""A ministry's systems ask to be told, change their secret, stop, or want something sent again."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, func, select

from services.results import messages, policy
from services.results.actions.deliveries import give_up
from services.results.models import Delivery, DeliveryState, Subscription
from services.results.queries.deliveries import overtaken
from services.results.signing import new_secret
from services.results.vault import Vault
from shared.audit import record_audit
from shared.auth import Principal
from shared.clock import now
from shared.db import Session
from shared.errors import Conflict, NotFound
from shared.ids import new_id

BOTH_VALID = timedelta(days=1)
MOST = 20  # each release is told to each of them


async def create_subscription(
    session: Session, caller: Principal, vault: Vault, *, url: str, events: Sequence[str], description: str
) -> tuple[Subscription, str]:
    """Returns the subscription and its secret, which is shown this once."""
    policy.check_may_subscribe(caller)
    if await live_count(session, caller.ministry) >= MOST:
        raise Conflict(messages.MOST_SUBSCRIPTIONS(most=MOST))
    secret, subscription_id = new_secret(), new_id()
    subscription = Subscription(
        id=subscription_id,
        ministry=caller.ministry,
        created_by=caller.subject,
        url=url,
        events=list(events),
        description=description,
        secret=vault.seal(secret, subscription_id),
    )
    session.add(subscription)
    await record_audit(session, "results.create-subscription", f"subscription/{subscription_id}", detail={"events": list(events)})
    return subscription, secret


async def live_count(session: Session, ministry: str) -> int:
    """Counted once those who add at the same moment have come one after the other."""
    own = (col(Subscription.ministry) == ministry, col(Subscription.ended_at).is_(None))
    await session.exec(select(Subscription.id).where(*own).order_by(col(Subscription.id)).with_for_update(key_share=True))
    return (await session.exec(select(func.count()).where(*own))).one()


async def own_subscription(session: Session, caller: Principal, subscription_id: UUID) -> Subscription:
    policy.check_may_subscribe(caller)
    return policy.check_subscription(caller, await session.get(Subscription, subscription_id, with_for_update=True))


async def rotate_secret(session: Session, caller: Principal, vault: Vault, subscription_id: UUID) -> tuple[Subscription, str]:
    """A new secret, shown once; for a day each delivery carries a signature of both. Also enables a disabled subscription."""
    subscription = await own_subscription(session, caller, subscription_id)
    secret = new_secret()
    subscription.former_secret, subscription.former_until = subscription.secret, now() + BOTH_VALID
    subscription.secret, subscription.disabled_reason = vault.seal(secret, subscription.id), None
    subscription.touch()
    await record_audit(session, "results.rotate-secret", f"subscription/{subscription.id}")
    return subscription, secret


async def end_subscription(session: Session, caller: Principal, subscription_id: UUID) -> None:
    subscription = await own_subscription(session, caller, subscription_id)
    subscription.ended_at = now()
    subscription.touch()
    await give_up(session, subscription.id, "subscription-ended")
    await record_audit(session, "results.end-subscription", f"subscription/{subscription.id}")


async def redeliver(session: Session, caller: Principal, subscription_id: UUID, delivery_id: UUID) -> Delivery:
    """Send it again, from the first attempt on; the receiver knows it by the same webhook-id."""
    subscription = await own_subscription(session, caller, subscription_id)
    delivery = await session.get(Delivery, delivery_id, with_for_update=True)
    if delivery is None or delivery.subscription_id != subscription.id:
        raise NotFound(messages.NO_DELIVERY)
    if subscription.disabled_reason:
        raise Conflict(messages.SUBSCRIPTION_DISABLED)
    if (await session.exec(select(Delivery.id).where(Delivery.id == delivery.id, overtaken()))).first():
        raise Conflict(messages.OVERTAKEN)
    delivery.state, delivery.due_at, delivery.attempts, delivery.delivered_at = DeliveryState.WAITING, now(), 0, None
    delivery.fence, delivery.calling = delivery.fence + 1, False
    delivery.touch()
    await record_audit(session, "results.redeliver", f"delivery/{delivery.id}")
    return delivery
