"""What the catalog says."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import Event
from shared.contracts.values import Code, Column, KeyId, LocalText, PublicKey, Sensitivity, StoredObject, Text, Title


class MinistryJoined(Event, type="catalog.ministry-joined.v1"):
    """A member body joined; from now on its tokens, datasets and requests are known."""

    code: Code
    name: LocalText

    @property
    def subject(self) -> str:
        return f"ministry/{self.code}"


class MinistryRenamed(Event, type="catalog.ministry-renamed.v1"):
    """A member bears another name from a day on; its code stays."""

    code: Code
    name: LocalText
    valid_from: date

    @property
    def subject(self) -> str:
        return f"ministry/{self.code}"


class MinistryLeft(Event, type="catalog.ministry-left.v1"):
    """A body is a member no more; from now on its tokens are refused. It may join again."""

    code: Code
    reason: Text

    @property
    def subject(self) -> str:
        return f"ministry/{self.code}"


class MinistryKeyRegistered(Event, type="catalog.ministry-key-registered.v1"):
    """A member told its public key; from now on, and while it is valid, restricted lists are sealed to it."""

    ministry: Code
    kid: KeyId
    key: PublicKey
    valid_from: datetime
    valid_until: datetime

    @property
    def subject(self) -> str:
        return f"ministry/{self.ministry}"


class MinistryKeyRetired(Event, type="catalog.ministry-key-retired.v1"):
    """Nothing more is sealed to this key. What was sealed to it stays as it is."""

    ministry: Code
    kid: KeyId
    reason: Text

    @property
    def subject(self) -> str:
        return f"ministry/{self.ministry}"


class DatasetPublished(Event, type="catalog.dataset-published.v1"):
    """A version of a dataset passed its checks and may be requested."""

    dataset_id: UUID
    version: int = Field(ge=1)
    title: Title
    ministry: Code
    steward: str = Field(max_length=200)
    legal_basis: Text
    sensitivity: Sensitivity
    allowed_purposes: tuple[Title, ...]
    table: tuple[Column, ...]
    rows: int = Field(ge=0)
    object: StoredObject

    @property
    def subject(self) -> str:
        return f"dataset/{self.dataset_id}"


class DatasetWithdrawn(Event, type="catalog.dataset-withdrawn.v1", withdrawal=True):
    """The owner took the dataset back: no new request, run or release may stand on it."""

    dataset_id: UUID
    ministry: Code
    reason: Text
    state: Literal["withdrawn"] = "withdrawn"

    @property
    def subject(self) -> str:
        return f"dataset/{self.dataset_id}"
