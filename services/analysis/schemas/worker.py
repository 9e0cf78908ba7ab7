"""The messages of the worker protocol. A field that we do not know is passed over: workers may be newer than we are."""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.analysis.models import RunStatus
from shared.contracts import MethodRef, Name, Outcome, OutputKind, Reason, Resources, Sha256

WORKER: Final = "018f3a52-7c1e-7d40-9a53-2f6b1c0d9e11"
METHOD: Final[dict[str, Any]] = {"name": "energy_peers", "version": "1.0.0", "digest": "5f2a" * 16}
OUTPUT: Final[dict[str, Any]] = {"kind": "table", "name": "by_region", "sha256": "9c1b" * 16}


def one_line(text: str) -> str:
    """What a method says is shown to people: control characters become spaces."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


ShortLine = Annotated[str, StringConstraints(max_length=200), AfterValidator(one_line)]


class ClaimIn(BaseModel):
    """What this worker process offers. A process takes a new UUID each time it starts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"worker": WORKER, "methods": [METHOD], "wait": 20}]})

    worker: UUID
    methods: list[MethodRef] = Field(min_length=1, max_length=200)
    wait: float = Field(default=0, ge=0, le=25, description="How many seconds to wait for a run.")


class ClaimOut(BaseModel):
    """A run that is yours until the lease ends without a heartbeat. The token speaks for this run and this fence only."""

    run_id: UUID
    fence: int
    lease_seconds: float
    token: str
    method: MethodRef
    resources: Resources


class FileOut(BaseModel):
    name: str
    sha256: Sha256
    size: int
    media_type: str


class BundleOut(BaseModel):
    """All that a worker gets of a run."""

    method: MethodRef
    parameters: dict[str, Any]
    files: list[FileOut]
    match_rates: dict[str, float]


class HeartbeatIn(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"progress": 0.4, "message": "fold 2 of 5"}]})

    progress: float = Field(ge=0, le=1)
    message: ShortLine = ""


class HeartbeatOut(BaseModel):
    """`cancel`: the run has ended, so stop the method at once."""

    cancel: bool
    lease_seconds: float


class SignalOut(BaseModel):
    cancel: bool


class ArtefactOut(BaseModel):
    sha256: Sha256
    size: int


class NamedArtefact(BaseModel):
    kind: OutputKind
    name: Name
    sha256: Sha256


class FinishIn(BaseModel):
    """How the attempt ended. `cancelled` from a worker that was not told to cancel gives the run back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"outcome": "succeeded", "reason": None, "artefacts": [OUTPUT]}]})

    outcome: Outcome
    reason: Reason | None = None
    artefacts: list[NamedArtefact] = Field(default_factory=list, max_length=1000)


class FinishOut(BaseModel):
    run_id: UUID
    status: RunStatus
