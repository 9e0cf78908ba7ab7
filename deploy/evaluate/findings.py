"""What an evaluation finds: a line a model, goals kept or missed, and the outputs for the report page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.analysis.worker.sdk import Outputs


@dataclass(frozen=True)
class Asked:
    """Settings of one evaluation run."""

    rows: int
    seed: int
    data: Path
    """Where real data lie that are not part of the project."""
    out: Path


@dataclass(frozen=True)
class Line:
    """One model on one task, on rows that it did not learn from; None where it cannot be told."""

    model: str
    rows: int
    roc_auc: float
    pr_auc: float
    brier: float
    lift: float | None = None
    precision: float | None = None
    kept: bool = False


@dataclass(frozen=True)
class Goal:
    words: str
    value: float
    bound: float
    at_least: bool = True

    @property
    def met(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound


@dataclass(frozen=True)
class Found:
    title: str
    lines: tuple[Line, ...]
    goals: tuple[Goal, ...]
    notes: tuple[str, ...] = ()
    outputs: Outputs = field(default_factory=Outputs)


def lines_of(outputs: Outputs, kept: str) -> tuple[Line, ...]:
    """The lines of the table in which a method compares its models."""
    table = outputs.tables["model_comparison"]
    names = [column["name"] for column in table["columns"]]
    return tuple(line(dict(zip(names, row, strict=True)), kept) for row in table["rows"])


def line(row: Mapping[str, Any], kept: str) -> Line:
    measures = (row["roc_auc"], row["pr_auc"], row["brier"], row.get("lift"), row.get("precision"))
    return Line(row["model"], row["rows"], *measures, row["model"] == kept)


def figure(outputs: Outputs, name: str) -> float | None:
    """A headline figure of the method, if it is there."""
    return next((float(one["value"]) for one in outputs.metrics["summary"]["figures"] if one["name"] == name), None)


def named(lines: tuple[Line, ...], model: str) -> Line:
    return next(line for line in lines if line.model == model)
