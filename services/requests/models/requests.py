"""Requests with their inputs, decisions, votes and history."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Relationship

from services.requests.models.base import Base, choice
from services.requests.models.states import Ballot, Status, Verdict
from shared.clock import now
from shared.contracts import Audience, DatasetPublished, MethodRef, Part, PartKind
from shared.db import Json, Row, UtcDateTime


class AnalysisRequest(Base, Row, table=True):
    """A ministry asks for an analysis. What was asked at earlier revisions stays in their inputs and history."""

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

    @property
    def current_inputs(self) -> list["RequestInput"]:
        return [one for one in self.inputs if one.revision == self.revision]

    @property
    def current_decisions(self) -> list["Decision"]:
        return [one for one in self.decisions if one.revision == self.revision]

    @property
    def current_votes(self) -> list["Vote"]:
        return [one for one in self.votes if one.revision == self.revision]

    @property
    def owners(self) -> list[str]:
        """The ministries whose datasets are asked for."""
        return sorted({one.ministry for one in self.current_inputs})

    @property
    def recused(self) -> frozenset[str]:
        """The ministries that have a part in the request, so that their council members do not vote on it."""
        return frozenset({self.ministry, *self.owners})

    @property
    def parts(self) -> list[Part]:
        """Who has acted on it at any revision, and for which body; each once."""
        return [Part(subject=one, ministry=ministry, part=part) for one, ministry, part in sorted(self.acted)]

    @property
    def acted(self) -> set[tuple[str, str, PartKind]]:
        """The same as plain subjects, ministries and parts: it is asked for each action of each request in a list."""
        found = {(author, self.ministry, PartKind.REQUESTER) for author in self.authors}
        found |= {(one.decided_by, one.ministry, PartKind.OWNER) for one in self.decisions}
        found |= {(one.revoked_by, one.ministry, PartKind.OWNER) for one in self.revocations}
        found |= {(one.member, one.ministry, PartKind.COUNCIL) for one in self.votes}
        return found

    @property
    def granted(self) -> dict[UUID, str]:
        """The datasets whose owners have approved and not taken it back, with their owners."""
        revoked = {one.dataset_id for one in self.revocations if one.revision == self.revision}
        return {
            one.dataset_id: one.ministry
            for one in self.current_decisions
            if one.verdict is Verdict.APPROVE and one.dataset_id not in revoked
        }

    @property
    def undecided(self) -> dict[UUID, str]:
        """The datasets that no owner has decided on yet, with their owners."""
        decided = {one.dataset_id for one in self.current_decisions}
        return {one.dataset_id: one.ministry for one in self.current_inputs if one.dataset_id not in decided}


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
