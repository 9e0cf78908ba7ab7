"""Methods and runs, their life cycles, and what they stand on."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, false
from sqlmodel import Field

from services.analysis.models.base import Base, Verdict, choice
from shared.clock import now
from shared.contracts import OutputKind, RowBalance
from shared.db import Due, Json, Row, UtcDateTime


class MethodState(StrEnum):
    REGISTERED = "registered"
    LIVE = "live"
    WITHDRAWN = "withdrawn"


METHOD_TRANSITIONS: Final[dict[MethodState, frozenset[MethodState]]] = {
    MethodState.REGISTERED: frozenset({MethodState.LIVE, MethodState.WITHDRAWN}),
    MethodState.LIVE: frozenset({MethodState.WITHDRAWN}),
    MethodState.WITHDRAWN: frozenset(),
}


class RunStatus(StrEnum):
    QUEUED = "queued"
    PREPARING = "preparing"
    PREPARED = "prepared"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED: Final = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED})

TRANSITIONS: Final[dict[RunStatus, frozenset[RunStatus]]] = {
    RunStatus.QUEUED: frozenset({RunStatus.PREPARING, RunStatus.FAILED, RunStatus.CANCELLED}),
    RunStatus.PREPARING: frozenset({RunStatus.QUEUED, RunStatus.PREPARED, RunStatus.FAILED, RunStatus.CANCELLED}),
    RunStatus.PREPARED: frozenset({RunStatus.RUNNING, RunStatus.FAILED, RunStatus.CANCELLED}),
    RunStatus.RUNNING: frozenset({RunStatus.PREPARED, RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED}),
    RunStatus.SUCCEEDED: frozenset(),
    RunStatus.FAILED: frozenset(),
    RunStatus.CANCELLED: frozenset(),
}


class Priority(StrEnum):
    """Who goes first; in this order."""

    URGENT = "urgent"
    NORMAL = "normal"
    LOW = "low"


class Method(Base, Row, table=True):
    """One version of a method, as announced. `release` is the method's own version; `version` is the row's."""

    __tablename__ = "method"
    __table_args__ = (UniqueConstraint("name", "release", name="uq_method_name_release"),)

    name: str = Field(max_length=63)
    release: str = Field(max_length=20)
    digest: str = Field(max_length=64)
    card: dict[str, Any] = Field(sa_type=Json)
    state: MethodState = Field(default=MethodState.REGISTERED, sa_column=choice(MethodState))
    announced_by: str = Field(max_length=200)
    announced_ministry: str = Field(max_length=40)
    live_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_reason: str | None = Field(default=None, max_length=4000)

    @property
    def label(self) -> str:
        return f"{self.name}@{self.release}"


class MethodReview(Base, Row, table=True):
    """What one reviewer found; a body reviews a version once."""

    __tablename__ = "method_review"
    __table_args__ = (
        UniqueConstraint("method_id", "reviewer", name="uq_method_review_reviewer"),
        UniqueConstraint("method_id", "ministry", name="uq_method_review_ministry"),
    )

    method_id: UUID = Field(foreign_key="method.id", index=True)
    reviewer: str = Field(max_length=200)
    ministry: str = Field(max_length=40)
    verdict: Verdict = Field(sa_column=choice(Verdict))
    reason: str = Field(max_length=4000)


class Run(Base, Row, Due, table=True):
    """An approved request on its way through prepare and a worker."""

    __tablename__ = "run"
    # Where the head of a queue is found in one step, however long the queue is (see queries/queue.py).
    __table_args__ = (
        Index("ix_run_queue", "status", "ministry", "priority", "created_at"),
        Index("ix_run_queue_method", "status", "method_name", "method_release", "ministry", "priority", "created_at"),
        Index("ix_run_swept", "swept", "ended_at"),
    )

    request_id: UUID = Field(unique=True)
    ministry: str = Field(max_length=40, index=True)
    status: RunStatus = Field(default=RunStatus.QUEUED, sa_column=choice(RunStatus, index=True))
    priority: Priority = Field(default=Priority.NORMAL, sa_column=choice(Priority, server_default=Priority.NORMAL))
    method_name: str = Field(max_length=63, index=True)
    method_release: str = Field(max_length=20)
    method_digest: str = Field(max_length=64)
    approved: dict[str, Any] = Field(sa_type=Json)
    bundle: dict[str, Any] | None = Field(default=None, sa_type=Json)
    bundle_kept: bool = Field(default=False, index=True)
    match_rates: dict[str, float] = Field(default_factory=dict, sa_type=Json)
    sealed_keys: dict[str, Any] | None = Field(default=None, sa_type=Json)
    sealed_kept: bool = Field(default=False, index=True, sa_column_kwargs={"server_default": false()})
    champion_id: UUID | None = Field(default=None, index=True)
    alarms: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json, sa_column_kwargs={"server_default": "[]"})
    worker_id: UUID | None = None
    worker_fence: int = 0
    missing_layers: list[str] | None = Field(default=None, sa_type=Json)
    progress: float = 0.0
    message: str = Field(default="", max_length=200)
    marks: list[list[float]] | None = Field(default=None, sa_type=Json)
    ends_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: dict[str, str] | None = Field(default=None, sa_type=Json)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    swept: bool = Field(default=False, sa_column_kwargs={"server_default": false()})

    @property
    def balance(self) -> dict[str, RowBalance]:
        """Role -> what became of its rows, exact; empty before prepare."""
        return {role: RowBalance.model_validate(each) for role, each in (self.bundle or {}).get("balance", {}).items()}

    @property
    def method_label(self) -> str:
        return f"{self.method_name}@{self.method_release}"

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def bundle_files(self) -> list[dict[str, Any]]:
        """What a worker gets: the files that were made for this run, and those that are only lent to it."""
        bundle = self.bundle or {}
        return [*bundle.get("files", []), *bundle.get("lent", [])]


class Quota(Base, Row, table=True):
    """How many runs of one ministry may be under way at one time, where it differs from the setting."""

    __tablename__ = "ministry_quota"

    ministry: str = Field(max_length=40, unique=True)
    most: int | None = None
    reason: str = Field(max_length=4000)


class RunDataset(Base, table=True):
    """Which runs stand on which datasets."""

    __tablename__ = "run_dataset"

    run_id: UUID = Field(primary_key=True, foreign_key="run.id")
    dataset_id: UUID = Field(primary_key=True, index=True)


class RunArtefact(Base, Row, table=True):
    """A file that one attempt uploaded; only those of the accepted fence count."""

    __tablename__ = "run_artefact"
    __table_args__ = (UniqueConstraint("run_id", "fence", "kind", "name", name="uq_run_artefact"),)

    run_id: UUID = Field(foreign_key="run.id")
    fence: int
    kind: OutputKind = Field(sa_column=choice(OutputKind))
    name: str = Field(max_length=63)
    sha256: str = Field(max_length=64, index=True)
    size: int
    media_type: str = Field(max_length=100)
    manifest: dict[str, Any] | None = Field(default=None, sa_type=Json)


class RequestKey(Base, table=True):
    """The key that makes one request's pseudonyms, wrapped; nothing is left of it once it is destroyed."""

    __tablename__ = "request_key"

    request_id: UUID = Field(primary_key=True)
    wrapped: str | None = Field(default=None, max_length=200)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    destroyed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class KnownKey(Base, table=True):
    """A public key that a ministry registered, as far as was heard of it; without `x` only that it was retired."""

    __tablename__ = "known_key"

    ministry: str = Field(primary_key=True, max_length=40)
    kid: str = Field(primary_key=True, max_length=43)
    sequence: int = 0
    x: str | None = Field(default=None, max_length=43)
    valid_from: datetime | None = Field(default=None, sa_type=UtcDateTime)
    valid_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    retired: bool = False


class Withdrawn(StrEnum):
    DATASET = "dataset"
    METHOD = "method"
    MODEL = "model"
    REQUEST = "request"
    GRANT = "grant"


class Tombstone(Base, table=True):
    """Something was withdrawn: it stays so, whatever arrives later."""

    __tablename__ = "tombstone"

    kind: Withdrawn = Field(sa_column=choice(Withdrawn, primary_key=True))
    key: str = Field(primary_key=True, max_length=100)
    at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class Sighting(Base, table=True):
    """A worker process that called lately, what it offers (`name@version digest`), and which layers of the sandbox it lacks."""

    __tablename__ = "worker_sighting"

    worker_id: UUID = Field(primary_key=True)
    subject: str = Field(max_length=200)
    seen_at: datetime = Field(sa_type=UtcDateTime, index=True)
    methods: list[str] = Field(sa_type=Json)
    missing_layers: list[str] | None = Field(default=None, sa_type=Json)


class LateResult(Base, Row, table=True):
    """A finish that came after the run was given to somebody else, or had ended; refused."""

    __tablename__ = "late_result"

    run_id: UUID = Field(foreign_key="run.id", index=True)
    fence: int
    current_fence: int
    status: RunStatus = Field(sa_column=choice(RunStatus))
    outcome: str = Field(max_length=20)
