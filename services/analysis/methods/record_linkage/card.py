"""The method card: what record linkage takes, gives, assumes, and must not be used for."""

from typing import Any

from services.analysis.methods.toolkit.any_table import FURTHER, KEY_DOMAIN
from services.analysis.methods.toolkit.cards import column, key, outputs
from services.analysis.methods.toolkit.parameters import NAMED, TITLES
from shared.contracts import ColumnRole, ColumnType, InputRole, Linkage, LocalText, MethodCard, OutputKind, Resources

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "block": {
            "type": "array",
            "items": NAMED | {"type": "string", "maxLength": 63},
            "maxItems": 5,
            "uniqueItems": True,
            "default": [],
            "description": "Only rows that agree on one of these columns are compared; without it, on any of the compared ones.",
        },
        "certain": {
            "type": "number",
            "exclusiveMinimum": 0.5,
            "exclusiveMaximum": 1,
            "default": 0.95,
            "description": "How likely a pair has to be the same subject for it to be listed.",
        },
        "titles": TITLES,
    },
}
TABLE = InputRole(
    name="table",
    title=LocalText(ko="대상 표", en="Table of records"),
    columns=(
        key("subject", KEY_DOMAIN, "대상 번호", "Number of the record"),
        column("source", ColumnType.STRING, "출처", "Where the record is from", role=ColumnRole.QUASI_IDENTIFIER),
    ),
    further=FURTHER,
)
CARD = MethodCard(
    name="record_linkage",
    version="1.0.0",
    title=LocalText(ko="기록 연계", en="Record linkage"),
    purpose=(
        "Find records that are likely the same subject under different keys, within one table or between its sources, so that "
        "the owner can correct its register."
    ),
    owner="mois",
    inputs=(TABLE,),
    linkage=Linkage(key_domain=KEY_DOMAIN, base="table"),
    parameters=SCHEMA,
    outputs=(
        *outputs(
            OutputKind.TABLE,
            {"pairs": ("쌍의 확률 분포", "Pairs by how likely they are"), "fields": ("항목의 식별력", "What each field tells")},
        ),
        *outputs(OutputKind.FIGURE, {"fields_figure": ("항목의 식별력", "What each field tells")}),
        *outputs(OutputKind.METRICS, {"summary": ("주요 지표", "Headline figures")}),
        *outputs(OutputKind.RESTRICTED_LIST, {"likely_same": ("동일 대상 의심 기록", "Records that are likely there twice")}),
    ),
    assumptions=(
        "Fellegi and Sunter (1969): each field agrees, differs or is missing; how much that tells is learned from the pairs "
        "themselves (EM), agreement on a rare value telling more than on a common one.",
        "Fields are held to be independent of one another among pairs of different subjects; where they are not, the "
        "probabilities are too sure of themselves.",
        "Where the table names sources, only records of different sources are compared.",
        "A block of more than 200 records is too common to tell anything and is not compared; the headline figures count them.",
        "The list holds at most 100,000 records, those with the likeliest twins.",
    ),
    must_not_conclude=(
        "A likely pair is a question to the owner of the register, no finding; nobody's benefit may end on it.",
        "Records that are not listed may still be the same subject: fields with errors in every block are never compared.",
    ),
    resources=Resources(seconds=1800, memory_mb=4096),
)
