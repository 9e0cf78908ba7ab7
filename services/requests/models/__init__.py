"""What the requests service keeps: requests with their inputs, decisions, votes and history, and copies of what others said."""

from services.requests.models.base import PLUMBING, Base
from services.requests.models.known import KnownDataset, KnownKey, KnownMethod, KnownMinistry, KnownModel
from services.requests.models.proceedings import Listed, Proceedings, Said
from services.requests.models.requests import AnalysisRequest, Decision, HistoryEntry, RequestInput, Revocation, Vote
from services.requests.models.states import CLOSED, IN_REVIEW, TRANSITIONS, Ballot, Status, Verdict

__all__ = [
    "AnalysisRequest",
    "Ballot",
    "Base",
    "CLOSED",
    "Decision",
    "HistoryEntry",
    "IN_REVIEW",
    "KnownDataset",
    "KnownKey",
    "KnownMethod",
    "KnownMinistry",
    "KnownModel",
    "Listed",
    "PLUMBING",
    "Proceedings",
    "RequestInput",
    "Revocation",
    "Said",
    "Status",
    "TRANSITIONS",
    "Verdict",
    "Vote",
]
