"""Why a household is listed: which sides of its life raise the score above that of a typical household, in words."""

from dataclasses import dataclass

import numpy as np

from services.analysis.methods.toolkit.arrays import Floats, Matrix
from services.analysis.methods.toolkit.models import Fitted

MOST = 3
SMALLEST = 0.02


@dataclass(frozen=True)
class Side:
    """Features that belong together, and what is said when they raise the score.

    Where the first feature may move the score either way, the words depend on whether it lies above the typical value."""

    code: str
    ko: str
    en: str
    features: tuple[str, ...]
    below: tuple[str, str, str] | None = None


SIDES = (
    Side(
        "low-income",
        "소득이 일반적인 가구보다 낮음",
        "Income below that of a typical household",
        (
            "income_per_member",
            "wages",
            "business_income",
            "farm_income",
            "private_pension",
            "social_security",
            "veterans_benefit",
        ),
    ),
    Side("few-earners", "소득이 있는 가구원이 적음", "Few or no earning members", ("earners",)),
    Side(
        "no-savings-income",
        "이자나 배당 소득이 거의 없음",
        "Hardly any income from savings",
        ("interest_income", "dividend_income"),
    ),
    Side("no-housing-wealth", "주택 자산의 흔적이 없음", "No sign of housing wealth", ("mortgage_interest", "property_tax")),
    Side("job-lost", "최근 실업급여 수급", "Drew unemployment benefit", ("unemployment_benefit",)),
    Side("children", "아동을 부양함", "Raising children", ("children_under_18", "children_under_6")),
    Side("single-parent", "혼자 아동을 양육함", "One adult raising children", ("single_parent",)),
    Side("disability", "장애인 가구원이 있음", "A member has a disability", ("disabled_members",)),
    Side(
        "large-household",
        "가구원이 많음",
        "Large household",
        ("household_size",),
        below=("small-household", "가구원이 적음", "Small household"),
    ),
    Side(
        "several-families",
        "여러 가족이 함께 거주함",
        "Several families share the home",
        ("families",),
        below=("one-family", "한 가족만 거주함", "A single family in the home"),
    ),
    Side(
        "older-head",
        "가구주의 나이가 많음",
        "Head older than most",
        ("age_of_head",),
        below=("younger-head", "가구주의 나이가 적음", "Head younger than most"),
    ),
)
MIXED = {"code": "several-small-signs", "ko": "여러 작은 징후가 겹침", "en": "Several small signs together"}


def contributions(fitted: Fitted, matrix: Matrix) -> Floats:
    """For each household and side: how much the log-odds fall when that side is set to the typical household's."""
    names = fitted.encoding.columns
    whole = fitted.raw(matrix)
    found = np.zeros((len(matrix), len(SIDES)))
    for place, side in enumerate(SIDES):
        changed = matrix.copy()
        for position in (names.index(name) for name in side.features if name in names):
            known = np.isfinite(matrix[:, position])
            changed[known, position] = fitted.typical[position]
        found[:, place] = whole - fitted.raw(changed)
    return found


def explain(fitted: Fitted, matrix: Matrix) -> list[list[dict[str, str]]]:
    """At most three reasons for each household, the strongest first; words only, never a value."""
    if not len(matrix):
        return []
    effects = contributions(fitted, matrix)
    return [_strongest(fitted, row, effect) for row, effect in zip(matrix, effects, strict=True)]


def _strongest(fitted: Fitted, row: Matrix, effects: Floats) -> list[dict[str, str]]:
    order = np.argsort(-effects, kind="stable")[:MOST]
    return [_words(fitted, row, SIDES[place]) for place in order if effects[place] > SMALLEST] or [dict(MIXED)]


def _words(fitted: Fitted, row: Matrix, side: Side) -> dict[str, str]:
    names = fitted.encoding.columns
    position = names.index(side.features[0]) if side.features[0] in names else 0
    if side.below and row[position] <= fitted.typical[position]:
        code, ko, en = side.below
        return {"code": code, "ko": ko, "en": en}
    return {"code": side.code, "ko": side.ko, "en": side.en}
