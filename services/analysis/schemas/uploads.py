"""ONNX methods over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.analysis import messages
from services.analysis.schemas.base import In, Prose
from services.analysis.schemas.methods import CARD
from shared.contracts import Code, HostingManifest, ModelFault, Name

MANIFEST: Final[dict[str, Any]] = {
    "card": CARD
    | {
        "name": "energy_score",
        "outputs": [
            {"name": "score_bands", "kind": "table", "title": {"ko": "점수 분포", "en": "Score bands"}},
            {"name": "highest", "kind": "restricted_list", "title": {"ko": "상위 시설", "en": "Highest scores"}},
        ],
    },
    "features": [
        {"name": "floor_area", "column": "facility__floor_area", "codes": {}},
        {"name": "electricity", "column": "meter__electricity", "codes": {}},
    ],
    "output": "probabilities",
    "position": 1,
    "missing_values": False,
}
SUMMARY: Final[dict[str, Any]] = {
    "id": "0199a1c0-0000-7000-8000-000000000030",
    "name": "energy_score",
    "version": "1.0.0",
    "sha256": "9c1b" * 16,
    "size": 20480,
    "uploaded_by": "kim.analyst",
    "uploaded_at": "2026-03-02T01:00:00Z",
    "announced": False,
    "waiting": "A stock worker that hosts uploads must announce it, after a trial; it goes on by itself.",
    "fault": None,
}
ONNX: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "an ONNX file"}},
    }
}
ONNX_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "an ONNX file"}},
    }
}


class ManifestIn(HostingManifest, In):
    """A method that is an ONNX file: its card, its features in the model's order, and where the score stands.

    The card's outputs are any of the table `score_bands`, the metrics `summary` and the restricted list `highest`, whose
    length is the parameter `capacity`.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [MANIFEST]}, frozen=True)


class FaultIn(In):
    """Why a worker cannot host it: a code of the platform with what its sentence names, or the worker's own words."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "trial-memory", "values": {"memory_mb": "512", "rows": "33"}}]}
    )

    code: Code | None = None
    values: dict[Name, Annotated[str, StringConstraints(max_length=200)]] = Field(default_factory=dict, max_length=10)
    detail: Prose | None = None

    @model_validator(mode="after")
    def says_something(self) -> Self:
        if self.code is None and self.detail is None:
            raise ValueError(messages.FAULT_EMPTY)
        return self


class OnnxMethodSummary(BaseModel):
    """An uploaded ONNX method, in a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [SUMMARY]})

    id: UUID
    name: str
    version: str
    sha256: str | None = Field(description="Of its file; null until it was handed in.")
    size: int | None
    uploaded_by: str
    uploaded_at: datetime
    announced: bool = Field(description="A worker hosts it: it is a method now, to be reviewed like any other.")
    waiting: str | None = Field(description="What it lacks, and who must act.")
    fault: ModelFault | None = Field(default=None, description="Why no worker hosts it, and what to export instead.")


class OnnxMethodOut(OnnxMethodSummary):
    """An uploaded ONNX method with its manifest."""

    model_config = ConfigDict(json_schema_extra={"examples": [SUMMARY | {"manifest": MANIFEST}]})

    manifest: HostingManifest
