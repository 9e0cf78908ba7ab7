"""An event on its way to the subscribers, from the queue to the log of attempts."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, or_, select, update

from services.results import policy
from services.results.models import Attempt, Delivery, DeliveryState, Result, Subscription
from services.results.queries.deliveries import free_to_go, overtaken
from shared.clock import now
from shared.contracts import Envelope
from shared.db import Session
from shared.due import claim, db_now, record
from shared.members import present_members

# After the first attempt; about 22 hours in all, as Standard Webhooks advises.
SCHEDULE = tuple(timedelta(seconds=s) for s in (5, 30, 300, 900, 3600, 10_800, 21_600, 43_200))
# What a receiver may name in Retry-After. Sooner than our own step only while steps are short: a receiver that always
# says "1" would use up in seconds the attempts of a day.
SOONEST, LATEST, SHORT_STEPS = timedelta(seconds=1), timedelta(hours=12), timedelta(minutes=5)


async def queue_deliveries(session: Session, result: Result, envelope: Envelope, *, everyone: bool) -> None:
    """One delivery for each live subscription that asked for this event and may hear of this result."""
    body = envelope.model_dump_json(exclude_none=True)
    live = select(Subscription).where(col(Subscription.ended_at).is_(None), col(Subscription.disabled_reason).is_(None))
    for subscription in (await session.exec(live)).all():
        if envelope.type in subscription.events and policy.hears(subscription.ministry, result, everyone=everyone):
            delivery = Delivery(
                subscription_id=subscription.id,
                result_id=result.id,
                event_id=envelope.id,
                event_type=envelope.type,
                sequence=envelope.sequence,
                body=body,
            )
            session.add(delivery)
    await session.flush()
    await overtake(session, col(Delivery.result_id) == result.id)


async def overtake(session: Session, *which: ColumnElement[bool]) -> None:
    """Send no more what a later event of the same result has overtaken. What is being sent ends as it ends."""
    resting = or_(~col(Delivery.calling), col(Delivery.due_at) <= db_now())
    rows = update(Delivery).where(*which, col(Delivery.due_at).is_not(None), resting, overtaken())
    values = {"state": DeliveryState.OVERTAKEN, "due_at": None, "last_error": "overtaken", "calling": False}
    await session.exec(rows.values(**values).execution_options(synchronize_session=False))


async def claim_deliveries(session: Session, owner: UUID, *, n: int, lease: timedelta) -> list[Delivery]:
    """Up to n deliveries to one subscription that are due; of one result never two at one time."""
    own = col(Delivery.subscription_id) == owner
    await overtake(session, own, col(Delivery.due_at) <= db_now())
    deliveries = await claim(session, Delivery, n=n, lease=lease, where=[own, free_to_go()])
    for delivery in deliveries:
        delivery.calling = True
    return deliveries


def next_step(attempts: int, named: timedelta | None) -> timedelta:
    """How long to wait after that many failed attempts, where the receiver may have named a time (Retry-After)."""
    own = SCHEDULE[attempts - 1]
    if named is None:
        return own
    wait = min(max(named, SOONEST), LATEST)
    return wait if own <= SHORT_STEPS else max(own, wait)


async def record_attempt(
    session: Session,
    delivery: Delivery,
    *,
    outcome: str,
    status: int | None,
    milliseconds: int,
    retry_after: timedelta | None = None,
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
        wait = next_step(delivery.attempts, retry_after)
        state, due = DeliveryState.WAITING, {"due_at": db_now(wait), "last_error": outcome}
    ours = await record(session, Delivery, delivery.id, delivery.fence, state=state, calling=False, **due)
    if ours and state is DeliveryState.WAITING:
        await overtake(session, col(Delivery.id) == delivery.id)
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
    dead = {"state": DeliveryState.DEAD, "due_at": None, "last_error": why, "calling": False, "fence": col(Delivery.fence) + 1}
    await session.exec(update(Delivery).where(*waiting).values(**dead).execution_options(synchronize_session=False))
