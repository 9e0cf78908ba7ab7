"""What the requests service takes over HTTP: bounded, and only what a database can keep."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from services.requests import messages
from services.requests.models import Ballot, Verdict
from shared.contracts import Audience, Code, Name, SemVer
from shared.texts import In, Line, Prose, readable

DEEPEST = 20


def plain_json(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse what JSON text can say but a database cannot keep: broken Unicode, and nesting without end."""
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += [*item.keys(), *item.values()]
            elif isinstance(item, list):
                inner += item
            elif isinstance(item, str) and any("\ud800" <= letter <= "\udfff" for letter in item):
                raise ValueError(messages.HALF_CHARACTER)
        level = inner
    if level:
        raise ValueError(messages.TOO_DEEP(deepest=DEEPEST))
    return value


Condition = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000), AfterValidator(readable)]


class MethodIn(In):
    """A live version of a method."""

    name: Name
    version: SemVer


class InputIn(In):
    """The dataset that plays one part."""

    dataset_id: UUID
    columns: dict[Name, Name | None] = Field(
        default_factory=dict,
        max_length=500,
        description="Method's column -> dataset's column, where the names differ; null leaves an optional column out. "
        "Where the method's input takes further columns: a name of your own -> dataset's column.",
    )
    allowed_purpose: Line | None = Field(
        default=None, description="The one of the dataset's allowed purposes that this use falls under, in its words."
    )


class ChampionIn(In):
    """A released model that the round is also scored with, so that the old and the new one stand side by side."""

    model_id: UUID


EXAMPLE: dict[str, Any] = {
    "title": "2026년 복지 사각지대 발굴",
    "purpose": "Find households that would receive a benefit but do not, so that welfare officers can visit them.",
    "legal_basis": "Social Security Benefits Act, article 12",
    "method": {"name": "welfare_blind_spots", "version": "1.0.0"},
    "parameters": {"capacity": 0.05},
    "inputs": {
        "household": {"dataset_id": "0199a1c0-0000-7000-8000-000000000001"},
        "income": {"dataset_id": "0199a1c0-0000-7000-8000-000000000002", "columns": {"person_no": "taxpayer_no"}},
        "benefits": {"dataset_id": "0199a1c0-0000-7000-8000-000000000003", "allowed_purpose": "Welfare research"},
    },
    "audience": {"kind": "ministries", "ministries": ["mohw", "nts"]},
}


class RequestIn(In):
    """An analysis that a ministry asks for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})
    title: Line
    purpose: Prose = Field(description="What the result will be used for; the owners and the council read it.")
    legal_basis: Prose = Field(description="The statutory power that the use stands on.")
    method: MethodIn
    parameters: Annotated[dict[str, Any], AfterValidator(plain_json)] = Field(
        default_factory=dict, max_length=200, description="As the method's card says; its defaults fill what is left out."
    )
    inputs: dict[Name, InputIn] = Field(min_length=1, max_length=20, description="Role of the method -> dataset.")
    champion: ChampionIn | None = Field(
        default=None, description="A released model of the same method to compare with: see GET /analysis/models."
    )
    audience: Audience | None = Field(
        default=None, description="Who may read the released result; the requester's ministry alone if not given."
    )


class ReasonIn(In):
    """Why, in words that the other side can act on."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "Please say which offices will use the list."}]}
    )
    reason: Prose


class DecisionIn(In):
    """An owner's decision on one of its datasets."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "dataset_id": "0199a1c0-0000-7000-8000-000000000002",
                    "verdict": "approve",
                    "reason": "The purpose is covered by the Act.",
                    "conditions": ["Only for the visits of 2026."],
                    "columns": ["taxpayer_no", "wages"],
                },
                {
                    "dataset_id": "0199a1c0-0000-7000-8000-000000000002",
                    "verdict": "refuse",
                    "code": "other-statute",
                    "reason": "The Framework Act on National Taxes does not permit this use.",
                },
            ]
        },
    )
    dataset_id: UUID
    verdict: Verdict
    reason: Prose = Field(
        description="Told to the asker. A refusal also says whether the part that must not leave can be separated."
    )
    code: Code | None = Field(default=None, description="Ground of a refusal: see GET /requests/rules.")
    conditions: list[Condition] = Field(default_factory=list, max_length=20)
    columns: list[Name] | None = Field(
        default=None, min_length=1, max_length=1000, description="The asked columns that may leave; all of them if not given."
    )


class RevocationIn(In):
    """An owner takes back its approval of one dataset."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"dataset_id": "0199a1c0-0000-7000-8000-000000000002", "reason": "A court has suspended the use of these data."}
            ]
        },
    )
    dataset_id: UUID
    reason: Prose


class VoteIn(In):
    """A council member's vote."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"ballot": "approve", "reason": "Clear benefit, least data."}]}
    )
    ballot: Ballot
    reason: Prose
