"""What the analysis service takes and gives over HTTP."""

from services.analysis.schemas.grants import GrantedModel, GrantIn, GrantOut, GrantReviewIn, GrantReviewOut, RevokeIn
from services.analysis.schemas.methods import AnnounceIn, MethodOut, MethodSummary, ReviewIn, ReviewOut, WithdrawIn
from services.analysis.schemas.models import (
    LineageOut,
    ModelOut,
    ModelReviewIn,
    ModelSummary,
    ModelWithdrawIn,
    TrainedOn,
)
from services.analysis.schemas.quotas import QuotaIn, QuotaOut
from services.analysis.schemas.runs import CancelIn, PriorityIn, RunNews, RunOut, RunSummary, Waiting
from services.analysis.schemas.uploads import FaultIn, ManifestIn, OnnxMethodOut, OnnxMethodSummary
from services.analysis.schemas.worker import (
    ArtefactOut,
    BundleOut,
    ClaimIn,
    ClaimOut,
    FileOut,
    FinishIn,
    FinishOut,
    HeartbeatIn,
    HeartbeatOut,
    NamedArtefact,
    SignalOut,
)

__all__ = [
    "AnnounceIn",
    "ArtefactOut",
    "BundleOut",
    "CancelIn",
    "ClaimIn",
    "ClaimOut",
    "FaultIn",
    "FileOut",
    "FinishIn",
    "FinishOut",
    "GrantIn",
    "GrantOut",
    "GrantReviewIn",
    "GrantReviewOut",
    "GrantedModel",
    "HeartbeatIn",
    "HeartbeatOut",
    "ManifestIn",
    "LineageOut",
    "MethodOut",
    "MethodSummary",
    "ModelOut",
    "ModelReviewIn",
    "ModelSummary",
    "ModelWithdrawIn",
    "NamedArtefact",
    "OnnxMethodOut",
    "OnnxMethodSummary",
    "ReviewIn",
    "ReviewOut",
    "RevokeIn",
    "PriorityIn",
    "QuotaIn",
    "QuotaOut",
    "RunNews",
    "RunOut",
    "RunSummary",
    "SignalOut",
    "TrainedOn",
    "Waiting",
    "WithdrawIn",
]
