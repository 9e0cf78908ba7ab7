"""Member ministries as they come in and go out."""

from datetime import date, datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.catalog import messages
from services.catalog.models import MinistryKind
from shared.contracts import Code, LocalText
from shared.texts import In, Line, Prose

EXAMPLE: dict[str, Any] = {
    "code": "molg",
    "name": {"ko": "법제처", "en": "Ministry of Government Legislation"},
    "kind": "ministry",
    "contact": "데이터책임관 data-officer@molg.example",
}
RENAMED: dict[str, Any] = {
    "code": "me",
    "name": {"ko": "기후에너지환경부", "en": "Ministry of Climate, Energy and Environment"},
    "contact": "데이터책임관 data-officer@me.example",
    "valid_from": "2025-10-01",
    "successor_of": [{"ko": "환경부", "en": "Ministry of Environment", "until": "2025-09-30"}],
}


PRESENT: dict[str, Any] = {"joined_at": "2026-03-02T00:00:00Z", "left_at": None, "left_reason": None, "actions": []}


class NameIn(In):
    """The official name in Korean and in English."""

    ko: Line
    en: Line


class FormerBodyIn(NameIn):
    """A body, or the same body under another name, that this one follows."""

    until: date = Field(description="The last day on which the body bore this name.")


class MinistryIn(In):
    """A body that joins."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    code: Code = Field(description="Stable short name; the `ministry` of its tokens.")
    name: NameIn
    kind: MinistryKind = MinistryKind.MINISTRY
    contact: Line | None = Field(default=None, description="How to reach its chief data officer (책임관).")
    valid_from: date | None = Field(default=None, description="Since when it bears this name, if that is known.")
    successor_of: list[FormerBodyIn] = Field(
        default_factory=list, max_length=20, description="What it follows: former names, and bodies that were split or merged."
    )

    @model_validator(mode="after")
    def _ends_before(self) -> Self:
        """What it follows ended before it began."""
        if self.valid_from and any(former.until >= self.valid_from for former in self.successor_of):
            raise ValueError(messages.NAME_AFTER)
        return self


class FormerBodyOut(BaseModel):
    """A body that it follows, under the name that it had until that day."""

    ko: str
    en: str
    until: date


class LeaveIn(In):
    """Why a body is a member no more."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "정부조직 개편으로 폐지되었습니다."}]})

    reason: Prose


class MinistryOut(BaseModel):
    """A member."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, **RENAMED, **PRESENT}]})

    code: Code
    name: LocalText
    kind: MinistryKind
    contact: str | None
    valid_from: date | None
    successor_of: list[FormerBodyOut]
    joined_at: datetime
    left_at: datetime | None = Field(default=None, description="Since when it is a member no more.")
    left_reason: str | None = None
    actions: list[str]
