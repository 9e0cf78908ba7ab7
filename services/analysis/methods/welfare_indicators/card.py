"""The method card: what welfare indicators take, give, assume, and must not be used for."""

from typing import Any

from services.analysis.methods.toolkit.cards import ASSUMPTIONS, MUST_NOT_CONCLUDE, outputs
from services.analysis.methods.toolkit.figures import TITLES as FIGURES
from services.analysis.methods.toolkit.observation import OBSERVED_UNTIL
from services.analysis.methods.toolkit.parameters import CAPACITY, TEST_FROM
from services.analysis.methods.toolkit.tables import TITLES as TABLES
from services.analysis.methods.welfare_indicators.columns import INDICATOR_TABLE, KEY_DOMAIN, SIGNS
from shared.contracts import Linkage, LocalText, MethodCard, OutputKind, Resources

AUDIT = ("age_band", "sex", "region", "household", "disability")
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "support": {
            "enum": ["public", "any"],
            "default": "public",
            "description": "The outcome: public support within 90 days of the round, or any support.",
        },
        "observed_until": OBSERVED_UNTIL
        | {
            "description": "Last day on which support was recorded. Without it the last month that stands in the table. "
            "An outcome is known only if its 90 days had passed by then."
        },
        "test_from": TEST_FROM,
        "capacity": CAPACITY,
        "minimum_score": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0,
            "description": "A household that scores lower is not listed, even if capacity is left.",
        },
        "audit_share": {
            "type": "number",
            "minimum": 0.01,
            "maximum": 0.9,
            "default": 0.25,
            "description": "Share of highest scores at which groups are compared.",
        },
    },
}
CONTACTS = {"contact_outcomes": ("접촉 결과별 지원", "What came of the contacts")}
CARD = MethodCard(
    name="welfare_indicators",
    version="1.0.0",
    title=LocalText(ko="위기 징후 지표 기반 복지 사각지대 발굴", en="Welfare blind spots by indicators"),
    purpose=(
        "Order households of a round by how likely public support would follow if somebody visited them, out of the monthly "
        "signs of need that many bodies report, so that the field visits as many as it can, the likeliest first."
    ),
    owner="mohw",
    inputs=(INDICATOR_TABLE,),
    linkage=Linkage(key_domain=KEY_DOMAIN, base="indicators"),
    parameters=SCHEMA,
    outputs=(
        *outputs(OutputKind.TABLE, TABLES | CONTACTS),
        *outputs(OutputKind.FIGURE, FIGURES),
        *outputs(OutputKind.METRICS, {"summary": ("주요 지표", "Headline figures")}),
        *outputs(OutputKind.RESTRICTED_LIST, {"visit_list": ("방문 대상 후보 명단", "List of households to visit")}),
        *outputs(OutputKind.MODEL, {"welfare_model": ("복지 사각지대 모형", "Model of the blind spots")}),
    ),
    assumptions=(
        "One row is one household in one month. All indicators are optional; one that nobody gives is left out.",
        "An outcome is known only of those who were reached (`contact_result` visited or phoned): a household that was not "
        "located or not contacted is unknown, not ineligible. It is neither learned from nor measured, and counted apart.",
        "Without `contact_result` every row with a label counts as reached.",
        "The baseline counts indicators above zero. Boosting may only rise with each of them.",
        "Support within 90 days is known only 90 days later, also where it was granted sooner: to count early grants would "
        "select rows by their outcome. Who has support already is not listed, and rows so near before the test months are not "
        "learned from.",
        *ASSUMPTIONS,
    ),
    must_not_conclude=(
        "Who was found before was chosen by an earlier score: what was learned from them holds for such households, and may "
        "miss those whom no earlier round looked at.",
        "A low score is no finding that a household has no need, and no support may be refused on it.",
        *MUST_NOT_CONCLUDE,
    ),
    monotone=SIGNS,
    fairness_groups=AUDIT,
    resources=Resources(seconds=7200, memory_mb=8192),
)
