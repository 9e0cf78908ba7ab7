"""The disclosure profile: thresholds as data, with their legal basis and version."""

from pathlib import Path
from typing import Self

from pydantic import ConfigDict, Field

from shared.contracts import Based

DEFAULT = Path(__file__).parents[1] / "rules.json"


class Rules(Based):
    """One frozen profile. Every verdict records its name and version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: str = Field(max_length=40)
    version: str = Field(max_length=40)
    min_count: int = Field(ge=1, description="Fewest people behind a cell, a figure, or what is left beside it.")
    max_rows: int = Field(ge=1)
    max_bytes: int = Field(ge=1)
    max_text: int = Field(ge=1, description="Longest text in a cell.")
    max_columns: int = Field(ge=1)
    max_spec_bytes: int = Field(ge=1, description="Largest figure specification.")
    max_spec_list: int = Field(ge=1, description="Longest list inside a figure specification.")
    max_list_bytes: int = Field(ge=1, description="Largest restricted list.")
    margin_labels: frozenset[str] = Field(description="Dimension values, in lower case, that mean a sum over the others.")
    count_units: frozenset[str] = Field(description="Units of a metric whose value is itself a count.")
    legal_basis: str = Field(max_length=400)
    legal_basis_ko: str | None = Field(default=None, max_length=400, description="The same in Korean.")

    @classmethod
    def load(cls, path: Path = DEFAULT) -> Self:
        return cls.model_validate_json(path.read_bytes())

    @property
    def label(self) -> str:
        return f"{self.profile}/{self.version}"
