"""What the analysis service takes and gives over HTTP."""

from services.analysis.schemas.methods import AnnounceIn, MethodOut, MethodSummary, ReviewIn, ReviewOut, WithdrawIn
from services.analysis.schemas.quotas import QuotaIn, QuotaOut
from services.analysis.schemas.runs import CancelIn, PriorityIn, RunNews, RunOut, RunSummary, Waiting
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
    "FileOut",
    "FinishIn",
    "FinishOut",
    "HeartbeatIn",
    "HeartbeatOut",
    "MethodOut",
    "MethodSummary",
    "NamedArtefact",
    "PriorityIn",
    "QuotaIn",
    "QuotaOut",
    "ReviewIn",
    "ReviewOut",
    "RunNews",
    "RunOut",
    "RunSummary",
    "SignalOut",
    "Waiting",
    "WithdrawIn",
]
