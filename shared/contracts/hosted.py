"""The manifest of a method that is a model: its card, which column is which input of the model, and where the score stands."""

from typing import Annotated, Self

from pydantic import AllowInfNan, Field, StrictBool, StrictFloat, StrictInt, StringConstraints, model_validator

from shared.contracts import messages
from shared.contracts.base import Value
from shared.contracts.methods import MethodCard, OutputKind
from shared.contracts.values import LocalText

OUTPUTS = {("score_bands", OutputKind.TABLE), ("summary", OutputKind.METRICS), ("highest", OutputKind.RESTRICTED_LIST)}
ColumnName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,130}$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class HostedFeature(Value):
    """One input of the model: a column of the linked table, and the codes of its texts if it has texts."""

    name: ColumnName
    column: ColumnName = Field(description="`<input>__<column>` of the linked table.")
    codes: dict[Word, Annotated[StrictFloat, AllowInfNan(False)]] = Field(default_factory=dict, max_length=10_000)

    def reason(self, title: LocalText | None) -> dict[str, str]:
        return {
            "code": f"input-{self.name.lower()}"[:40],
            "ko": title.ko if title else self.name,
            "en": title.en if title else self.name,
        }


class HostedExample(Value):
    """A row as the model takes it, null for what is missing, and the score that the trained estimator gives it."""

    values: tuple[Annotated[float, AllowInfNan(False)] | None, ...] = Field(min_length=1, max_length=500)
    score: Annotated[float, AllowInfNan(False)]


class HostingManifest(Value):
    """What a model needs to be a method. `output` holds the scores: one number a row, or the column at `position`."""

    card: MethodCard
    features: tuple[HostedFeature, ...] = Field(min_length=1, max_length=500)
    output: Word
    position: StrictInt = Field(default=1, ge=0, le=999)
    missing_values: StrictBool = Field(
        default=False,
        description="Whether the model was trained to take missing values (NaN). If not, rows that lack one are not scored: the "
        "result counts them.",
    )
    examples: tuple[HostedExample, ...] = Field(
        default=(),
        max_length=200,
        description="Made-up rows, nobody's, with the estimator's scores: the file is tried on them and has to give the same.",
    )

    @model_validator(mode="after")
    def fits_its_card(self) -> Self:
        known = {f"{role.name}__{column.name}" for role in self.card.inputs for column in role.columns}
        if missing := [feature.column for feature in self.features if feature.column not in known]:
            raise ValueError(messages.CARD_COLUMN_MISSING(missing=missing[0]))
        if len({feature.name for feature in self.features}) != len(self.features):
            raise ValueError(messages.FEATURE_NAME_TWICE)
        if any(len(example.values) != len(self.features) for example in self.examples):
            raise ValueError(messages.EXAMPLE_WIDTH)
        if not self.missing_values and any(None in example.values for example in self.examples):
            raise ValueError(messages.EXAMPLE_LACKS_VALUE)
        if other := [output.name for output in self.card.outputs if (output.name, output.kind) not in OUTPUTS]:
            raise ValueError(messages.MODEL_OUTPUTS(other=other[0]))
        return self
