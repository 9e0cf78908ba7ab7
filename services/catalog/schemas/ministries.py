"""Member ministries as they come in and go out."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.catalog.models import MinistryKind
from shared.contracts import Code, LocalText
from shared.texts import In, Line

EXAMPLE: dict[str, Any] = {
    "code": "molg",
    "name": {"ko": "법제처", "en": "Ministry of Government Legislation"},
    "kind": "ministry",
    "contact": "데이터책임관 data-officer@molg.example",
}


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


class MinistryOut(BaseModel):
    """A member."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, "joined_at": "2026-03-02T00:00:00Z", "actions": []}]})

    code: Code
    name: LocalText
    kind: MinistryKind
    contact: str | None
    joined_at: datetime
    actions: list[str]
