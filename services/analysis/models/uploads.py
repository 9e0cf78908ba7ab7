"""Methods that were uploaded over HTTP."""

from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from services.analysis.models.base import Base
from shared.db import Json, Row


class OnnxMethod(Base, Row, table=True):
    """A method that is an uploaded ONNX file and its manifest, until a stock worker announces it."""

    __tablename__ = "onnx_method"
    __table_args__ = (UniqueConstraint("name", "release", name="uq_onnx_method_name_release"),)

    name: str = Field(max_length=63)
    release: str = Field(max_length=20)
    manifest: dict[str, Any] = Field(sa_type=Json)
    uploaded_by: str = Field(max_length=200)
    uploaded_ministry: str = Field(max_length=40)
    sha256: str | None = Field(default=None, max_length=64)
    size: int | None = None
    fault: str | None = Field(default=None, max_length=1000)
    fault_code: str | None = Field(default=None, max_length=40)
    fault_ko: str | None = Field(default=None, max_length=1000)

    @property
    def label(self) -> str:
        return f"{self.name}@{self.release}"
