"""The messages of the worker protocol, as the worker reads and writes them."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr, StringConstraints

from shared.contracts import Alarm, Code, Name, Outcome, OutputKind, Reason, SemVer, Sha256

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")]


class MethodId(BaseModel):
    name: Name
    version: SemVer
    digest: Sha256


class Limits(BaseModel):
    seconds: float = Field(gt=0)
    memory_mb: int = Field(gt=0)


class Claim(BaseModel):
    """A run that is ours until the lease runs out or somebody else claims it."""

    run_id: UUID
    fence: int
    lease_seconds: float = Field(gt=0)
    token: SecretStr
    method: MethodId
    resources: Limits


class BundleFile(BaseModel):
    name: FileName
    sha256: Sha256
    size: int = Field(ge=0)


class BundleInfo(BaseModel):
    parameters: dict[str, Any]
    files: list[BundleFile] = Field(max_length=100)
    match_rates: dict[str, float] = {}
    available_from: dict[str, str] = {}


class Heartbeat(BaseModel):
    cancel: bool
    lease_seconds: float = Field(gt=0)


class Signals(BaseModel):
    cancel: bool


class HandedIn(BaseModel):
    kind: OutputKind
    name: Name
    sha256: Sha256


class Finish(BaseModel):
    outcome: Outcome
    reason: Reason | None = None
    artefacts: list[HandedIn] = []
    alarms: list[Alarm] = []


class Uploaded(BaseModel):
    """An ONNX method that somebody uploaded to the centre."""

    name: Name
    version: SemVer
    sha256: Sha256
    announced: bool = False


class Fault(BaseModel):
    """Why an uploaded model cannot be hosted: a code of the platform's sentences, and the values that it names."""

    code: Code
    values: dict[Name, Annotated[str, StringConstraints(max_length=200)]] = Field(default_factory=dict, max_length=10)


class Uploads(BaseModel):
    items: list[Uploaded]
