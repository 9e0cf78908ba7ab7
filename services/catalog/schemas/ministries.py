"""Member ministries as they come in and go out."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.catalog.models import MinistryKind
from shared.contracts import Code, LocalText
from shared.texts import In, Line, Prose

EXAMPLE: dict[str, Any] = {
    "code": "molg",
    "name": {"ko": "법제처", "en": "Ministry of Government Legislation"},
    "kind": "ministry",
    "contact": "데이터책임관 data-officer@molg.example",
}


PRESENT: dict[str, Any] = {"joined_at": "2026-03-02T00:00:00Z", "left_at": None, "left_reason": None, "actions": []}


class NameIn(In):
    """The official name in Korean and in English."""

    ko: Line
    en: Line


class MinistryIn(In):
    """A body that joins."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    code: Code = Field(description="Stable short name; the `ministry` of its tokens.")
    name: NameIn
    kind: MinistryKind = MinistryKind.MINISTRY
    contact: Line | None = Field(default=None, description="How to reach its chief data officer (책임관).")


class LeaveIn(In):
    """Why a body is a member no more."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "정부조직 개편으로 폐지되었습니다."}]})

    reason: Prose


class MinistryOut(BaseModel):
    """A member."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, **PRESENT}]})

    code: Code
    name: LocalText
    kind: MinistryKind
    contact: str | None
    joined_at: datetime
    left_at: datetime | None = Field(default=None, description="Since when it is a member no more.")
    left_reason: str | None = None
    actions: list[str]
