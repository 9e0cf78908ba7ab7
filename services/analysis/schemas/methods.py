"""Methods over HTTP."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.analysis.models import MethodState, Verdict
from services.analysis.schemas.base import In, Prose
from shared.contracts import MethodCard, Sha256

DIGEST: Final = "5f2a" * 16


def both(ko: str, en: str) -> dict[str, str]:
    return {"ko": ko, "en": en}


KEY: Final[dict[str, Any]] = {"name": "site_no", "type": "string", "role": "key", "key_domain": "facility"}
CARD: Final[dict[str, Any]] = {
    "name": "energy_peers",
    "version": "1.0.0",
    "title": both("비슷한 시설과의 에너지 사용 비교", "Energy use beside similar facilities"),
    "purpose": "Shows by how much a facility uses more energy than similar ones do.",
    "owner": "motie",
    "inputs": [
        {
            "name": "facility",
            "title": both("시설", "Facilities"),
            "columns": [KEY, {"name": "floor_area", "type": "number", "role": "measure", "unit": "m2"}],
        },
        {
            "name": "meter",
            "title": both("계량", "Meters"),
            "columns": [KEY, {"name": "electricity", "type": "number", "role": "measure", "unit": "kWh"}],
        },
    ],
    "linkage": {"key_domain": "facility", "base": "facility", "match_floor": 0.6},
    "parameters": {"type": "object", "properties": {"peers": {"type": "integer", "minimum": 5, "maximum": 100, "default": 20}}},
    "outputs": [{"name": "by_region", "kind": "table", "title": both("지역별", "By region")}],
    "assumptions": ["Meters are read over the same twelve months."],
    "must_not_conclude": ["A facility that stands out has done something wrong."],
    "resources": {"seconds": 600, "memory_mb": 1024},
}


REVIEW: Final[dict[str, Any]] = {
    "reviewer": "yoon.reviewer",
    "ministry": "kostat",
    "verdict": "approve",
    "reason": "The code does what the card says.",
    "at": "2026-03-02T02:00:00Z",
}
SUMMARY: Final[dict[str, Any]] = {
    "id": "0199a1c0-0000-7000-8000-000000000010",
    "name": CARD["name"],
    "version": CARD["version"],
    "digest": DIGEST,
    "title": CARD["title"],
    "owner": CARD["owner"],
    "state": "registered",
    "announced_by": "stock-worker",
    "announced_at": "2026-03-02T01:00:00Z",
    "live_at": None,
    "waiting": "A second method reviewer, not of kostat, must approve it.",
    "actions": ["review"],
}
WHOLE: Final[dict[str, Any]] = {**SUMMARY, "card": CARD, "reviews": [REVIEW], "withdrawn_reason": None}


class AnnounceIn(In):
    """A version of a method: its card, and the SHA-256 of its code (as declared where the centre does not hold the code)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"card": CARD, "digest": DIGEST}]})

    card: MethodCard
    digest: Sha256


class ReviewIn(In):
    """What you found. One review of each body; it stands."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"verdict": "approve", "reason": "The code does what the card says."}]}
    )

    verdict: Verdict
    reason: Prose


class WithdrawIn(In):
    """Why the version is withdrawn; those whose runs end are told so."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "A column was read with the wrong unit; see 1.0.1."}]})

    reason: Prose


class ReviewOut(BaseModel):
    reviewer: str
    ministry: str
    verdict: Verdict
    reason: str
    at: datetime


class MethodSummary(BaseModel):
    """A version of a method, in a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [SUMMARY]})

    id: UUID
    name: str
    version: str
    digest: str
    title: dict[str, str]
    owner: str
    state: MethodState
    announced_by: str
    announced_at: datetime
    live_at: datetime | None
    waiting: str | None = Field(description="Why it is not live yet, and who must act; null when nothing is missing.")
    actions: list[str] = Field(description="What you may do with it now.")


class MethodOut(MethodSummary):
    """A version of a method with its card and reviews. The digest of code that the centre does not hold is only declared."""

    model_config = ConfigDict(json_schema_extra={"examples": [WHOLE]})

    card: MethodCard
    reviews: list[ReviewOut]
    withdrawn_reason: str | None
