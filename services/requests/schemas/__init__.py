"""What the requests service takes and gives over HTTP."""

from services.requests.schemas.given import (
    ChampionOut,
    DecisionOut,
    HistoryOut,
    InputOut,
    MemberOut,
    RequestOut,
    RequestSummary,
    TallyOut,
    VoteOut,
    WaitingOut,
    WorkItem,
)
from services.requests.schemas.taken import (
    DEEPEST,
    ChampionIn,
    DecisionIn,
    InputIn,
    MethodIn,
    ReasonIn,
    RequestIn,
    VoteIn,
    plain_json,
)

__all__ = [
    "ChampionIn",
    "ChampionOut",
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
    "TallyOut",
    "VoteIn",
    "VoteOut",
    "WaitingOut",
    "WorkItem",
    "plain_json",
]
