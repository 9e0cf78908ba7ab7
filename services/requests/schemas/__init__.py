"""What the requests service takes and gives over HTTP."""

from services.requests.schemas.given import (
    DecisionOut,
    HistoryOut,
    InputOut,
    MemberOut,
    RequestOut,
    RequestSummary,
    RevocationOut,
    TallyOut,
    VoteOut,
    WaitingOut,
    WorkItem,
)
from services.requests.schemas.taken import (
    DEEPEST,
    DecisionIn,
    InputIn,
    MethodIn,
    ReasonIn,
    RequestIn,
    RevocationIn,
    VoteIn,
    plain_json,
)

__all__ = [
    "DEEPEST",
    "DecisionIn",
    "DecisionOut",
    "HistoryOut",
    "InputIn",
    "InputOut",
    "MemberOut",
    "MethodIn",
    "ReasonIn",
    "RequestIn",
    "RequestOut",
    "RequestSummary",
    "RevocationIn",
    "RevocationOut",
    "TallyOut",
    "VoteIn",
    "VoteOut",
    "WaitingOut",
    "WorkItem",
    "plain_json",
]
