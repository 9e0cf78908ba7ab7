"""Webhook subscriptions over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.results import messages
from services.results.actions import subscriptions as actions
from services.results.address import AddressError, check_address
from services.results.api.names import DeliveryId, SubscriptionId
from services.results.queries import subscriptions as queries
from services.results.schemas.subscriptions import DeliveryOut, SubscriptionIn, SubscriptionOut, SubscriptionWithSecret
from services.results.vault import Vault
from shared.errors import FieldError, Unavailable, Unprocessable
from shared.http import Caller, Page, Paging, Reading, Route, Transaction, link_next, tagged
from shared.openapi import CREATED, ETAG, UNCHANGED

router = APIRouter(prefix="/subscriptions", route_class=Route, tags=["webhooks"])


async def checked(data: SubscriptionIn, request: Request, caller: Caller) -> SubscriptionIn:
    """The address is looked up before a transaction begins, and again before every delivery."""
    try:
        await check_address(data.url, private=request.app.state.settings.webhook_private)
    except AddressError as error:
        raise Unprocessable(error.detail, errors=[FieldError("#/url", error.code, error.detail)]) from None
    return data


def vault_of(request: Request) -> Vault:
    vault: Vault | None = request.app.state.context.state["vault"]
    if vault is None:
        raise Unavailable(messages.NO_WEBHOOKS, retry_after=3600)
    return vault


Vaulted = Annotated[Vault, Depends(vault_of)]


@router.post("", status_code=201, responses=CREATED)
async def create_subscription(
    data: Annotated[SubscriptionIn, Depends(checked)], response: Response, vault: Vaulted, session: Transaction, caller: Caller
) -> SubscriptionWithSecret:
    """Subscribe a system of your ministry (signed POST by Standard Webhooks, the CloudEvent). Shows the secret once."""
    row, secret = await actions.create_subscription(
        session, caller, vault, url=data.url, events=data.events, description=data.description
    )
    response.headers["Location"] = f"/results/subscriptions/{row.id}"
    tagged(response, row)
    return SubscriptionWithSecret(**queries.show_subscription(row).model_dump(), secret=secret)


@router.get("")
async def list_subscriptions(
    request: Request, response: Response, session: Reading, caller: Caller, page: Paging
) -> Page[SubscriptionOut]:
    """List your ministry's subscriptions."""
    items, cursor = await queries.list_subscriptions(session, caller, page)
    link_next(request, response, cursor)
    return Page(items=items, next=cursor)


@router.get("/{subscription_id}", responses=UNCHANGED)
async def show_subscription(
    subscription_id: SubscriptionId, response: Response, session: Reading, caller: Caller
) -> SubscriptionOut:
    """Show one of your ministry's subscriptions."""
    row = await queries.find_subscription(session, caller, subscription_id)
    tagged(response, row)
    return queries.show_subscription(row)


@router.post("/{subscription_id}/rotate-secret", responses={200: {"headers": ETAG}})
async def rotate_secret(
    subscription_id: SubscriptionId, response: Response, vault: Vaulted, session: Transaction, caller: Caller
) -> SubscriptionWithSecret:
    """Replace a subscription's secret. The new one is shown once.

    For a day deliveries carry a signature of both; a disabled subscription is enabled.
    """
    row, secret = await actions.rotate_secret(session, caller, vault, subscription_id)
    tagged(response, row)
    return SubscriptionWithSecret(**queries.show_subscription(row).model_dump(), secret=secret)


@router.delete("/{subscription_id}", status_code=204)
async def end_subscription(subscription_id: SubscriptionId, session: Transaction, caller: Caller) -> Response:
    """End a subscription; what waits is not sent any more."""
    await actions.end_subscription(session, caller, subscription_id)
    return Response(status_code=204)


@router.get("/{subscription_id}/deliveries")
async def list_deliveries(
    subscription_id: SubscriptionId, request: Request, response: Response, session: Reading, caller: Caller, page: Paging
) -> Page[DeliveryOut]:
    """List what was sent: each attempt with its outcome, and when the next one is due."""
    items, cursor = await queries.list_deliveries(session, caller, subscription_id, page)
    link_next(request, response, cursor)
    return Page(items=items, next=cursor)


@router.post("/{subscription_id}/deliveries/{delivery_id}/redeliver", status_code=202)
async def redeliver(
    subscription_id: SubscriptionId, delivery_id: DeliveryId, session: Transaction, caller: Caller
) -> DeliveryOut:
    """Deliver an event again, with the same webhook-id."""
    row = await actions.redeliver(session, caller, subscription_id, delivery_id)
    return queries.show_delivery(row, [], again=True)
