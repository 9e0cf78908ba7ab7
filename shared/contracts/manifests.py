"""What a model file says of itself: the manifest inside every ONNX and skops file that a method hands in."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import AllowInfNan, Field, StringConstraints, model_validator

from shared.contracts import messages
from shared.contracts.base import Value
from shared.contracts.methods import ModelFormat
from shared.contracts.values import Code, Name, Reason, SemVer, Sha256

# The key of an ONNX file's metadata, and the member of a skops file, that hold the manifest.
MANIFEST_KEY: Final = "dure"
MANIFEST_MEMBER: Final = "dure.json"
FeatureName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,130}$")]
Category = Annotated[str, StringConstraints(max_length=200)]
Finite = Annotated[float, AllowInfNan(False)]
Share = Annotated[float, Field(ge=0, le=1)]


class FeatureKind(StrEnum):
    NUMBER = "number"
    CATEGORY = "category"


class ModelFeature(Value):
    """One column of the model's input. A category is given as its place in `categories`; a missing value is NaN."""

    name: FeatureName
    kind: FeatureKind = FeatureKind.NUMBER
    categories: tuple[Category, ...] = Field(default=(), max_length=10_000)
    unknown: Finite = Field(default=-1.0, description="The code of a category that training never saw.")


class ModelTask(StrEnum):
    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    ANOMALY = "anomaly"
    CLUSTERING = "clustering"


class ModelTensor(Value):
    """An input or output of the model, in the words of the Open Inference Protocol; -1 is any number of rows."""

    name: str = Field(min_length=1, max_length=130)
    datatype: Literal["FP32", "INT64", "BYTES"]
    shape: tuple[Annotated[int, Field(ge=-1)], ...] = Field(min_length=1, max_length=4)


class ModelScore(Value):
    """Where the score is: a column of an output, times the sign that makes more of it mean more."""

    output: str = Field(max_length=130)
    column: int | None = Field(default=None, ge=0, description="None: the output as it is.")
    sign: Literal[1, -1] = 1


class TrainedBy(Value):
    """The method that trained the model; the centre fills in what the method does not know."""

    name: Name
    version: SemVer
    digest: Sha256 | None = None


class TrainingPeriod(Value):
    """What the model learned from. Days are the first and last day that its rows speak of."""

    first: date | None = None
    last: date | None = None
    rows: int = Field(ge=0)


class ModelLineage(Value):
    """Which run trained it, on which datasets; what the method does not know is empty."""

    run_id: UUID | None = None
    dataset_ids: tuple[UUID, ...] = Field(default=(), max_length=100)


class Histogram(Value):
    """Shares of the known values in each bin, and of the missing ones among all: what drift is measured against."""

    edges: tuple[Finite, ...] = Field(max_length=200, description="Inner bounds, ascending; a bin holds its upper bound.")
    shares: tuple[Share, ...] = Field(max_length=201)
    missing: Share = 0.0

    @model_validator(mode="after")
    def one_bin_more(self) -> Self:
        if len(self.shares) != len(self.edges) + 1:
            raise ValueError(messages.SHARES_AND_BOUNDS)
        return self


class ModelReference(Value):
    """How the features and the score were spread in training."""

    features: dict[FeatureName, Histogram] = Field(default_factory=dict, max_length=2_000)
    score: Histogram | None = None


class Parity(Value):
    """How the ONNX file compared with the fitted estimator."""

    rows: int = Field(ge=0)
    rows_with_missing: int = Field(ge=0)
    rows_with_unknown: int = Field(ge=0)
    largest_difference: Finite = Field(ge=0, description="Of any score; of scores beyond 1, as a share of the score.")
    labels_differing: int = Field(ge=0)
    labels_tied: int = Field(default=0, ge=0, description="Differing only where two classes had the same score.")


class ModelManifest(Value):
    """All that is needed to use a model file and to judge it, without opening the model itself."""

    dure: Literal[1] = 1
    format: ModelFormat
    task: ModelTask
    estimator: str = Field(min_length=1, max_length=100)
    features: tuple[ModelFeature, ...] = Field(min_length=1, max_length=2_000)
    inputs: tuple[ModelTensor, ...] = Field(min_length=1, max_length=20)
    outputs: tuple[ModelTensor, ...] = Field(min_length=1, max_length=20)
    classes: tuple[str | int, ...] = Field(default=(), max_length=1_000)
    score: ModelScore
    training: TrainingPeriod
    method: TrainedBy
    lineage: ModelLineage = ModelLineage()
    metrics: dict[Code, Finite | None] = Field(default_factory=dict, max_length=200)
    reference: ModelReference = ModelReference()
    parity: Parity | None = Field(default=None, description="None: it was not compared, so the file is no ONNX file.")
    refused: Reason | None = Field(default=None, description="Why it is not an ONNX file, if it is none.")

    @model_validator(mode="after")
    def names_once(self) -> Self:
        if len({feature.name for feature in self.features}) != len(self.features):
            raise ValueError(messages.FEATURE_TWICE)
        return self
