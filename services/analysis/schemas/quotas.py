"""Quotas over HTTP."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from services.analysis.schemas.base import In, Prose

Most = Annotated[StrictInt, Field(ge=0, le=100_000)]


class QuotaIn(In):
    """How many runs of a ministry may be under way at one time; null for the usual number, 0 to let none start."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"most": 40, "reason": "The yearly census is being linked."}]})

    most: Most | None
    reason: Prose


class QuotaOut(BaseModel):
    """A ministry's share of the workers, and how much of it is taken."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ministry": "mohw", "most": 40, "own": True, "reason": "The yearly census is being linked.",
                    "under_way": 12, "waiting": 0,
                }
            ]
        }
    )  # fmt: skip

    ministry: str
    most: int
    own: bool = Field(description="Whether it was set for this ministry.")
    reason: str | None = Field(description="Why it was set as it is.")
    under_way: int = Field(description="Runs that a worker carries out now.")
    waiting: int = Field(description="Runs that are queued, being prepared or prepared.")
