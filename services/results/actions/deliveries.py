"""An event on its way to the subscribers, from the queue to the log of attempts."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, select, update

from services.results import policy
from services.results.models import Attempt, Delivery, DeliveryState, Result, Subscription
from shared.clock import now
from shared.contracts import Envelope
from shared.db import Session
from shared.due import db_now, record
from shared.members import present_members

# After the first attempt; about 22 hours in all, as Standard Webhooks advises.
SCHEDULE = tuple(timedelta(seconds=s) for s in (5, 30, 300, 900, 3600, 10_800, 21_600, 43_200))


async def queue_deliveries(session: Session, result: Result, envelope: Envelope, *, everyone: bool) -> None:
    """One delivery for each live subscription that asked for this event and may hear of this result."""
    body = envelope.model_dump_json(exclude_none=True)
    live = select(Subscription).where(col(Subscription.ended_at).is_(None), col(Subscription.disabled_reason).is_(None))
    for subscription in (await session.exec(live)).all():
        if envelope.type in subscription.events and policy.hears(subscription.ministry, result, everyone=everyone):
            delivery = Delivery(
                subscription_id=subscription.id, result_id=result.id, event_id=envelope.id, event_type=envelope.type, body=body
            )
            session.add(delivery)


async def record_attempt(
    session: Session, delivery: Delivery, *, outcome: str, status: int | None, milliseconds: int
) -> DeliveryState | None:
    """Log one attempt and decide what follows. None: a later claim owns the delivery, so this attempt decides nothing."""
    session.add(
        Attempt(delivery_id=delivery.id, number=delivery.attempts, outcome=outcome, status=status, milliseconds=milliseconds)
    )
    due: dict[str, Any]
    if outcome == "delivered":
        state, due = DeliveryState.DELIVERED, {"due_at": None, "delivered_at": now(), "last_error": None}
    elif outcome in ("gone", "subscription-ended") or delivery.attempts > len(SCHEDULE):
        state, due = DeliveryState.DEAD, {"due_at": None, "last_error": outcome}
    else:
        state, due = DeliveryState.WAITING, {"due_at": db_now(SCHEDULE[delivery.attempts - 1]), "last_error": outcome}
    ours = await record(session, Delivery, delivery.id, delivery.fence, state=state, **due)
    if ours and outcome == "gone":
        await disable(session, delivery.subscription_id, "The receiver answered 410 Gone.")
    return state if ours else None


async def disable(session: Session, subscription_id: UUID, reason: str) -> None:
    """Stop calling a receiver; what waits for it is given up, and can be sent again by hand."""
    subscription = await session.get_one(Subscription, subscription_id, with_for_update=True)
    subscription.disabled_reason = reason
    subscription.touch()
    await give_up(session, subscription_id, "subscription-disabled")


async def disable_all(session: Session, ministry: str) -> None:
    """The ministry has left: its systems hear nothing more. Whoever joins again enables a subscription by a new secret."""
    if ministry in await present_members(session):  # it joined again before this was heard
        return
    own = select(Subscription.id).where(
        col(Subscription.ministry) == ministry, col(Subscription.ended_at).is_(None), col(Subscription.disabled_reason).is_(None)
    )
    for subscription_id in (await session.exec(own.order_by(col(Subscription.id)))).all():
        await disable(session, subscription_id, "The ministry has left.")


async def give_up(session: Session, subscription_id: UUID, why: str) -> None:
    waiting = (col(Delivery.subscription_id) == subscription_id, col(Delivery.state) == DeliveryState.WAITING)
    dead = {"state": DeliveryState.DEAD, "due_at": None, "last_error": why, "fence": col(Delivery.fence) + 1}
    await session.exec(update(Delivery).where(*waiting).values(**dead).execution_options(synchronize_session=False))
