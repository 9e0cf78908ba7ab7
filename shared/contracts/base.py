"""What every event is: a frozen, versioned fact, carried in a CloudEvents 1.0 envelope."""

from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

SOURCES = ("catalog", "requests", "analysis", "results")
SCHEMA_ROOT = "https://dure.example/schemas/events/"


class Value(BaseModel):
    """A value object: frozen, and tolerant of fields that a newer producer added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Value):
    """Something that has happened: past tense, immutable, versioned by its type (`service.subject-verb.vN`).

    A change of a field's meaning is a new class with a new type beside the old one; new fields are optional.
    """

    types: ClassVar[dict[str, type["Event"]]] = {}
    type: ClassVar[str]
    withdrawal: ClassVar[bool] = False

    def __init_subclass__(cls, type: str, withdrawal: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type, cls.withdrawal = type, withdrawal
        Event.types[type] = cls

    @property
    def subject(self) -> str:
        """The aggregate this is about, `noun/id`; events of one subject are numbered by `sequence`."""
        raise NotImplementedError

    @classmethod
    def producer(cls) -> str:
        """The only service that may say this."""
        return cls.type.split(".", 1)[0]


class Envelope(Value):
    """A CloudEvents 1.0 envelope in structured JSON mode, with the sequence, tracing and causation extensions."""

    specversion: str = "1.0"
    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str = "application/json"
    dataschema: str
    sequence: int = Field(ge=1, description="Position among the events of this subject, from 1, without gaps.")
    traceparent: str | None = None
    correlationid: str | None = Field(default=None, description="Id of the HTTP request that began the chain.")
    causationid: UUID | None = Field(default=None, description="Id of the event that caused this one.")
    data: dict[str, Any]

    def event(self) -> Event:
        """The typed payload. KeyError for a type nobody knows, ValidationError for one that does not fit."""
        return Event.types[self.type].model_validate(self.data)

    @classmethod
    def schema_url(cls, event_type: str) -> str:
        return f"{SCHEMA_ROOT}{event_type}.json"

    @classmethod
    def parse(cls, body: bytes) -> Self:
        return cls.model_validate_json(body)
