"""What the catalog keeps: member ministries, their datasets, and the files that were handed in for them."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Enum, Index, Text, UniqueConstraint
from sqlalchemy import Column as SqlColumn
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.contracts import Column, DatasetPublished, LocalText, PublicKey, Sensitivity, StoredObject
from shared.db import Due, Json, Row, UtcDateTime, plumbing


class Base(SQLModel, registry=registry()):
    """The registry of this service's tables."""


class MinistryKind(StrEnum):
    """What kind of body a member is."""

    MINISTRY = "ministry"
    AGENCY = "agency"
    LOCAL_GOVERNMENT = "local_government"
    PUBLIC_BODY = "public_body"


class UpdateCycle(StrEnum):
    """How often a new version is expected."""

    ONCE = "once"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"
    IRREGULAR = "irregular"


class DatasetState(StrEnum):
    """Where a dataset stands. A published one stays published while a newer file of it is checked."""

    DRAFT = "draft"
    CHECKING = "checking"
    REJECTED = "rejected"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class FileState(StrEnum):
    """Where one handed-in file stands."""

    UPLOADED = "uploaded"
    CHECKING = "checking"
    PASSED = "passed"
    FAILED = "failed"
    SUPERSEDED = "superseded"


TRANSITIONS: dict[DatasetState, frozenset[DatasetState]] = {
    DatasetState.DRAFT: frozenset({DatasetState.CHECKING, DatasetState.WITHDRAWN}),
    DatasetState.CHECKING: frozenset({DatasetState.PUBLISHED, DatasetState.REJECTED, DatasetState.WITHDRAWN}),
    DatasetState.REJECTED: frozenset({DatasetState.CHECKING, DatasetState.WITHDRAWN}),
    DatasetState.PUBLISHED: frozenset({DatasetState.WITHDRAWN}),
    DatasetState.WITHDRAWN: frozenset(),
}
FILE_TRANSITIONS: dict[FileState, frozenset[FileState]] = {
    FileState.UPLOADED: frozenset({FileState.CHECKING, FileState.SUPERSEDED}),
    FileState.CHECKING: frozenset({FileState.CHECKING, FileState.PASSED, FileState.FAILED, FileState.SUPERSEDED}),
    FileState.PASSED: frozenset(),
    FileState.FAILED: frozenset(),
    FileState.SUPERSEDED: frozenset(),
}
UNCHECKED = (FileState.UPLOADED, FileState.CHECKING)


def choice(values: type[StrEnum], **options: Any) -> SqlColumn[Any]:
    """A column that holds one of the values as plain text: a new value needs no change of type."""
    kind = Enum(values, native_enum=False, length=20, values_callable=lambda them: [one.value for one in them])
    return SqlColumn(kind, **{"nullable": False, **options})


class Ministry(Base, Row, table=True):
    """A body that joined: its people may act, its name is known to every service, until it leaves; it may join again."""

    code: str = Field(max_length=40, unique=True)
    ko: str
    en: str
    kind: MinistryKind = Field(sa_column=choice(MinistryKind))
    contact: str | None = None
    valid_from: date | None = None
    """Since when it bears its name; None: as long as anybody here knows."""
    successor_of: list[dict[str, str]] | None = Field(default=None, sa_type=Json)
    """Names (ko, en, until) of the bodies that it follows."""
    left_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    left_reason: str | None = None
    announced_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    @property
    def name(self) -> LocalText:
        return LocalText(ko=self.ko, en=self.en)


class MinistryKey(Base, Row, table=True):
    """A public key that a member registered. Never deleted: what was sealed to it names it."""

    __table_args__ = (UniqueConstraint("ministry", "kid", name="uq_ministrykey_ministry_kid"),)
    ministry: str = Field(max_length=40, foreign_key="ministry.code")
    kid: str = Field(max_length=43)
    x: str = Field(max_length=43)
    valid_from: datetime = Field(sa_type=UtcDateTime)
    valid_until: datetime = Field(sa_type=UtcDateTime)
    registered_by: str
    retired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    retired_reason: str | None = None

    @property
    def public(self) -> PublicKey:
        return PublicKey(x=self.x)


class DatasetFile(Base, Row, Due, table=True):
    """One file handed in for a dataset: its check is Due work, and its number is the dataset's version if it passes."""

    __table_args__ = (
        UniqueConstraint("dataset_id", "number", name="uq_datasetfile_dataset_number"),
        # Turns and quotas are by ministry.
        Index("ix_datasetfile_ministry_checked_at", "ministry", "checked_at"),
        Index("ix_datasetfile_ministry_created_at", "ministry", "created_at"),
    )
    dataset_id: UUID = Field(foreign_key="dataset.id", index=True)
    ministry: str = Field(max_length=40)
    """The dataset's, which never changes."""
    number: int
    sha256: str = Field(max_length=64)
    size: int = Field(sa_column=SqlColumn(BigInteger, nullable=False))
    media_type: str
    uploaded_by: str
    state: FileState = Field(default=FileState.UPLOADED, sa_column=choice(FileState))
    report: dict[str, Any] | None = Field(default=None, sa_type=Json)
    # The file that readers get instead, where what was sent is no plain CSV or Parquet of the table.
    converted: dict[str, Any] | None = Field(default=None, sa_type=Json)
    checked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    @property
    def stored(self) -> StoredObject:
        """The file as it was sent; its media type has the declared charset and delimiter."""
        return StoredObject(sha256=self.sha256, size=self.size, media_type=self.media_type)

    @property
    def readable(self) -> StoredObject:
        """The file that later services read: CSV in UTF-8 with commas, or Parquet."""
        return StoredObject.model_validate(self.converted) if self.converted else self.stored


class Dataset(Base, Row, table=True):
    """A table that a ministry offers for joint analysis. `words` is what the search looks through."""

    title: str
    description: str
    ministry: str = Field(max_length=40, index=True)
    steward: str
    legal_basis: str
    sensitivity: Sensitivity = Field(sa_column=choice(Sensitivity))
    allowed_purposes: list[str] = Field(sa_type=Json)
    keywords: list[str] = Field(sa_type=Json)
    update_cycle: UpdateCycle = Field(sa_column=choice(UpdateCycle))
    columns: list[dict[str, Any]] = Field(sa_type=Json)
    words: str = Field(sa_type=Text)
    state: DatasetState = Field(default=DatasetState.DRAFT, sa_column=choice(DatasetState, index=True))
    latest_file: int = 0
    live_file: int | None = None
    rows: int | None = None
    published_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawal_reason: str | None = None

    @property
    def table(self) -> tuple[Column, ...]:
        return tuple(Column.model_validate(column) for column in self.columns)

    def announced(self, file: DatasetFile) -> DatasetPublished:
        """What the others are told of it, once this file of it is live."""
        return DatasetPublished(
            dataset_id=self.id,
            version=file.number,
            title=self.title,
            ministry=self.ministry,
            steward=self.steward,
            legal_basis=self.legal_basis,
            sensitivity=self.sensitivity,
            allowed_purposes=tuple(self.allowed_purposes),
            table=self.table,
            rows=self.rows or 0,
            object=file.readable,
        )


PLUMBING = plumbing(Base.metadata)
