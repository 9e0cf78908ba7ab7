"""The shapes of a method's outputs: table, metrics, figure, row of a restricted list."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.contracts import LocalText, Name
from shared.contracts.values import Code

Cell = Annotated[str, StringConstraints(max_length=1000)] | bool | int | float | None
Words = Annotated[str, StringConstraints(max_length=4000)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False)


class Notes(Strict):
    ko: Words
    en: Words


class ColumnKind(StrEnum):
    DIMENSION = "dimension"
    COUNT = "count"
    RATE = "rate"
    MEASURE = "measure"


class TableColumn(Strict):
    name: Name
    title: LocalText
    kind: ColumnKind
    of: Name | None = None
    numerator: Name | None = None


class Table(Strict):
    """Every rate and measure names the count column it stands on, so that disclosure control sees unweighted counts."""

    name: Name
    title: LocalText
    columns: list[TableColumn] = Field(min_length=1, max_length=200)
    rows: list[list[Cell]] = Field(max_length=100_000)
    notes: Notes | None = None

    @model_validator(mode="after")
    def stands_on_counts(self) -> "Table":
        counts = {column.name for column in self.columns if column.kind is ColumnKind.COUNT}
        if len({column.name for column in self.columns}) != len(self.columns):
            raise ValueError("two columns have one name")
        for column in self.columns:
            needs = column.kind in (ColumnKind.RATE, ColumnKind.MEASURE)
            if needs and column.of not in counts:
                raise ValueError("a rate or measure stands on no count column")
            if column.kind is ColumnKind.RATE and column.numerator not in counts:
                raise ValueError("a rate has no numerator")
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a row has not as many cells as there are columns")
        return self


class Figure(Strict):
    name: Name
    title: LocalText
    value: float | int | None
    count: int = Field(ge=0)
    unit: str | None = Field(default=None, max_length=40)


class Metrics(Strict):
    name: Name
    figures: list[Figure] = Field(max_length=500)
    split: dict[str, Any] | None = None
    notes: Notes | None = None


class CaseReason(Strict):
    code: Code
    ko: Words
    en: Words


class ListRow(Strict):
    pseudonym: str = Field(pattern=r"^[0-9a-f]{64}$")
    score: float
    reasons: list[CaseReason] = Field(max_length=50)


def check_figure(spec: object, tables: set[str]) -> None:
    """A Vega-Lite spec that draws one table of the same result and brings no data or address of its own."""
    if not isinstance(spec, dict) or not isinstance(data := spec.get("data"), dict):
        raise ValueError("a figure is a Vega-Lite spec with data")
    if set(data) != {"name"} or data["name"] not in tables:
        raise ValueError("a figure draws a table of the same result")
    todo: list[object] = [{key: value for key, value in spec.items() if key != "data"}]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            if {"data", "datasets", "url", "href"} & part.keys():
                raise ValueError("a figure brings no data or address of its own")
            todo.extend(part.values())
        elif isinstance(part, list):
            todo.extend(part)
