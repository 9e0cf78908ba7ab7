"""What the analysis centre says."""

from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import Event
from shared.contracts.methods import Alarm, Artefact, MethodCard, MethodRef, ModelRef, RowBalance
from shared.contracts.values import Code, Reason, RequestBrief, SealedKeys, Text


class Outcome(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class MethodLive(Event, type="analysis.method-live.v1"):
    """Two people of two bodies reviewed this version: requests may name it."""

    method: MethodRef
    card: MethodCard

    @property
    def subject(self) -> str:
        return f"method/{self.method.name}@{self.method.version}"


class MethodWithdrawn(Event, type="analysis.method-withdrawn.v1", withdrawal=True):
    """This version takes no new request and no waiting run."""

    method: MethodRef
    reason: Text

    @property
    def subject(self) -> str:
        return f"method/{self.method.name}@{self.method.version}"


class RunQueued(Event, type="analysis.run-queued.v1"):
    """An approved request became a run that waits for prepare."""

    run_id: UUID
    request_id: UUID

    @property
    def subject(self) -> str:
        return f"run/{self.run_id}"


class RunStarted(Event, type="analysis.run-started.v1"):
    """A worker claimed the run."""

    run_id: UUID
    request_id: UUID
    fence: int = Field(ge=1)

    @property
    def subject(self) -> str:
        return f"run/{self.run_id}"


class RunFinished(Event, type="analysis.run-finished.v1"):
    """The run ended; a result is held for checking if it succeeded."""

    run_id: UUID
    brief: RequestBrief
    method: MethodRef
    fence: int = Field(ge=0, description="Fence of the accepted attempt; 0 if no worker ever had it.")
    outcome: Outcome
    reason: Reason | None = None
    artefacts: tuple[Artefact, ...] = ()
    match_rates: dict[str, float] = Field(default_factory=dict, description="Role -> share of base rows it was found for.")
    balance: dict[str, RowBalance] = Field(
        default_factory=dict, description="Role -> what became of its rows, exact; for the centre and those who check."
    )
    sealed_keys: SealedKeys | None = Field(default=None, description="None if the ministry that asked had no key to seal to.")
    champion_id: UUID | None = Field(default=None, description="The released model that it was also scored with, if any.")
    alarms: tuple[Alarm, ...] = Field(default=(), max_length=50, description="Each is answered by a person before a release.")

    @property
    def subject(self) -> str:
        return f"run/{self.run_id}"


class ModelReleased(Event, type="analysis.model-released.v1"):
    """Two people of two bodies reviewed a model: requests may name it as their champion, and grants may let it be asked."""

    model: ModelRef
    run_id: UUID
    ministry: Code = Field(description="The ministry whose request trained it.")

    @property
    def subject(self) -> str:
        return f"model/{self.model.model_id}"


class ScoringGrantAsked(Event, type="analysis.scoring-grant-asked.v1"):
    """A ministry asks that a client may score rows with a model; the owners of the data behind it may object."""

    grant_id: UUID
    model_id: UUID
    ministry: Code
    purpose: Text
    owners: tuple[Code, ...] = Field(description="Whose data the model was trained on.")

    @property
    def subject(self) -> str:
        return f"grant/{self.grant_id}"


class ScoringGrantObjected(Event, type="analysis.scoring-grant-objected.v1"):
    """An owner of the data behind a model objected to a grant: it is refused, or taken back."""

    grant_id: UUID
    model_id: UUID
    ministry: Code = Field(description="The owner that objected.")
    state: Literal["refused", "revoked"]
    reason: Text

    @property
    def subject(self) -> str:
        return f"grant/{self.grant_id}"


class ModelWithdrawn(Event, type="analysis.model-withdrawn.v1", withdrawal=True):
    """No new request may name this model, and nothing is scored with it."""

    model_id: UUID
    reason: Text

    @property
    def subject(self) -> str:
        return f"model/{self.model_id}"
