"""Runs over HTTP."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.analysis.models import RunStatus
from services.analysis.schemas.base import In, Prose
from shared.contracts import MethodRef, Reason


class CancelIn(In):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The wrong year was asked for."}]})

    reason: Prose


class Waiting(BaseModel):
    """Why a run waits, and who must act."""

    code: str
    why: str
    who: str


class RunSummary(BaseModel):
    """A run, in a list."""

    id: UUID
    request_id: UUID
    ministry: str
    status: RunStatus
    method: MethodRef
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    progress: float = Field(ge=0, le=1)
    message: str = Field(description="What the method says of its progress.")
    reason: Reason | None = Field(description="Why it failed or was cancelled.")
    waiting: Waiting | None
    actions: list[str] = Field(description="What you may do with it now.")


class RunOut(RunSummary):
    """A run. Title and parameters are for those who asked and for the centre; auditors and operators see the record."""

    title: str | None
    parameters: dict[str, Any] | None
    dataset_ids: list[UUID]
    rows: int | None = Field(description="Rows of the linked table.")
    match_rates: dict[str, float] = Field(description="Input -> share of the base rows that were found in it.")
    keys_dropped: dict[str, int] = Field(description="Input -> rows without a key, which were left out.")
    fence: int = Field(description="Fence of the last claim by a worker; 0 if there was none.")
    attempts: int
