"""What the requests service gives over HTTP."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from services.requests.models import Ballot, Status, Verdict
from services.requests.schemas.examples import HISTORY_EXAMPLE, REQUEST_EXAMPLE, SUMMARY_EXAMPLE, WORK_EXAMPLE, with_example
from shared.contracts import Audience, KeyId, MethodRef


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class MemberOut(Out):
    """Somebody who must act: anyone with this role, of this ministry if one is named."""

    role: str
    ministry: str | None = None
    subject: str | None = None
    except_ministries: tuple[str, ...] = ()


class WaitingOut(Out):
    """Why a request waits, and who must act."""

    code: str
    ko: str
    en: str
    who: tuple[MemberOut, ...]
    since: datetime
    decide_by: date | None = Field(description="When they should have acted. Overdue never approves.")
    overdue: bool


class InputOut(Out):
    role: str
    dataset_id: UUID
    dataset_title: str
    ministry: str
    columns: dict[str, str]
    allowed_purpose: str | None


class ChampionOut(Out):
    """The released model that the round is also scored with."""

    model_id: UUID


class DecisionOut(Out):
    revision: int
    dataset_id: UUID
    dataset_version: int
    ministry: str
    verdict: Verdict
    code: str | None
    reason: str
    conditions: list[str]
    columns: list[str] | None
    decided_by: str
    created_at: datetime
    rules_version: str


class RevocationOut(Out):
    revision: int
    dataset_id: UUID
    ministry: str
    reason: str
    revoked_by: str
    created_at: datetime


class VoteOut(Out):
    revision: int
    member: str
    ministry: str
    ballot: Ballot
    reason: str
    created_at: datetime
    rules_version: str


class TallyOut(Out):
    """The votes that count at this revision."""

    approve: int
    reject: int
    quorum: int
    missing: int


class RequestSummary(Out):
    """A request in a list."""

    model_config = with_example(SUMMARY_EXAMPLE)
    id: UUID
    version: int
    status: Status
    title: str
    ministry: str
    method: MethodRef
    revision: int
    owners: list[str]
    created_at: datetime
    since: datetime
    waiting: WaitingOut | None
    actions: list[str] = Field(description="What you may POST now: each is the last part of an address under the request.")


class RequestOut(RequestSummary):
    """A request with everything that was asked and said."""

    model_config = with_example(REQUEST_EXAMPLE)
    purpose: str
    legal_basis: str
    parameters: dict[str, Any]
    champion: ChampionOut | None
    inputs: list[InputOut]
    audience: Audience
    requester: str
    sealed_to: KeyId | None = Field(
        description="Name of the key of the ministry that asks to which a restricted list would be sealed if it were made now; "
        "null if the method makes none, if no key is valid, or once the run has begun."
    )
    risk_tier: int
    lane: str
    rules_version: str
    decisions: list[DecisionOut] = Field(description="Of all revisions; only those of the present one count.")
    revocations: list[RevocationOut] = Field(description="Approvals that their owners took back.")
    votes: list[VoteOut] = Field(description="Of all revisions; only those of the present one count.")
    tally: TallyOut
    reason_code: str | None
    reason: str | None
    run_id: UUID | None
    result_id: UUID | None


class HistoryOut(Out):
    """One thing that happened to the request."""

    model_config = with_example(HISTORY_EXAMPLE)
    seq: int
    revision: int
    deed: str
    from_status: Status | None
    to_status: Status
    actor: str
    role: str
    ministry: str | None
    reason_code: str | None
    reason: str | None
    at: datetime = Field(validation_alias=AliasChoices("created_at", "at"))


class WorkItem(Out):
    """Something that waits for you."""

    model_config = with_example(WORK_EXAMPLE)
    task: str = Field(description="decisions, votes or resubmit: what you may do; overdue: for the council secretary.")
    dataset_ids: list[UUID] = Field(description="For decisions: the datasets of your ministry that are undecided.")
    request: RequestSummary
