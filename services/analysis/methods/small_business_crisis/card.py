"""The method card: what small-business crisis takes, gives, assumes, and must not be used for."""

from typing import Any

from services.analysis.methods.small_business_crisis.columns import BUSINESS, KEY_DOMAIN, SIGNS
from services.analysis.methods.toolkit.cards import ASSUMPTIONS, MUST_NOT_CONCLUDE, outputs
from services.analysis.methods.toolkit.figures import TITLES as FIGURES
from services.analysis.methods.toolkit.observation import OBSERVED_UNTIL
from services.analysis.methods.toolkit.parameters import CAPACITY, TEST_FROM
from services.analysis.methods.toolkit.scorecard import TITLE as SCORECARD
from services.analysis.methods.toolkit.tables import TITLES as TABLES
from shared.contracts import Linkage, LocalText, MethodCard, OutputKind, Resources

AUDIT = ("industry", "region", "owner_age", "size")
HORIZONS = {"close_12m": 365, "close_3m": 91, "delinq90_12m": 365}
OWN_TABLES = {
    "crisis_levels": ("위기 단계별 실제 비율", "Realised rate by level"),
    "industries": ("업종별 성능", "Industries compared"),
    "scorecard": SCORECARD,
}
OWN_FIGURES = {
    "levels_figure": ("위기 단계별 실제 폐업 비율", "Realised rate by level"),
    "industries_figure": ("업종별 ROC-AUC", "ROC-AUC by industry"),
}
SHARE: dict[str, Any] = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "outcome": {
            "enum": list(HORIZONS),
            "default": "close_12m",
            "description": "Closure within 12 or 3 months, or 90 days of delinquency within 12 months.",
        },
        "observed_until": OBSERVED_UNTIL
        | {
            "description": "Last day on which closures were recorded. Without it the last day that stands in the table. "
            "An outcome is known only if its whole horizon had passed by then."
        },
        "test_from": TEST_FROM,
        "capacity": CAPACITY,
        "audit_share": SHARE | {"default": 0.2, "description": "Share of highest scores at which groups are compared."},
        "severe_share": SHARE | {"default": 0.02, "description": "Share of businesses whose level is severe."},
        "crisis_share": SHARE | {"default": 0.08, "description": "Share whose level is crisis, below the severe ones."},
        "caution_share": SHARE | {"default": 0.2, "description": "Share whose level is caution, below those in crisis."},
    },
}
CARD = MethodCard(
    name="small_business_crisis",
    version="1.0.0",
    title=LocalText(ko="위기 소상공인 조기 발견", en="Small-business crisis"),
    purpose=(
        "Order small businesses by how likely they close within a year, in four levels, so that advisers reach them while "
        "help still helps, as many as they can, the likeliest first."
    ),
    owner="mss",
    inputs=(BUSINESS,),
    linkage=Linkage(key_domain=KEY_DOMAIN, base="business"),
    parameters=SCHEMA,
    outputs=(
        *outputs(OutputKind.TABLE, TABLES | OWN_TABLES),
        *outputs(OutputKind.FIGURE, FIGURES | OWN_FIGURES),
        *outputs(OutputKind.METRICS, {"summary": ("주요 지표", "Headline figures")}),
        *outputs(OutputKind.RESTRICTED_LIST, {"crisis_list": ("위기 소상공인 후보 명단", "List of businesses in crisis")}),
        *outputs(OutputKind.MODEL, {"crisis_model": ("위기 소상공인 모형", "Model of the crisis")}),
    ),
    assumptions=(
        "One row is one business in one month. Where `closed_on` is given the outcome is made of it: a closure after the row's "
        "day and within the horizon. Rows of a business that is closed already are left out.",
        "An outcome is known only when its whole horizon was observed, also of a business that has closed by then: to count "
        "early closures would select rows by their outcome. Who has closed already is not listed either.",
        "Rows whose horizon reaches into the test months are not learned from.",
        "A label that is dated on or before its row, beyond its horizon, or on every past row of a business raises an alarm.",
        "Four models are compared: a scorecard, logistic regression, a discrete-time hazard whose baseline goes with the months "
        "in business, and monotone boosting, which is kept.",
        "Levels are shares of the scored businesses; neighbours whose realised rates are not in order, or stand on too few, are "
        "joined.",
        *ASSUMPTIONS,
    ),
    must_not_conclude=(
        "A level is no credit rating: no loan, guarantee or contract may be refused, ended or priced on it.",
        "A business may close for good reasons (a sale, a pension): a closure is no failure of its owner.",
        *MUST_NOT_CONCLUDE,
    ),
    monotone=SIGNS,
    fairness_groups=AUDIT,
    resources=Resources(seconds=7200, memory_mb=8192),
)
