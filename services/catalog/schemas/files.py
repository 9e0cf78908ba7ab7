"""A handed-in file and the report of its check, as they go out."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.catalog.models import FileState
from services.catalog.schemas.causes import CAUSES, WARNINGS, Sentence
from services.catalog.schemas.reports import Cause, Fault, KeyProfile, Warned
from shared.contracts import StoredObject

THOUSANDS, BLANK = CAUSES[Cause.THOUSANDS], WARNINGS[Warned.KEY_BLANK]

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
            "source_name": "근로소득",
            "code": "not-a-number",
            "cause": "thousands-separator",
            "lines": [],
            "count": None,
            "detail": {"ko": THOUSANDS[0], "en": THOUSANDS[1]},
        }
    ],
    "warnings": [
        {
            "line": 12,
            "column": "person_no",
            "source_name": "개인번호",
            "code": "key-blank",
            "cause": None,
            "lines": [12, 40],
            "count": 2,
            "detail": {"ko": BLANK[0].format(count=2), "en": BLANK[1].format(count=2)},
        }
    ],
    "keys": [],
    "charset": None,
    "converted": None,
    "actions": ["file"],
}


class FileErrorOut(BaseModel):
    """One fault or warning: where, and why, and what to do; never the value.

    `line` counts lines of a CSV file (the header is 1), rows of a workbook's sheet, or rows of a Parquet file."""

    line: int | None
    column: str | None
    source_name: str | None = Field(default=None, description="What the owner's files call the column.")
    code: Fault | Warned
    cause: Cause | None = Field(default=None, description="What was most likely meant by an unfit cell.")
    lines: list[int] = Field(default=[], description="Some of the lines that a warning is about.")
    count: int | None = Field(default=None, description="Rows, keys or words that a warning is about.")
    detail: Sentence


class CheckOut(BaseModel):
    """Where the check of a file stands, and what it found. Errors refuse the file; warnings do not."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    dataset_id: UUID
    version: int
    state: FileState
    object: StoredObject = Field(description="The file as it was sent.")
    converted: StoredObject | None = Field(default=None, description="The file that analyses read, if it is another.")
    charset: str | None = Field(default=None, description="What the text was decoded from, if not from UTF-8.")
    uploaded_by: str
    uploaded_at: datetime
    checked_at: datetime | None
    rows: int | None
    error_count: int | None
    errors: list[FileErrorOut]
    warnings: list[FileErrorOut] = []
    keys: list[KeyProfile] = Field(default=[], description="What the keys look like, by column; no key.")
    actions: list[str]
