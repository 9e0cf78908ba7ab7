"""The messages of the worker protocol. A field that we do not know is passed over: workers may be newer than we are."""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictFloat, StringConstraints

from services.analysis.models import RunStatus
from shared.contracts import Alarm, Code, MethodRef, Name, Outcome, OutputKind, Reason, Resources, Sha256

WORKER: Final = "018f3a52-7c1e-7d40-9a53-2f6b1c0d9e11"
METHOD: Final[dict[str, Any]] = {"name": "energy_peers", "version": "1.0.0", "digest": "5f2a" * 16}
OUTPUT: Final[dict[str, Any]] = {"kind": "table", "name": "by_region", "sha256": "9c1b" * 16}
ALARM: Final[dict[str, Any]] = {
    "code": "feature-leaks-label",
    "detail": "This feature alone tells the label apart with a ROC-AUC above 0.95.",
    "feature": "meter.kwh",
}
RUN: Final = "0199a1c0-0000-7000-8000-000000000020"
CLAIM: Final[dict[str, Any]] = {
    "run_id": RUN,
    "fence": 1,
    "lease_seconds": 30,
    "token": "run.eyJyIjoi…",
    "method": METHOD,
    "resources": {"seconds": 600, "memory_mb": 1024},
}
BUNDLE: Final[dict[str, Any]] = {
    "method": METHOD,
    "parameters": {"peers": 20},
    "match_rates": {"facility": 1.0, "meter": 0.97},
    "files": [{"name": "linked.parquet", "sha256": "9c1b" * 16, "size": 734003, "media_type": "application/vnd.apache.parquet"}],
}

# What a method hands in. Generators of clients know no other media types; a list of lines and a log are bytes too.
UPLOADS: Final[dict[str, dict[str, Any]]] = {
    "application/json": {
        "schema": {"type": "object"},
        "example": {
            "name": "by_region",
            "title": {"ko": "지역별", "en": "By region"},
            "rows": [["서울", 400]],
            "notes": None,
            "columns": [
                {"name": "region", "title": {"ko": "지역", "en": "Region"}, "kind": "dimension"},
                {"name": "facilities", "title": {"ko": "시설 수", "en": "Facilities"}, "kind": "count"},
            ],
        },
    },
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "an ONNX or skops file"},
}

BUNDLE_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file.",
        "content": {
            "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}, "example": "PAR1…PAR1"},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "PAR1…PAR1"},
        },
    }
}


def shown(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


def one_line(text: str) -> str:
    """What a method says is shown to people: control characters become spaces."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


ShortLine = Annotated[str, StringConstraints(max_length=200), AfterValidator(one_line)]


class ClaimIn(BaseModel):
    """What this worker process offers. A process takes a new UUID each time it starts."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"worker": WORKER, "methods": [METHOD], "wait": 20, "missing_layers": []}]}
    )

    worker: UUID
    methods: list[MethodRef] = Field(min_length=1, max_length=200)
    wait: StrictFloat = Field(default=0, ge=0, le=25, description="How many seconds to wait for a run.")
    missing_layers: list[Code] | None = Field(
        default=None,
        max_length=10,
        description="Layers of the sandbox that do not hold on the worker's machine; empty if all do, left out if it cannot say.",
    )


class ClaimOut(BaseModel):
    """A run that is yours until the lease ends without a heartbeat. The token speaks for this run and this fence only."""

    model_config = shown(CLAIM)

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

    model_config = shown(BUNDLE)

    method: MethodRef
    parameters: dict[str, Any]
    files: list[FileOut]
    match_rates: dict[str, float]
    available_from: dict[str, str] = Field(
        default_factory=dict, description="`<input>__<column>` -> the first day for which its owner has the column."
    )


class HeartbeatIn(BaseModel):
    """How far the method is, and what it says."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"progress": 0.4, "message": "fold 2 of 5"}]})

    progress: StrictFloat = Field(ge=0, le=1)
    message: ShortLine = ""


class HeartbeatOut(BaseModel):
    """`cancel`: the run has ended, so stop the method at once."""

    model_config = shown({"cancel": False, "lease_seconds": 30})

    cancel: bool
    lease_seconds: float


class SignalOut(BaseModel):
    """`cancel`: stop at once."""

    model_config = shown({"cancel": True})

    cancel: bool


class ArtefactOut(BaseModel):
    """What was stored; name it in `finish`."""

    model_config = shown({"sha256": "9c1b" * 16, "size": 2048})

    sha256: Sha256
    size: int


class NamedArtefact(BaseModel):
    kind: OutputKind
    name: Name
    sha256: Sha256


class FinishIn(BaseModel):
    """How the attempt ended. `cancelled` from a worker that was not told to cancel gives the run back."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"outcome": "succeeded", "reason": None, "artefacts": [OUTPUT], "alarms": [ALARM]}]}
    )

    outcome: Outcome
    reason: Reason | None = None
    artefacts: list[NamedArtefact] = Field(default_factory=list, max_length=1000)
    alarms: list[Alarm] = Field(default_factory=list, max_length=50, description="What a person must answer before a release.")


class FinishOut(BaseModel):
    """Where the run stands now."""

    model_config = shown({"run_id": RUN, "status": "succeeded"})

    run_id: UUID
    status: RunStatus
