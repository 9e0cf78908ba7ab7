"""Who may ask a released model, what for, and how much was asked."""

from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from services.analysis.models.base import Base, Verdict, choice
from shared.contracts import ModelFormat
from shared.db import Json, Row, UtcDateTime


class ReleasedModel(Base, Row, table=True):
    """A released model as the scoring door knows it; `id` is the model's own. `release` counts the models of one name.

    `owners` are the bodies whose data it was trained on.
    """

    __tablename__ = "released_model"
    __table_args__ = (UniqueConstraint("name", "release", name="uq_released_model_release"),)

    name: str = Field(max_length=130)
    release: int
    ministry: str = Field(max_length=40)
    method_name: str = Field(max_length=63)
    method_release: str = Field(max_length=20)
    format: ModelFormat = Field(sa_column=choice(ModelFormat))
    sha256: str = Field(max_length=64)
    size: int
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    owners: list[str] = Field(default_factory=list, sa_type=Json, sa_column_kwargs={"server_default": "[]"})

    @property
    def label(self) -> str:
        return f"{self.name}/{self.release}"


class GrantState(StrEnum):
    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"
    REVOKED = "revoked"


GRANT_TRANSITIONS: Final[dict[GrantState, frozenset[GrantState]]] = {
    GrantState.ASKED: frozenset({GrantState.GRANTED, GrantState.REFUSED, GrantState.REVOKED}),
    GrantState.GRANTED: frozenset({GrantState.REVOKED}),
    GrantState.REFUSED: frozenset(),
    GrantState.REVOKED: frozenset(),
}


class Grant(Base, Row, table=True):
    """Leave for one client of a ministry to ask one model for one purpose, within a time and a number of rows a day."""

    __tablename__ = "scoring_grant"

    model_id: UUID = Field(foreign_key="released_model.id", index=True)
    ministry: str = Field(max_length=40, index=True)
    client: str = Field(max_length=200, index=True)
    purpose: str = Field(max_length=4000)
    legal_basis: str = Field(max_length=4000)
    valid_from: datetime = Field(sa_type=UtcDateTime)
    valid_until: datetime = Field(sa_type=UtcDateTime)
    rows_per_day: int
    rows_per_minute: int | None = None
    state: GrantState = Field(default=GrantState.ASKED, sa_column=choice(GrantState))
    asked_by: str = Field(max_length=200)
    revoked_reason: str | None = Field(default=None, max_length=4000)


class GrantReview(Base, Row, table=True):
    """What one reviewer decided; a body decides once."""

    __tablename__ = "scoring_grant_review"
    __table_args__ = (
        UniqueConstraint("grant_id", "reviewer", name="uq_scoring_grant_review_reviewer"),
        UniqueConstraint("grant_id", "ministry", name="uq_scoring_grant_review_ministry"),
    )

    grant_id: UUID = Field(foreign_key="scoring_grant.id", index=True)
    reviewer: str = Field(max_length=200)
    ministry: str = Field(max_length=40)
    verdict: Verdict = Field(sa_column=choice(Verdict))
    reason: str = Field(max_length=4000)


class GrantObjection(Base, Row, table=True):
    """Why an owner of data that a model was trained on does not want the grant; it refuses the grant, or takes it back."""

    __tablename__ = "scoring_grant_objection"

    grant_id: UUID = Field(foreign_key="scoring_grant.id", unique=True)
    objected_by: str = Field(max_length=200)
    ministry: str = Field(max_length=40)
    reason: str = Field(max_length=4000)


class ScoringBatch(Base, Row, table=True):
    """What one process of the door counted for a grant in at most a second or so. `day` is the UTC day of the limit."""

    __tablename__ = "scoring_batch"
    __table_args__ = (UniqueConstraint("door", "number", name="uq_scoring_batch_number"),)

    door: UUID
    number: int
    grant_id: UUID = Field(foreign_key="scoring_grant.id", index=True)
    model_id: UUID
    day: date = Field(index=True)
    requests: int
    rows: int
    began_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime = Field(sa_type=UtcDateTime)
