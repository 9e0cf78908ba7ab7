"""Subscriptions and deliveries as callers see them."""

from datetime import datetime
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from services.results.models import DeliveryState
from shared.contracts import ResultHeld, ResultRecalled, ResultReleased, ResultWithheld
from shared.texts import Line

# What a ministry reads of a call, in the order in which a call goes.
OUTCOMES: Final = {
    "delivered": "answered 2xx",
    "url-invalid": "the address is not a URL",
    "scheme-not-allowed": "the address is not https",
    "host-unknown": "DNS knows no address of the host",
    "address-not-public": "an address of the host is not public",
    "secret-not-readable": "the secret cannot be opened: change it",
    "connection-refused": "nothing listens at the address",
    "host-unreachable": "there is no way to the address",
    "tls-failed": "the certificate is not valid for the host or not trusted, or the receiver speaks no TLS",
    "connection-lost": "the receiver ended the connection without an answer",
    "not-http": "the answer is not HTTP",
    "timeout": "no connection or no answer in time",
    "http-status": "answered with another status",
    "redirect-refused": "answered 3xx, which is not followed",
    "gone": "answered 410: the subscription is disabled",
    "subscription-ended": "the subscription ended before the call",
}
EXAMPLE: JsonDict = {
    "id": "01890a5d-ac96-774b-bcce-b302099a8058",
    "created_at": "2026-03-02T01:00:00Z",
    "version": 1,
    "ministry": "mohw",
    "created_by": "lee",
    "url": "https://hooks.mohw.example/dure",
    "events": ["results.result-released.v1"],
    "description": "Case management",
    "disabled_reason": None,
    "former_until": None,
    "actions": ["rotate-secret", "delete"],
}


DELIVERY_EXAMPLE: JsonDict = {
    "id": "01890a5d-ac96-774b-bcce-b302099a8059",
    "created_at": "2026-03-03T02:10:01Z",
    "event_id": "01890a5d-ac96-774b-bcce-b302099a8060",
    "event_type": "results.result-released.v1",
    "result_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "state": "waiting",
    "next_attempt_at": "2026-03-03T02:10:31Z",
    "delivered_at": None,
    "last_error": "http-status",
    "actions": ["redeliver"],
    "attempts": [{"at": "2026-03-03T02:10:02Z", "number": 1, "outcome": "http-status", "status": 503, "milliseconds": 41}],
}


class Topic(StrEnum):
    """Events that can be subscribed to; held and withheld are told only of your own requests."""

    RELEASED = ResultReleased.type
    RECALLED = ResultRecalled.type
    HELD = ResultHeld.type
    WITHHELD = ResultWithheld.type


class SubscriptionIn(BaseModel):
    """Where your ministry's system wants to be told, and of what."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "url": "https://hooks.mohw.example/dure",
                    "events": ["results.result-released.v1", "results.result-recalled.v1"],
                    "description": "Case management",
                }
            ]
        },
    )

    url: str = Field(min_length=8, max_length=500, description="https, at a public address; redirects are not followed.")
    events: list[Topic] = Field(min_length=1, max_length=10)
    description: Line | Literal[""] = ""


class SubscriptionOut(BaseModel):
    """A subscription of your ministry."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    created_at: datetime
    version: int
    ministry: str
    created_by: str
    url: str
    events: list[str]
    description: str
    disabled_reason: str | None
    former_until: datetime | None = Field(description="Until then deliveries also carry a signature of the former secret.")
    actions: list[str]


class SubscriptionWithSecret(SubscriptionOut):
    """With the secret, which is shown only now: keep it, and verify each `webhook-signature` with it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, "secret": "whsec_…"}]})

    secret: str


class AttemptOut(BaseModel):
    at: datetime
    number: int
    outcome: str = Field(description="; ".join(f"{code}: {words}" for code, words in OUTCOMES.items()) + ".")
    status: int | None
    milliseconds: int


class DeliveryOut(BaseModel):
    """One event on its way to your ministry's system, with each attempt."""

    model_config = ConfigDict(json_schema_extra={"examples": [DELIVERY_EXAMPLE]})

    id: UUID
    created_at: datetime
    event_id: UUID = Field(description="The `webhook-id`: the same each time this event is sent to you.")
    event_type: str
    result_id: UUID
    state: DeliveryState
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    last_error: str | None
    attempts: list[AttemptOut]
    actions: list[str]
