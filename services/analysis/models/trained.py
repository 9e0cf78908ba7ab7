"""The rows of trained models, and their life cycle."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from services.analysis.models.base import Base, Verdict, choice
from shared.contracts import MethodRef, ModelFormat, ModelRef, StoredObject
from shared.db import Json, Row, UtcDateTime


class ModelState(StrEnum):
    """Where a trained model stands: only a released one is named by requests or asked by anybody."""

    REGISTERED = "registered"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"


MODEL_TRANSITIONS: Final[dict[ModelState, frozenset[ModelState]]] = {
    ModelState.REGISTERED: frozenset({ModelState.RELEASED, ModelState.WITHDRAWN}),
    ModelState.RELEASED: frozenset({ModelState.WITHDRAWN}),
    ModelState.WITHDRAWN: frozenset(),
}


class Model(Base, Row, table=True):
    """A model file that a run handed in, with where it comes from. `version` is the row's."""

    __tablename__ = "model"
    __table_args__ = (UniqueConstraint("run_id", "name", name="uq_model_run_name"),)

    run_id: UUID = Field(foreign_key="run.id")
    request_id: UUID = Field(index=True)
    ministry: str = Field(max_length=40, index=True)
    name: str = Field(max_length=63)
    format: ModelFormat = Field(sa_column=choice(ModelFormat))
    sha256: str = Field(max_length=64, index=True)
    size: int
    media_type: str = Field(max_length=100)
    method_name: str = Field(max_length=63, index=True)
    method_release: str = Field(max_length=20)
    method_digest: str = Field(max_length=64)
    announced_by: str = Field(max_length=200)
    authors: list[str] = Field(sa_type=Json)
    parts: list[dict[str, str]] = Field(default_factory=list, sa_type=Json, sa_column_kwargs={"server_default": "[]"})
    datasets: list[dict[str, Any]] = Field(sa_type=Json)
    manifest: dict[str, Any] = Field(sa_type=Json)
    state: ModelState = Field(default=ModelState.REGISTERED, sa_column=choice(ModelState, index=True))
    released_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_reason: str | None = Field(default=None, max_length=4000)

    @property
    def ref(self) -> ModelRef:
        """How other services know it."""
        return ModelRef(
            model_id=self.id,
            name=self.name,
            method=MethodRef(name=self.method_name, version=self.method_release, digest=self.method_digest),
            format=self.format,
            object=StoredObject(sha256=self.sha256, size=self.size, media_type=self.media_type),
        )


class ModelReview(Base, Row, table=True):
    """What one reviewer found; a body reviews a model once."""

    __tablename__ = "model_review"
    __table_args__ = (
        UniqueConstraint("model_id", "reviewer", name="uq_model_review_reviewer"),
        UniqueConstraint("model_id", "ministry", name="uq_model_review_ministry"),
    )

    model_id: UUID = Field(foreign_key="model.id", index=True)
    reviewer: str = Field(max_length=200)
    ministry: str = Field(max_length=40)
    verdict: Verdict = Field(sa_column=choice(Verdict))
    reason: str = Field(max_length=4000)
