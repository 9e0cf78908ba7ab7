"""Datasets as they come in and go out. No schema of the catalog holds a value of a table."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.catalog.models import DatasetState, UpdateCycle
from services.catalog.schemas.causes import Sentence
from services.catalog.schemas.texts import Keyword, with_machine_names
from shared.contracts import Code, Column, Sensitivity
from shared.texts import In, Line, Prose, Subject

MOST_COLUMNS = 2_000
Table = Annotated[list[Column], BeforeValidator(with_machine_names)]
TABLE_HELP = (
    "The table's columns. A column whose name is not of ASCII letters, such as 개인번호, gets the name "
    "column_N, and what was sent becomes its source_name."
)
TABLE: list[dict[str, Any]] = [
    {
        "name": "person_no",
        "type": "string",
        "role": "key",
        "key_domain": "person",
        "nullable": False,
        "title": {"ko": "개인 식별번호", "en": "Person number"},
        "source_name": "개인번호",
    },
    {
        "name": "tax_year",
        "type": "integer",
        "role": "quasi_identifier",
        "unit": "a",
        "nullable": False,
        "title": {"ko": "귀속연도", "en": "Tax year"},
    },
    {
        "name": "wages",
        "type": "number",
        "role": "measure",
        "unit": "KRW",
        "title": {"ko": "근로소득", "en": "Wages"},
        "available_from": "2021-01-01",
        "missing": ["-", "해당없음"],
    },
]
EXAMPLE: dict[str, Any] = {
    "title": "가구 소득과 세금",
    "description": "연말정산과 종합소득세 신고를 개인별로 모은 연간 소득 자료. 매년 7월에 갱신한다.",
    "legal_basis": "Framework Act on National Taxes, and the Act on the Promotion of AI- and Data-Based Administration",
    "sensitivity": "identifiable",
    "allowed_purposes": ["복지 사각지대 발굴", "Welfare research"],
    "keywords": ["소득", "세금", "가구", "income"],
    "update_cycle": "yearly",
    "table": TABLE,
}
STAMPS = {"created_at": "2026-03-02T01:00:00Z", "published_at": "2026-03-02T01:05:00Z"}
OUT_EXAMPLE: dict[str, Any] = {
    **EXAMPLE,
    **STAMPS,
    "id": "0199a1c0-0000-7000-8000-000000000002",
    "ministry": "nts",
    "steward": "lee@nts.example",
    "state": "published",
    "version": 1,
    "latest_file": 1,
    "rows": 18250,
    "withdrawn_at": None,
    "withdrawal_reason": None,
    "actions": ["update", "file", "withdraw"],
    "hints": [],
}


class DatasetIn(In):
    """A dataset to register. Its owner is the ministry of the caller."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    title: Line
    description: Prose
    legal_basis: Prose = Field(description="The statute on which the ministry holds the data and may share it.")
    sensitivity: Sensitivity
    allowed_purposes: list[Line] = Field(min_length=1, max_length=50, description="What others may ask it for.")
    keywords: list[Keyword] = Field(default=[], max_length=50)
    update_cycle: UpdateCycle = UpdateCycle.IRREGULAR
    steward: Subject | None = Field(default=None, description="Who answers for it; the caller if not given.")
    table: Table = Field(min_length=1, max_length=MOST_COLUMNS, description=TABLE_HELP)


class DatasetChange(In):
    """What changes; fields that are left out stay. The table can change only before the first file is taken."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"keywords": ["소득", "과세", "income"], "update_cycle": "yearly"}]}
    )

    title: Line | None = None
    description: Prose | None = None
    legal_basis: Prose | None = None
    sensitivity: Sensitivity | None = None
    allowed_purposes: list[Line] | None = Field(default=None, min_length=1, max_length=50)
    keywords: list[Keyword] | None = Field(default=None, max_length=50)
    update_cycle: UpdateCycle | None = None
    steward: Subject | None = None
    table: Table | None = Field(default=None, min_length=1, max_length=MOST_COLUMNS, description=TABLE_HELP)


class WithdrawIn(In):
    """Why the dataset is taken back; every holder of a copy is told so."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "2025년 귀속분의 원천징수액에 오류가 있어 회수합니다."}]}
    )

    reason: Prose


BRIEF = ("id", "title", "ministry", "sensitivity", "allowed_purposes", "keywords", "state", "version", "rows", "actions")
BRIEF_EXAMPLE: dict[str, Any] = {name: OUT_EXAMPLE[name] for name in BRIEF}


class DatasetBrief(BaseModel):
    """A dataset in a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [BRIEF_EXAMPLE]})

    id: UUID
    title: str
    ministry: Code
    sensitivity: Sensitivity
    allowed_purposes: list[str]
    keywords: list[str]
    state: DatasetState
    version: int | None = Field(description="The version that can be asked for; null if none is published.")
    rows: int | None
    actions: list[str]


class Hint(BaseModel):
    """What is taken, but will keep others from using the dataset; a JSON pointer says where."""

    pointer: str
    code: str
    detail: Sentence


class DatasetOut(DatasetBrief):
    """A dataset."""

    model_config = ConfigDict(json_schema_extra={"examples": [OUT_EXAMPLE]})

    description: str
    steward: str
    legal_basis: str
    update_cycle: UpdateCycle
    table: list[Column]
    hints: list[Hint] = Field(
        default=[], description="What will keep others from using it; the table can change before the first file."
    )
    latest_file: int = Field(description="Number of the newest file handed in, checked or not; 0 if there is none.")
    created_at: datetime
    published_at: datetime | None
    withdrawn_at: datetime | None
    withdrawal_reason: str | None
