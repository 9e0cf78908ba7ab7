"""Requests with their inputs, decisions, votes and history."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, Relationship

from services.requests.models.base import Base, choice
from services.requests.models.proceedings import Proceedings
from services.requests.models.states import Ballot, Status, Verdict
from shared.clock import now
from shared.contracts import Audience, DatasetPublished, MethodRef
from shared.db import Json, Row, UtcDateTime


class AnalysisRequest(Proceedings, Base, Row, table=True):
    """A ministry asks for an analysis. What was asked at earlier revisions stays in their inputs and history."""

    # What one person has open is counted at each submission.
    __table_args__ = (Index("ix_analysisrequest_requester_status", "requester", "status"),)
    status: Status = Field(default=Status.OWNER_REVIEW, sa_column=choice(Status, index=True))
    since: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    decide_by: date | None = Field(default=None, index=True)
    revision: int = 1
    entries: int = 0
    title: str
    purpose: str
    legal_basis: str
    method_name: str = Field(index=True)
    method_version: str
    method_digest: str
    parameters: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    champion_id: UUID | None = Field(default=None, index=True)
    audience: dict[str, Any] = Field(sa_type=Json)
    requester: str
    authors: list[str] = Field(default_factory=list, sa_type=Json)
    ministry: str = Field(index=True)
    risk_tier: int = 0
    rules_version: str
    fingerprint: str | None = Field(default=None, max_length=64)
    """The same for requests that ask for exactly the same; None for those of earlier releases."""
    reason_code: str | None = None
    reason: str | None = None
    run_id: UUID | None = None
    result_id: UUID | None = None
    inputs: list["RequestInput"] = Relationship(sa_relationship_kwargs={"lazy": "selectin", "order_by": "RequestInput.id"})
    decisions: list["Decision"] = Relationship(sa_relationship_kwargs={"lazy": "selectin", "order_by": "Decision.id"})
    revocations: list["Revocation"] = Relationship(sa_relationship_kwargs={"lazy": "selectin", "order_by": "Revocation.id"})
    votes: list["Vote"] = Relationship(sa_relationship_kwargs={"lazy": "selectin", "order_by": "Vote.id"})

    @property
    def method(self) -> MethodRef:
        return MethodRef(name=self.method_name, version=self.method_version, digest=self.method_digest)

    @property
    def champion(self) -> dict[str, UUID] | None:
        """The released model that the round is also scored with, as it was asked for."""
        return {"model_id": self.champion_id} if self.champion_id else None

    @property
    def readers(self) -> Audience:
        return Audience.model_validate(self.audience)


class RequestInput(Base, Row, table=True):
    """One dataset asked for, in the part that it plays for the method."""

    __table_args__ = (UniqueConstraint("request_id", "revision", "role", name="uq_requestinput_role"),)
    request_id: UUID = Field(foreign_key="analysisrequest.id", index=True)
    revision: int
    role: str
    dataset_id: UUID = Field(index=True)
    dataset_title: str
    ministry: str = Field(index=True)
    columns: dict[str, str] = Field(sa_type=Json)
    allowed_purpose: str | None = None


class Decision(Base, Row, table=True):
    """What the owner said of one dataset at one revision; never changed, never deleted."""

    __table_args__ = (UniqueConstraint("request_id", "revision", "dataset_id", name="uq_decision_dataset"),)
    request_id: UUID = Field(foreign_key="analysisrequest.id", index=True)
    revision: int
    dataset_id: UUID
    dataset_version: int
    ministry: str
    verdict: Verdict = Field(sa_column=choice(Verdict))
    code: str | None = None
    reason: str
    conditions: list[str] = Field(default_factory=list, sa_type=Json)
    columns: list[str] | None = Field(default=None, sa_type=Json)
    seen: dict[str, Any] = Field(sa_type=Json)
    decided_by: str
    rules_version: str

    @property
    def dataset(self) -> DatasetPublished:
        """The version of the dataset that the owner decided on: the very bytes and schema."""
        return DatasetPublished.model_validate(self.seen)


class Revocation(Base, Row, table=True):
    """An owner took back what it had approved at one revision; never changed, never deleted."""

    __table_args__ = (UniqueConstraint("request_id", "revision", "dataset_id", name="uq_revocation_dataset"),)
    request_id: UUID = Field(foreign_key="analysisrequest.id", index=True)
    revision: int
    dataset_id: UUID
    ministry: str
    reason: str
    revoked_by: str


class Vote(Base, Row, table=True):
    """What one council member said of one revision; never changed, never deleted."""

    __table_args__ = (
        UniqueConstraint("request_id", "revision", "ministry", name="uq_vote_ministry"),
        UniqueConstraint("request_id", "revision", "member", name="uq_vote_member"),
    )
    request_id: UUID = Field(foreign_key="analysisrequest.id", index=True)
    revision: int
    member: str
    ministry: str
    ballot: Ballot = Field(sa_column=choice(Ballot))
    reason: str
    rules_version: str


class HistoryEntry(Base, Row, table=True):
    """One thing that happened to a request; never changed, never deleted."""

    __table_args__ = (UniqueConstraint("request_id", "seq", name="uq_historyentry_seq"),)
    request_id: UUID = Field(foreign_key="analysisrequest.id", index=True)
    seq: int
    revision: int
    deed: str
    from_status: Status | None = Field(default=None, sa_column=choice(Status, nullable=True))
    to_status: Status = Field(sa_column=choice(Status))
    actor: str
    role: str
    ministry: str | None = None
    reason_code: str | None = None
    reason: str | None = None
