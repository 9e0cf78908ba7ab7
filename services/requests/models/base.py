"""The registry of this service's tables."""

from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Enum
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.db import plumbing


class Base(SQLModel, registry=registry()):
    """What every table of this service stands on."""


def choice(values: type[StrEnum], **options: Any) -> Column[Any]:
    """A column that holds one of the values as plain text: a new value needs no change of type."""
    kind = Enum(values, native_enum=False, length=20, values_callable=lambda them: [one.value for one in them])
    return Column(kind, **{"nullable": False, **options})


PLUMBING = plumbing(Base.metadata)
