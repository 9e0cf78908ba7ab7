"""A ministry's own subscriptions, and the log of what was sent to them."""

from collections import defaultdict
from uuid import UUID

from sqlmodel import col, select

from services.results import policy
from services.results.models import Attempt, Delivery, DeliveryState, Subscription
from services.results.queries.deliveries import overtaken
from services.results.schemas.subscriptions import AttemptOut, DeliveryOut, SubscriptionOut
from shared.auth import Principal
from shared.db import Session
from shared.paging import PageQuery, paginate


async def list_subscriptions(session: Session, caller: Principal, page: PageQuery) -> tuple[list[SubscriptionOut], str | None]:
    policy.check_may_subscribe(caller)
    own = select(Subscription).where(col(Subscription.ministry) == caller.ministry, col(Subscription.ended_at).is_(None))
    rows, cursor = await paginate(session, own, Subscription, page)
    return [show_subscription(row) for row in rows], cursor


async def find_subscription(session: Session, caller: Principal, subscription_id: UUID) -> Subscription:
    policy.check_may_subscribe(caller)
    return policy.check_subscription(caller, await session.get(Subscription, subscription_id))


def show_subscription(row: Subscription) -> SubscriptionOut:
    return SubscriptionOut.model_validate(row.model_dump() | {"actions": ["rotate-secret", "delete"]})


async def list_deliveries(
    session: Session, caller: Principal, subscription_id: UUID, page: PageQuery
) -> tuple[list[DeliveryOut], str | None]:
    subscription = await find_subscription(session, caller, subscription_id)
    sent = select(Delivery).where(col(Delivery.subscription_id) == subscription.id)
    rows, cursor = await paginate(session, sent, Delivery, page)
    tries: defaultdict[UUID, list[Attempt]] = defaultdict(list)
    log = select(Attempt).where(col(Attempt.delivery_id).in_([row.id for row in rows])).order_by(col(Attempt.id))
    for attempt in await session.exec(log):
        tries[attempt.delivery_id].append(attempt)
    ids = col(Delivery.id).in_([row.id for row in rows])
    past = set((await session.exec(select(Delivery.id).where(ids, overtaken()))).all())
    enabled = not subscription.disabled_reason
    return [show_delivery(row, tries[row.id], again=enabled and row.id not in past) for row in rows], cursor


def show_delivery(row: Delivery, tries: list[Attempt], *, again: bool) -> DeliveryOut:
    """`again`: it may be sent again."""
    attempts = [AttemptOut.model_validate(each.model_dump() | {"at": each.created_at}) for each in tries]
    waiting = row.state is DeliveryState.WAITING
    return DeliveryOut(
        id=row.id,
        created_at=row.created_at,
        event_id=row.event_id,
        event_type=row.event_type,
        result_id=row.result_id,
        state=row.state,
        next_attempt_at=row.due_at if waiting else None,
        delivered_at=row.delivered_at,
        last_error=row.last_error,
        attempts=attempts,
        actions=["redeliver"] if again else [],
    )
