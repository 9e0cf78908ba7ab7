"""Our copies of what others said: they only move up, and a withdrawal stays."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field

from services.requests.models.base import Base
from shared.contracts import DatasetPublished, DisclosureClass, MethodLive, ModelReleased
from shared.db import Json, UtcDateTime


class KnownDataset(Base, table=True):
    """Our copy of a dataset: its latest published version, or that it was withdrawn, which stays."""

    id: UUID = Field(primary_key=True)
    sequence: int = 0
    withdrawn: bool = False
    published: dict[str, Any] | None = Field(default=None, sa_type=Json)

    @property
    def live(self) -> DatasetPublished | None:
        return None if self.withdrawn or self.published is None else DatasetPublished.model_validate(self.published)


class KnownMethod(Base, table=True):
    """Our copy of a method version (`name@version`): its reviewed card, or that it was withdrawn, which stays."""

    id: str = Field(primary_key=True)
    sequence: int = 0
    withdrawn: bool = False
    reviewed: dict[str, Any] | None = Field(default=None, sa_type=Json)

    @property
    def live(self) -> MethodLive | None:
        return None if self.withdrawn or self.reviewed is None else MethodLive.model_validate(self.reviewed)

    @property
    def lists_entities(self) -> bool:
        """Whether it is live and makes a restricted list; asked of each request that is shown, so the card is not built."""
        outputs = self.reviewed["card"]["outputs"] if self.reviewed and not self.withdrawn else []
        return any(output["disclosure"] == DisclosureClass.RESTRICTED for output in outputs)


class KnownModel(Base, table=True):
    """Our copy of a trained model: that it was released, or that it was withdrawn, which stays."""

    id: UUID = Field(primary_key=True)
    sequence: int = 0
    withdrawn: bool = False
    released: dict[str, Any] | None = Field(default=None, sa_type=Json)

    @property
    def live(self) -> ModelReleased | None:
        return None if self.withdrawn or self.released is None else ModelReleased.model_validate(self.released)


class KnownMinistry(Base, table=True):
    """Our copy of a member."""

    code: str = Field(primary_key=True)
    sequence: int = 0
    ko: str
    en: str


class KnownKey(Base, table=True):
    """Our copy of a public key that a ministry registered; without `x` only that it was retired, which stays."""

    ministry: str = Field(primary_key=True, max_length=40)
    kid: str = Field(primary_key=True, max_length=43)
    sequence: int = 0
    x: str | None = Field(default=None, max_length=43)
    valid_from: datetime | None = Field(default=None, sa_type=UtcDateTime)
    valid_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    retired: bool = False
