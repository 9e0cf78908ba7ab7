"""The registry of this service's tables."""

from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Enum
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.db import plumbing


class Base(SQLModel, registry=registry()):
    """Everything in this service's database."""


class Verdict(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


def choice(values: type[StrEnum], **options: Any) -> Column[Any]:
    """A column that holds one of the values as plain text: a new value needs no change of type."""
    names = [one.value for one in values]
    kind = Enum(values, native_enum=False, create_constraint=False, length=20, values_callable=lambda _: names)
    return Column(kind, **{"nullable": False, **options})


PLUMBING = plumbing(Base.metadata)
