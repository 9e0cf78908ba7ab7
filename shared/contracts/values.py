"""Value objects that several events carry: tables and columns, requests, keys, who may read a result."""

import base64
import hashlib
import json
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field, StrictBool, StringConstraints, field_validator, model_validator

from shared.contracts import messages
from shared.contracts.base import Value

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,39}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# A name or word as a file writes it: any script, on one line.
Written = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
MOST_MISSING_WORDS = 50
Zone = Annotated[
    str,
    StringConstraints(min_length=3, max_length=40, pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$"),
]
KeyId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
SemVer = Annotated[str, StringConstraints(pattern=r"^\d{1,4}\.\d{1,4}\.\d{1,4}$")]


class LocalText(Value):
    """The same words in Korean and in English."""

    ko: Title
    en: Title


class ColumnType(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"


class ColumnRole(StrEnum):
    """What a column does for disclosure and linkage."""

    KEY = "key"
    QUASI_IDENTIFIER = "quasi_identifier"
    ATTRIBUTE = "attribute"
    MEASURE = "measure"


class Based(Value):
    """What stands on a text: whether somebody has read that text, and when."""

    verified: bool = Field(description="Whether the texts that the basis names were read and say so. No lawyer's opinion.")
    checked: date | None = Field(default=None, description="The day on which they were read.")
    recheck_by: date | None = Field(
        default=None, description="The day by which somebody reads them again, or looks at the house rule again."
    )

    def recheck_due(self, today: date) -> bool:
        """Whether it is time to read the texts again: the day has passed, or nobody named one."""
        return self.recheck_by is None or today > self.recheck_by

    @model_validator(mode="after")
    def _dated(self) -> Self:
        if self.verified and self.checked is None:
            raise ValueError(messages.VERIFIED_WITHOUT_DAY)
        return self


class Column(Value):
    """One column of a table. A key names its domain: who issues that number (`person`, `business`, `facility`)."""

    name: Name
    type: ColumnType
    role: ColumnRole
    unit: str | None = Field(default=None, max_length=40, description="UCUM or ISO 4217 code, such as kWh or KRW.")
    key_domain: Code | None = None
    nullable: StrictBool = True
    title: LocalText | None = None
    available_from: date | None = Field(
        default=None, description="First day for which the owner has this column; before it a missing value says nothing."
    )
    source_name: Written | None = Field(
        default=None, description="Its name in the files of the owner, in any script, such as 개인번호."
    )
    missing: tuple[Written, ...] = Field(
        default=(),
        max_length=MOST_MISSING_WORDS,
        description="Words that mean that a value is missing, such as `-` or `해당없음`: such a cell is NULL.",
    )
    time_zone: Zone | None = Field(
        default=None,
        description="IANA name of the zone of times without an offset, such as Asia/Seoul; null: the centre's.",
    )

    @model_validator(mode="after")
    def key_has_domain(self) -> "Column":
        if (self.role is ColumnRole.KEY) != (self.key_domain is not None):
            raise ValueError(messages.KEY_DOMAIN_OF_KEY)
        return self

    @field_validator("time_zone")
    @classmethod
    def zone_exists(cls, zone: str | None) -> str | None:
        if zone is not None:
            try:
                ZoneInfo(zone)
            except (ValueError, OSError, LookupError):
                raise ValueError(messages.TIME_ZONE) from None
        return zone


class StoredObject(Value):
    """A file in the object storage, named by the SHA-256 of its bytes."""

    sha256: Sha256
    size: int = Field(ge=0, description="Bytes.")
    media_type: str = Field(max_length=100)


class Sensitivity(StrEnum):
    """How identifiable the rows are (domain rule 4.4)."""

    OPEN = "open"
    AGGREGATE = "aggregate"
    PSEUDONYMISED = "pseudonymised"
    IDENTIFIABLE = "identifiable"


class AudienceKind(StrEnum):
    MINISTRIES = "ministries"
    MEMBERS = "members"
    PUBLIC = "public"


class Audience(Value):
    """Who may read the released result: named ministries, every member, or everybody."""

    kind: AudienceKind
    ministries: tuple[Code, ...] = Field(default=(), max_length=100)

    @model_validator(mode="after")
    def names_fit_kind(self) -> "Audience":
        if (self.kind is AudienceKind.MINISTRIES) != bool(self.ministries):
            raise ValueError(messages.AUDIENCE_MINISTRIES)
        return self


class ApprovedInput(Value):
    """One dataset version as its owner approved it: the very bytes, and only these columns."""

    role: Name
    dataset_id: UUID
    dataset_version: int = Field(ge=1)
    ministry: Code
    object: StoredObject
    table: tuple[Column, ...] = Field(description="Those columns of the dataset that may leave it.")
    columns: dict[Name, Name] = Field(description="Card column -> dataset column; nothing else leaves the dataset.")
    conditions: tuple[Text, ...] = ()


class PartKind(StrEnum):
    """What somebody did about a request; one person does one of these."""

    REQUESTER = "requester"
    OWNER = "owner"
    COUNCIL = "council"


class Part(Value):
    """Somebody who asked, decided for an owner, or voted in the council, and the body that they acted for."""

    subject: str = Field(max_length=200)
    ministry: Code
    part: PartKind


class RequestBrief(Value):
    """What later services need to know of a request, carried along so that none has to ask."""

    request_id: UUID
    title: Title
    purpose: Text
    ministry: Code
    requester: str = Field(max_length=200)
    authors: tuple[str, ...] = Field(default=(), description="Everybody who submitted or resubmitted it; none of them decides.")
    audience: Audience
    dataset_ids: tuple[UUID, ...]
    owners: tuple[Code, ...]
    parts: tuple[Part, ...] = Field(
        default=(), description="Everybody who has acted on it so far: none of them takes another part, such as a check."
    )


class PublicKey(Value):
    """The public half of an X25519 key, as a JWK."""

    kty: Literal["OKP"] = "OKP"
    crv: Literal["X25519"] = "X25519"
    x: KeyId = Field(description="The 32 bytes in base64url, without padding.")

    @property
    def kid(self) -> str:
        """The key's name: its RFC 7638 thumbprint."""
        told = json.dumps(self.model_dump(), separators=(",", ":"), sort_keys=True)
        return base64.urlsafe_b64encode(hashlib.sha256(told.encode()).digest()).rstrip(b"=").decode()


class SealedKeys(Value):
    """The own key of each base row of a run, sealed to the ministry that asked; NDJSON, a line for each pseudonym."""

    object: StoredObject
    kid: KeyId = Field(description="The ministry's key that opens them.")
    key_domain: Code


class Reason(Value):
    """Why something ended as it did: a stable code for machines, a sentence for people; never a cell value."""

    code: Code
    detail: Text
