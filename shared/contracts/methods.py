"""Value objects of the analysis centre: methods and their cards, what a run gives, released models."""

from enum import StrEnum
from typing import Any, Final, Self
from uuid import UUID

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from shared.contracts.base import Value
from shared.contracts.values import Code, ColumnRole, ColumnType, LocalText, Name, SemVer, Sha256, StoredObject, Text

ANY_DOMAIN: Final = "any"
"""The key domain of a method that takes one table of whatever keys: persons, businesses, facilities."""


COLUMN_OF: Final = "x-column-of"
"""Keyword in a card's parameters: this text names a column of the input that it names."""
COLUMN_TYPES: Final = "x-column-types"
"""Beside it: the types that the column may have; a number may be an integer. Without it any."""


class CardColumn(Value):
    """A column that a method reads. The request maps it to a column of the dataset where the names differ."""

    name: Name
    type: ColumnType
    role: ColumnRole = ColumnRole.ATTRIBUTE
    unit: str | None = Field(default=None, max_length=40)
    required: StrictBool = True
    key_domain: Code | None = None
    temporal: StrictBool = Field(
        default=False,
        description="Its texts are years, months, days or times: prepare reads them strictly and writes them in one form.",
    )
    title: LocalText | None = None


class InputRole(Value):
    """One table that a method takes, named by the part it plays."""

    name: Name
    title: LocalText
    columns: tuple[CardColumn, ...] = Field(min_length=1, max_length=500)
    required: StrictBool = True
    keyed_by: tuple[Name, ...] = Field(
        default=(),
        max_length=5,
        description="Required columns that identify a row together with its key, such as the month; none: one row a key.",
    )
    further: tuple[ColumnType, ...] = Field(
        default=(), description="Types of further columns that a request may add under names of its own; none if empty."
    )


class Linkage(Value):
    """How prepare joins the inputs: every role on one key domain, on the rows of the base role.

    A role that is also `keyed_by` columns is joined on those too; the base is keyed by all of them.
    """

    key_domain: Code
    base: Name
    match_floor: StrictFloat = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Lowest share of base rows found in each other role; below the centre's least only with a reason. "
        "0 without one: the centre's least.",
    )
    floor_reason: LocalText | None = Field(
        default=None, description="Why fewer base rows than the centre's least may be found in the other roles."
    )


class DisclosureClass(StrEnum):
    """Through which door an output may leave: published after disclosure control, to one ministry alone, or not at all."""

    AGGREGATE = "aggregate"
    RESTRICTED = "restricted"
    INTERNAL = "internal"


class OutputKind(StrEnum):
    TABLE = "table"
    FIGURE = "figure"
    METRICS = "metrics"
    RESTRICTED_LIST = "restricted_list"
    MODEL = "model"
    LOG = "log"

    @property
    def disclosure(self) -> DisclosureClass:
        """A kind leaves through one door alone."""
        match self:
            case OutputKind.TABLE | OutputKind.FIGURE | OutputKind.METRICS:
                return DisclosureClass.AGGREGATE
            case OutputKind.RESTRICTED_LIST:
                return DisclosureClass.RESTRICTED
            case _:
                return DisclosureClass.INTERNAL


class OutputSpec(Value):
    name: Name
    kind: OutputKind
    title: LocalText
    disclosure: DisclosureClass = Field(
        default_factory=lambda told: told["kind"].disclosure,
        description="Through which door it may leave: that of its kind. A card that says another one is refused.",
    )


class Artefact(Value):
    """One output of a run."""

    name: Name
    kind: OutputKind
    object: StoredObject


class Resources(Value):
    seconds: StrictInt = Field(default=600, ge=1, le=86_400, description="Wall-clock limit of one run.")
    memory_mb: StrictInt = Field(default=1024, ge=64, le=262_144, description="Memory limit of the child process, MiB.")


class MethodCard(Value):
    """What a method is, takes, gives, assumes and must not be used for (after the UK ATRS and model cards)."""

    name: Name
    version: SemVer
    title: LocalText
    purpose: Text
    owner: Code = Field(description="Ministry that answers for the method.")
    inputs: tuple[InputRole, ...] = Field(min_length=1, max_length=20)
    linkage: Linkage
    parameters: dict[str, Any] = Field(description="JSON Schema (2020-12) of the parameters.")
    outputs: tuple[OutputSpec, ...] = Field(min_length=1, max_length=50)
    assumptions: tuple[Text, ...] = ()
    must_not_conclude: tuple[Text, ...] = ()
    monotone: dict[str, StrictInt] = Field(
        default_factory=dict, description="Feature -> +1 or -1: the score may only move this way."
    )
    fairness_groups: tuple[Name, ...] = ()
    resources: Resources = Resources()

    @property
    def lists_entities(self) -> bool:
        """Whether it makes a restricted list, which is sealed to the ministry that asks."""
        return any(output.disclosure is DisclosureClass.RESTRICTED for output in self.outputs)


class MethodRef(Value):
    """One reviewed version of a method. The digest is of the code where we hold it, else as declared."""

    name: Name
    version: SemVer
    digest: Sha256


class ModelFormat(StrEnum):
    ONNX = "onnx"
    SKOPS = "skops"


class ModelRef(Value):
    """One released model: a file that a run of its method made, with its manifest inside it."""

    model_id: UUID
    name: Name = Field(description="The name of the output that it was, on the method's card.")
    method: MethodRef
    format: ModelFormat
    object: StoredObject


class RowBalance(Value):
    """What became of the rows of one input. Each row that was read is dropped for one reason, or kept."""

    read: StrictInt = Field(ge=0, description="Rows of the file.")
    dropped: dict[Code, StrictInt] = Field(default_factory=dict, description="Reason -> rows without what identifies them.")
    unreadable: StrictInt = Field(default=0, ge=0, description="Rows left out because a cell could not be read.")
    linked: StrictInt = Field(ge=0, description="Rows found in the base; of the base, in at least one other input if any.")
    used: StrictInt = Field(ge=0, description="Rows that the method got.")

    def rounded(self) -> Self:
        """As it may leave the centre: every count rounded up to full tens, so that none tells of fewer rows."""
        return self.model_copy(
            update={
                "read": tens(self.read),
                "dropped": {reason: tens(rows) for reason, rows in self.dropped.items()},
                "unreadable": tens(self.unreadable),
                "linked": tens(self.linked),
                "used": tens(self.used),
            }
        )


def tens(rows: int) -> int:
    """Up to the next full ten."""
    return -(-rows // 10) * 10


class Alarm(Value):
    """Something in a run that a person has to answer before its result may leave, such as a feature that gives away the label."""

    code: Code
    detail: Text
    feature: str | None = Field(default=None, max_length=130)
    title: LocalText | None = Field(default=None, description="What it says, in Korean and English; null where a method says it.")
