"""Scoring grants over HTTP."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from services.analysis.models import GrantState, Verdict
from services.analysis.schemas.base import In, Prose
from shared.clock import Moment
from shared.texts import Subject

MOST_ROWS: Final = 2**31 - 1
ASKED: Final[dict[str, Any]] = {
    "model_id": "0199a1c0-0000-7000-8000-000000000030",
    "client": "visit-planner.mohw",
    "purpose": "Ranks the shops that a counsellor visits next, in the aid programme of 2026.",
    "legal_basis": "Small Enterprise Promotion Act, article 12",
    "valid_from": "2026-03-01T00:00:00Z",
    "valid_until": "2027-02-28T00:00:00Z",
    "rows_per_day": 200000,
    "rows_per_minute": 20000,
}
REVIEW: Final[dict[str, Any]] = {
    "reviewer": "yoon.reviewer",
    "ministry": "kostat",
    "verdict": "approve",
    "reason": "The purpose is the one that the model was made for.",
    "at": "2026-03-02T02:00:00Z",
}
GRANT: Final[dict[str, Any]] = {
    **ASKED,
    "id": "0199a1c0-0000-7000-8000-000000000031",
    "model": {"name": "small_business_crisis.risk_model", "version": "2", "ministry": "mss"},
    "ministry": "mohw",
    "state": "asked",
    "asked_by": "kim.requester",
    "asked_at": "2026-03-02T01:00:00Z",
    "reviews": [REVIEW],
    "owners": ["nts"],
    "objections": [],
    "revoked_reason": None,
    "rows_today": 0,
    "waiting": "A second reviewer, of another body than kostat, must approve it.",
    "actions": ["review"],
}


class GrantIn(In):
    """What is asked for: one model, one client (the `sub` of its tokens), one purpose, a time and a number of rows a day."""

    model_config = ConfigDict(protected_namespaces=(), json_schema_extra={"examples": [ASKED]})

    model_id: UUID = Field(description="The id of a released model.")
    client: Subject
    purpose: Prose
    legal_basis: Prose
    valid_from: Moment
    valid_until: Moment
    rows_per_day: StrictInt = Field(
        ge=1, le=MOST_ROWS, description="A day is one of UTC. GET /analysis/grants/rules says how many a grant may have."
    )
    rows_per_minute: StrictInt | None = Field(
        default=None, ge=1, le=MOST_ROWS, description="As many as the rules allow in a minute if not given."
    )


class GrantReviewIn(In):
    """What you decide, and why. One decision of each body; it stands."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"verdict": "approve", "reason": "The purpose is the one that the model was made for."}]}
    )

    verdict: Verdict
    reason: Prose


class ObjectionIn(In):
    """Why an owner of the data does not want rows to be scored under the grant; who asked is told."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Our data were shared for another purpose."}]})

    reason: Prose


class RevokeIn(In):
    """Why the grant is taken back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The programme has ended."}]})

    reason: Prose


class GrantReviewOut(BaseModel):
    reviewer: str
    ministry: str
    verdict: Verdict
    reason: str
    at: datetime


class GrantObjectionOut(BaseModel):
    objected_by: str
    ministry: str
    reason: str
    at: datetime


class GrantedModel(BaseModel):
    """How the scoring door calls the model, and which ministry's request trained it."""

    name: str
    version: str
    ministry: str


class GrantOut(BaseModel):
    """A scoring grant, with the decisions on it and how many rows were scored under it today."""

    model_config = ConfigDict(protected_namespaces=(), json_schema_extra={"examples": [GRANT]})

    id: UUID
    model_id: UUID
    model: GrantedModel
    ministry: str
    client: str
    purpose: str
    legal_basis: str
    valid_from: datetime
    valid_until: datetime
    rows_per_day: int
    rows_per_minute: int | None = Field(description="Null for a grant that was asked for before there was a rate.")
    state: GrantState
    asked_by: str
    asked_at: datetime
    reviews: list[GrantReviewOut]
    owners: list[str] = Field(description="Whose data the model was trained on; their stewards may object.")
    objections: list[GrantObjectionOut]
    revoked_reason: str | None
    rows_today: int = Field(description="Counted by the door, a second ago at most.")
    waiting: str | None = Field(description="Who must act before it holds; null when nothing is missing.")
    actions: list[str] = Field(description="What you may do with it now.")
