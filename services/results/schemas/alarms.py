"""Alarms of a run and what people answered, as callers see and send them."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from services.results.models import AlarmVerdict
from shared.contracts import LocalText
from shared.texts import readable

Reply = Annotated[str, StringConstraints(strip_whitespace=True, min_length=5, max_length=2000), AfterValidator(readable)]

ANSWER: JsonDict = {
    "verdict": "explained",
    "reason": "The feature is the claim's own date, known before the label; the figures hold without it.",
}
ALARM: JsonDict = {
    "number": 1,
    "code": "feature-leaks-label",
    "detail": "This feature alone tells the label apart with a ROC-AUC above 0.95.",
    "feature": "income.claims",
    "title": None,
    "answer": ANSWER | {"role": "centre-analyst", "ministry": "mois", "answered_by": None, "at": "2026-03-02T03:00:00Z"},
}


class AnswerIn(BaseModel):
    """What an alarm means. `explained`: the result may go on to the output check; `upheld`: it does not leave. It stands."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [ANSWER]})

    verdict: AlarmVerdict
    reason: Reply = Field(description="Shown to everybody who sees the result, and in the report.")


class AnswerOut(BaseModel):
    """What was answered to an alarm."""

    verdict: AlarmVerdict
    reason: str
    role: str
    ministry: str
    answered_by: str | None = Field(description="Who; for those who keep the record of the result.")
    at: datetime


class AlarmOut(BaseModel):
    """Something in the run that a person has to answer before the result may leave."""

    number: int = Field(description="Counted from 1; part of the address under which it is answered.")
    code: str
    detail: str
    feature: str | None
    title: LocalText | None = Field(default=None, description="What it says, in Korean and English; null where a method says it.")
    answer: AnswerOut | None
