"""What the results service keeps: results, votes, withdrawals, names it heard of, subscriptions and their deliveries."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Enum, Index, UniqueConstraint, false
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.contracts import Alarm, Artefact, Audience, AudienceKind, SealedKeys
from shared.db import Due, Json, Row, UtcDateTime, plumbing

VOTES_NEEDED = 2


class Base(SQLModel, registry=registry()):
    pass


class Status(StrEnum):
    CHECKING = "checking"
    HELD = "held"
    RELEASED = "released"
    WITHHELD = "withheld"
    RECALLED = "recalled"


# A held result goes back to checking if a later attempt of its run was accepted before anybody voted.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.CHECKING: frozenset({Status.HELD, Status.WITHHELD}),
    Status.HELD: frozenset({Status.CHECKING, Status.RELEASED, Status.WITHHELD}),
    Status.RELEASED: frozenset({Status.RECALLED}),
    Status.WITHHELD: frozenset(),
    Status.RECALLED: frozenset(),
}


def choice(values: type[StrEnum], **options: Any) -> Column[Any]:
    """A column that holds one of the values as plain text: a new value needs no change of type."""

    def names(them: type[StrEnum]) -> list[str]:
        return [one.value for one in them]

    kind = Enum(values, native_enum=False, create_constraint=False, length=20, values_callable=names)
    return Column(kind, **{"nullable": False, **options})


class Result(Base, Row, Due, table=True):
    """The outputs of one succeeded run. It is Due while it is checked, and never afterwards."""

    run_id: UUID = Field(unique=True)
    run_fence: int
    request_id: UUID = Field(index=True)
    title: str
    purpose: str
    ministry: str = Field(index=True)
    requester: str
    authors: list[str] = Field(sa_type=Json)
    parts: list[dict[str, str]] = Field(default_factory=list, sa_type=Json, sa_column_kwargs={"server_default": "[]"})
    champion_id: UUID | None = None
    audience_kind: AudienceKind = Field(sa_column=choice(AudienceKind))
    audience_ministries: str = ""
    owners: list[str] = Field(sa_type=Json)
    dataset_ids: list[str] = Field(sa_type=Json)
    method_name: str
    method_version: str
    method_digest: str
    match_rates: dict[str, float] = Field(sa_type=Json)
    balance: dict[str, dict[str, Any]] = Field(default_factory=dict, sa_type=Json, sa_column_kwargs={"server_default": "{}"})
    """Role -> what became of its rows, exact: for those who check; everybody else sees it rounded."""
    artefacts: list[dict[str, Any]] = Field(sa_type=Json)
    sealed_keys: dict[str, Any] | None = Field(default=None, sa_type=Json)
    alarms: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json, sa_column_kwargs={"server_default": "[]"})
    status: Status = Field(default=Status.CHECKING, sa_column=choice(Status, index=True))
    reason: str | None = None
    rules: str | None = None
    verdicts: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    contents: dict[str, list[dict[str, Any]]] = Field(default_factory=dict, sa_type=Json)
    held_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    released_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    @property
    def audience(self) -> Audience:
        return Audience(kind=self.audience_kind, ministries=tuple(filter(None, self.audience_ministries.split("|"))))

    @property
    def involved(self) -> frozenset[str]:
        """Everybody who asked for it, decided on its request for an owner, or voted on it."""
        return frozenset({*self.authors, *(each["subject"] for each in self.parts)})

    @property
    def outputs(self) -> list[Artefact]:
        return [Artefact.model_validate(artefact) for artefact in self.artefacts]

    @property
    def raised(self) -> dict[int, Alarm]:
        """The alarms of its run, numbered from 1."""
        return {number: Alarm.model_validate(alarm) for number, alarm in enumerate(self.alarms, start=1)}

    @property
    def sealed(self) -> SealedKeys | None:
        return SealedKeys.model_validate(self.sealed_keys) if self.sealed_keys else None

    def content(self, kind: str, name: str) -> dict[str, Any] | None:
        """The entry of one output that passed; `kind` is `tables`, `figures`, `metrics` or `lists`."""
        return next((entry for entry in self.contents.get(kind, ()) if entry["name"] == name), None)


class ReleaseVote(Base, Row, table=True):
    """What one output checker decided, and why. Never changed, never deleted."""

    __table_args__ = (UniqueConstraint("result_id", "checker", name="uq_releasevote_result_checker"),)

    result_id: UUID = Field(foreign_key="result.id", index=True)
    checker: str
    ministry: str
    approve: bool
    reason: str


class AlarmVerdict(StrEnum):
    """What a person found an alarm to be: of no consequence for the result, or a reason that it must not leave."""

    EXPLAINED = "explained"
    UPHELD = "upheld"


class AlarmAnswer(Base, Row, table=True):
    """What one person answered to one alarm of one attempt, and why. Never changed, never deleted."""

    __table_args__ = (UniqueConstraint("result_id", "run_fence", "number", name="uq_alarmanswer_number"),)

    result_id: UUID = Field(foreign_key="result.id", index=True)
    run_fence: int
    number: int
    code: str
    verdict: AlarmVerdict = Field(sa_column=choice(AlarmVerdict))
    reason: str
    answered_by: str
    ministry: str
    role: str


class Withdrawal(Base, Row, table=True):
    """A tombstone: no result that stands on this may be released, whenever it arrives."""

    __table_args__ = (UniqueConstraint("kind", "key", name="uq_withdrawal_kind_key"),)

    kind: str
    key: str
    reason: str


class Known(Base, Row, table=True):
    """Names that other services told of ministries, datasets and methods, for people to read."""

    __table_args__ = (UniqueConstraint("kind", "key", name="uq_known_kind_key"),)

    kind: str
    key: str
    sequence: int
    facts: dict[str, Any] = Field(sa_type=Json)


class Subscription(Base, Row, table=True):
    """A ministry's system that wants to be told. The secret is sealed (vault) and shown once."""

    ministry: str = Field(index=True)
    created_by: str
    url: str
    events: list[str] = Field(sa_type=Json)
    description: str = ""
    secret: str
    former_secret: str | None = None
    former_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    disabled_reason: str | None = None
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    OVERTAKEN = "overtaken"
    DEAD = "dead"


class Delivery(Base, Row, Due, table=True):
    """One event on its way to one subscription. It is overtaken by one of a higher `sequence` of the same result."""

    __table_args__ = (
        UniqueConstraint("subscription_id", "event_id", name="uq_delivery_subscription_event"),
        Index("ix_delivery_subscription_due", "subscription_id", "due_at"),
        Index("ix_delivery_subscription_result", "subscription_id", "result_id", "sequence"),
    )

    subscription_id: UUID = Field(foreign_key="subscription.id")
    event_id: UUID
    event_type: str
    result_id: UUID
    sequence: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    body: str
    calling: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """An attempt has begun and is not recorded; if its lease has run out, it ended with its process."""
    state: DeliveryState = Field(default=DeliveryState.WAITING, sa_column=choice(DeliveryState))
    delivered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Attempt(Base, Row, table=True):
    """One try of a delivery, as it went."""

    delivery_id: UUID = Field(foreign_key="delivery.id", index=True)
    number: int
    outcome: str
    status: int | None = None
    milliseconds: int


PLUMBING = plumbing(Base.metadata)
