"""Trained models over HTTP."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.analysis.models import ModelState, Verdict
from services.analysis.schemas.base import In, Prose
from services.analysis.schemas.methods import DIGEST, REVIEW, ReviewOut
from shared.contracts import MethodRef, ModelFormat, ModelManifest, ModelTask, Name, Reason, Sha256

RUN: Final = "0199a1c0-0000-7000-8000-000000000020"
DATASET: Final = "0199a1c0-0000-7000-8000-000000000002"
METHOD: Final[dict[str, Any]] = {"name": "risk_scoring", "version": "1.2.0", "digest": DIGEST}
SUMMARY: Final[dict[str, Any]] = {
    "id": "0199a1c0-0000-7000-8000-000000000030",
    "name": "scorer",
    "ministry": "mohw",
    "method": METHOD,
    "format": "onnx",
    "task": "classification",
    "state": "registered",
    "registered_at": "2026-03-02T03:10:00Z",
    "released_at": None,
    "waiting": "A second method reviewer, not of mois, must approve it.",
    "actions": ["review"],
}
MANIFEST: Final[dict[str, Any]] = {
    "dure": 1,
    "format": "onnx",
    "task": "classification",
    "estimator": "HistGradientBoostingClassifier",
    "features": [{"name": "household__arrears", "kind": "number", "categories": [], "unknown": -1.0}],
    "inputs": [{"name": "features", "datatype": "FP32", "shape": [-1, 1]}],
    "outputs": [
        {"name": "label", "datatype": "INT64", "shape": [-1]},
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]},
    ],
    "classes": [0, 1],
    "score": {"output": "probabilities", "column": 1, "sign": 1},
    "training": {"first": "2021-01-01", "last": "2023-12-31", "rows": 48210},
    "method": METHOD,
    "lineage": {"run_id": RUN, "dataset_ids": [DATASET]},
    "metrics": {"roc_auc": 0.81, "brier": 0.12},
    "reference": {"features": {}, "score": None},
    "parity": {
        "rows": 12000,
        "rows_with_missing": 6980,
        "rows_with_unknown": 995,
        "largest_difference": 1.4e-07,
        "labels_differing": 0,
        "labels_tied": 0,
    },
    "refused": None,
}
WHOLE: Final[dict[str, Any]] = {
    **SUMMARY,
    "manifest": MANIFEST,
    "metrics": {"roc_auc": 0.81, "brier": 0.12},
    "not_onnx": None,
    "lineage": {
        "run_id": RUN,
        "request_id": "0199a1c0-0000-7000-8000-00000000000a",
        "sha256": "9c1b" * 16,
        "size": 270916,
        "datasets": [{"role": "household", "dataset_id": DATASET, "version": 3, "ministry": "mohw", "sha256": "1d0e" * 16}],
    },
    "reviews": [REVIEW],
    "withdrawn_reason": None,
}


class ModelReviewIn(In):
    """What you found. One review of each body; it stands."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"verdict": "approve", "reason": "Calibrated, and no group left behind."}]}
    )

    verdict: Verdict
    reason: Prose


class ModelWithdrawIn(In):
    """Why the model is withdrawn; those whose runs end are told so."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "It was trained on a year that is not complete."}]})

    reason: Prose


class TrainedOn(BaseModel):
    """One dataset version that the run read, and the very bytes."""

    role: Name
    dataset_id: UUID
    version: int
    ministry: str
    sha256: Sha256


class LineageOut(BaseModel):
    """Where a model comes from, and which bytes it is."""

    run_id: UUID
    request_id: UUID
    sha256: Sha256
    size: int = Field(description="Bytes.")
    datasets: list[TrainedOn]


class ModelSummary(BaseModel):
    """A trained model, in a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [SUMMARY]})

    id: UUID
    name: str = Field(description="The output that it was, on the method's card.")
    ministry: str = Field(description="The ministry whose request trained it.")
    method: MethodRef
    format: ModelFormat
    task: ModelTask
    state: ModelState
    registered_at: datetime
    released_at: datetime | None
    waiting: str | None = Field(description="Why it is not released yet, and who must act; null when nothing is missing.")
    actions: list[str] = Field(description="What you may do with it now.")


class ModelOut(ModelSummary):
    """A trained model with what it says of itself: shown to all once it is released, before that to method reviewers and centre
    analysts. Names of categories, the spread of features and exact counts of rows are for these alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [WHOLE]})

    manifest: ModelManifest | None
    metrics: dict[str, float | None] = Field(description="As the method measured them on rows that it had not learned from.")
    not_onnx: Reason | None = Field(description="Why it is kept as skops, if it is.")
    lineage: LineageOut
    reviews: list[ReviewOut]
    withdrawn_reason: str | None
