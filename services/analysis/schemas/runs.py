"""Runs over HTTP."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.analysis.models import Priority, RunStatus
from services.analysis.schemas.base import In, Prose
from shared.contracts import MethodRef, Reason, RowBalance

PLACE: Final = "Its place among the waiting runs of its ministry; the next one is 1."
ETA: Final = "Seconds until it will have ended, by its progress so far; null while that does not tell, and when it is overdue."
LAYERS: Final = "Layers of the sandbox that the worker of the last claim lacked; empty if none, null if it did not say."
SUMMARY: Final[dict[str, Any]] = {
    "id": "0199a1c0-0000-7000-8000-000000000020",
    "request_id": "0199a1c0-0000-7000-8000-00000000000a",
    "ministry": "mohw",
    "status": "running",
    "priority": "normal",
    "method": {"name": "energy_peers", "version": "1.0.0", "digest": "5f2a" * 16},
    "created_at": "2026-03-02T03:00:00Z",
    "started_at": "2026-03-02T03:00:04Z",
    "ended_at": None,
    "progress": 0.4,
    "message": "fold 2 of 5",
    "reason": None,
    "waiting": {"code": "running", "why": "A worker carries it out.", "who": "nobody: it goes on by itself"},
    "actions": ["cancel", "prioritise"],
}
WHOLE: Final[dict[str, Any]] = {
    **SUMMARY,
    "title": "Energy use of public buildings",
    "parameters": {"peers": 20},
    "dataset_ids": ["0199a1c0-0000-7000-8000-000000000002", "0199a1c0-0000-7000-8000-000000000003"],
    "rows": 18250,
    "match_rates": {"facility": 1.0, "meter": 0.97},
    "keys_dropped": {"meter": 12},
    "balance": {"meter": {"read": 17_720, "dropped": {"no-key": 12}, "unreadable": 0, "linked": 17_702, "used": 17_702}},
    "fence": 1,
    "attempts": 1,
    "missing_layers": [],
    "queue_position": None,
    "eta_seconds": 41.5,
}
NEWS: Final[dict[str, Any]] = {
    **{name: SUMMARY[name] for name in ("status", "priority", "progress", "message", "reason", "waiting")},
    "eta_seconds": 41.5,
    "queue_position": None,
}


class CancelIn(In):
    """Why the run is cancelled."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The wrong year was asked for."}]})

    reason: Prose


class PriorityIn(In):
    """Whether the run goes before others or after them, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"priority": "urgent", "reason": "The flood of this week."}]})

    priority: Priority
    reason: Prose


class Waiting(BaseModel):
    """Why a run waits, and who must act."""

    code: str
    why: str
    who: str


class RunSummary(BaseModel):
    """A run, in a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [SUMMARY]})

    id: UUID
    request_id: UUID
    ministry: str
    status: RunStatus
    priority: Priority
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

    model_config = ConfigDict(json_schema_extra={"examples": [WHOLE]})

    title: str | None
    parameters: dict[str, Any] | None
    dataset_ids: list[UUID]
    rows: int | None = Field(description="Rows of the linked table; for centre analysts only.")
    match_rates: dict[str, float] = Field(
        description="Input -> share of the base rows that were found in it; rounded to whole per cent outside the centre."
    )
    keys_dropped: dict[str, int] = Field(
        description="Input -> rows without a key, which were left out; rounded up to full tens outside the centre."
    )
    balance: dict[str, RowBalance] = Field(
        description="Input -> what became of its rows; every count rounded up to full tens outside the centre."
    )
    fence: int = Field(description="Fence of the last claim by a worker; 0 if there was none.")
    attempts: int
    missing_layers: list[str] | None = Field(description=LAYERS)
    queue_position: int | None = Field(description=PLACE)
    eta_seconds: float | None = Field(description=ETA)


class RunNews(BaseModel):
    """Where a run stands now; the data of an event."""

    model_config = ConfigDict(json_schema_extra={"examples": [NEWS]})

    status: RunStatus
    priority: Priority
    progress: float = Field(ge=0, le=1)
    message: str
    reason: Reason | None
    waiting: Waiting | None
    queue_position: int | None = Field(description=PLACE)
    eta_seconds: float | None = Field(description=ETA)
