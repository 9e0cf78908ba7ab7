"""The tables of the analysis service, and the life cycles of methods, runs, models and grants."""

from services.analysis.models.base import PLUMBING, Base, Verdict, choice
from services.analysis.models.grants import GRANT_TRANSITIONS, Grant, GrantReview, GrantState, ReleasedModel, ScoringBatch
from services.analysis.models.runs import (
    ENDED,
    METHOD_TRANSITIONS,
    TRANSITIONS,
    KnownKey,
    LateResult,
    Method,
    MethodReview,
    MethodState,
    RequestKey,
    Run,
    RunArtefact,
    RunDataset,
    RunStatus,
    Sighting,
    Tombstone,
    Withdrawn,
)
from services.analysis.models.trained import MODEL_TRANSITIONS, Model, ModelReview, ModelState
from services.analysis.models.uploads import OnnxMethod

__all__ = [
    "Base",
    "ENDED",
    "GRANT_TRANSITIONS",
    "Grant",
    "GrantReview",
    "GrantState",
    "KnownKey",
    "LateResult",
    "METHOD_TRANSITIONS",
    "MODEL_TRANSITIONS",
    "Method",
    "MethodReview",
    "MethodState",
    "Model",
    "ModelReview",
    "ModelState",
    "OnnxMethod",
    "PLUMBING",
    "ReleasedModel",
    "RequestKey",
    "Run",
    "RunArtefact",
    "RunDataset",
    "RunStatus",
    "ScoringBatch",
    "Sighting",
    "TRANSITIONS",
    "Tombstone",
    "Verdict",
    "Withdrawn",
    "choice",
]
