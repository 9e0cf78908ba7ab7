"""Results as callers see them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StringConstraints
from pydantic.config import JsonDict

from services.results.models import Status
from services.results.schemas.alarms import ALARM, AlarmOut
from shared.contracts import Audience, LocalText, RowBalance, Title
from shared.texts import readable

VERDICTS = "For checkers and the auditor: each output, its disclosure class, and each finding's place."
Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=5, max_length=2000), AfterValidator(readable)]


EXAMPLE: JsonDict = {
    "id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "created_at": "2026-03-02T01:00:00Z",
    "version": 4,
    "status": "released",
    "reason": None,
    "title": "Households that may miss out on welfare",
    "ministry": "mohw",
    "audience": {"kind": "members", "ministries": []},
    "released_at": "2026-03-03T02:10:00Z",
    "waiting": None,
    "actions": ["read"],
    "purpose": "Find households to contact.",
    "owners": ["nts", "molit"],
    "request_id": "01890a5d-ac96-774b-bcce-b302099a8000",
    "method": {"name": "welfare_blind_spots", "version": "1.0.0", "digest": "0" * 64, "title": None},
    "match_rates": {"benefits": 0.98},
    "balance": {"benefits": {"read": 4100, "dropped": {"placeholder-key": 20}, "unreadable": 0, "linked": 4000, "used": 4000}},
    "rules": "kr-gov-default/2026-01",
    "tables": [{"name": "by_region", "title": {"ko": "지역별", "en": "By region"}, "rows": 17, "href": "/results/…"}],
    "withheld": [{"kind": "table", "name": "by_age", "reasons": ["count-below-minimum"]}],
    "alarms": [ALARM],
    "report": "/results/…/report",
}


class VoteIn(BaseModel):
    """One output checker's decision on a held result. It stands: there is no second one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"approve": True, "reason": "Every cell stands on ten households or more."}]},
    )

    approve: StrictBool
    reason: Why = Field(description="Shown to both checkers, the ministry and the auditor once both have voted.")


class RecallIn(BaseModel):
    """Why a released result is taken back; every reader is told."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "The income table of 2014 was delivered with a wrong unit."}]}
    )

    reason: Why


class TableOut(BaseModel):
    name: str
    title: LocalText
    rows: int
    href: str


class FigureOut(BaseModel):
    name: str
    title: LocalText
    tables: list[str]
    svg: str
    png: str
    vega_lite: str


class MetricsOut(BaseModel):
    name: str
    figures: int
    href: str


class ListOut(BaseModel):
    """A restricted list: that it exists, never what is in it."""

    name: str
    entities: int
    sealed: int = Field(default=0, description="How many entities carry their own key, sealed to the ministry that asked.")
    kid: str | None = Field(
        default=None, description="The ministry's key that opens them; null if it had none, so that the list stays pseudonymous."
    )
    href: str


class WithheldOut(BaseModel):
    """An output that does not leave, and the codes of why; never a value."""

    kind: str
    name: str
    reasons: list[str]


class VoteOut(BaseModel):
    checker: str
    ministry: str
    approve: bool
    reason: str
    at: datetime


class VotesOut(BaseModel):
    """How the output check stands. Votes are shown when both are in; before that only your own."""

    needed: int
    cast: int
    votes: list[VoteOut]


class MethodOut(BaseModel):
    name: str
    version: str
    digest: str
    title: LocalText | None = None


BRIEF = ("id", "created_at", "version", "status", "reason", "title", "ministry", "audience", "released_at", "waiting", "actions")
BRIEF_EXAMPLE: JsonDict = {name: EXAMPLE[name] for name in BRIEF}


class WaitingOut(BaseModel):
    """Why a result waits, and who must act."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    ko: str
    en: str
    who: list[str] = Field(description="Roles, one of which must act; none while the service itself has to.")
    since: datetime


class ResultSummary(BaseModel):
    """A result in a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [BRIEF_EXAMPLE]})

    id: UUID
    created_at: datetime
    version: int
    status: Status
    reason: str | None
    title: Title
    ministry: str
    audience: Audience
    released_at: datetime | None
    waiting: WaitingOut | None = Field(description="Null where the result waits for nobody any more.")
    actions: list[str] = Field(description="What you may do now: read, answer-alarm, vote, recall, read-restricted-list.")


class ResultOut(ResultSummary):
    """A result. Contents are listed only for those who may read them now; the record part only for those who keep the record."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    purpose: str
    owners: list[str]
    request_id: UUID
    method: MethodOut
    match_rates: dict[str, float]
    balance: dict[str, RowBalance] = Field(
        default={},
        description="Input -> what became of its rows; every count rounded up to full tens, but for those who check the result.",
    )
    rules: str | None
    tables: list[TableOut] = []
    figures: list[FigureOut] = []
    metrics: list[MetricsOut] = []
    withheld: list[WithheldOut] = []
    report: str | None = None
    alarms: list[AlarmOut] = []
    restricted_lists: list[ListOut] = []
    run_id: UUID | None = None
    requester: str | None = None
    dataset_ids: list[UUID] = []
    held_at: datetime | None = None
    ended_at: datetime | None = None
    verdicts: list[dict[str, Any]] = Field(default=[], description=VERDICTS)
    votes: VotesOut | None = None
