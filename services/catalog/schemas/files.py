"""A handed-in file and the report of its check, as they go out."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.catalog.models import FileState
from services.catalog.schemas.reports import Fault
from shared.contracts import LocalText, StoredObject

EXAMPLE: dict[str, Any] = {
    "dataset_id": "0199a1c0-0000-7000-8000-000000000002",
    "version": 2,
    "state": "failed",
    "object": {
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "size": 734003,
        "media_type": "text/csv",
    },
    "uploaded_by": "lee@nts.example",
    "uploaded_at": "2026-07-01T01:00:00Z",
    "checked_at": "2026-07-01T01:00:04Z",
    "rows": 18250,
    "error_count": 1,
    "errors": [
        {
            "line": 7214,
            "column": "wages",
            "code": "not-a-number",
            "detail": {"ko": "유한한 수가 아닙니다.", "en": "This is not a finite number."},
        }
    ],
    "actions": ["file"],
}


class FileErrorOut(BaseModel):
    """One fault: where, and why. `line` counts lines of a CSV file (the header is 1) or rows of a Parquet file."""

    line: int | None
    column: str | None
    code: Fault
    detail: LocalText


class CheckOut(BaseModel):
    """Where the check of a file stands, and what it found."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    dataset_id: UUID
    version: int
    state: FileState
    object: StoredObject
    uploaded_by: str
    uploaded_at: datetime
    checked_at: datetime | None
    rows: int | None
    error_count: int | None
    errors: list[FileErrorOut]
    actions: list[str]
