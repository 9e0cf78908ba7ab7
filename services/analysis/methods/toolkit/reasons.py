"""Why a case is listed: which features raise its score above that of the typical row, in words without a value."""

import re
from collections.abc import Callable

import numpy as np

from services.analysis.methods.toolkit.arrays import Floats, Matrix
from services.analysis.methods.toolkit.encoding import MASK, Encoding
from services.analysis.methods.toolkit.models import Explained
from services.analysis.methods.toolkit.rows import Words

MOST = 3
SMALLEST = 0.02
Reason = dict[str, str]
Title = Callable[[str], Words]

ENDINGS: dict[str, Words] = {
    "high": ("{}: 일반적인 경우보다 높음", "{}: higher than usual"),
    "low": ("{}: 일반적인 경우보다 낮음", "{}: lower than usual"),
    "yes": ("{}: 해당함", "{}: applies"),
    "no": ("{}: 해당하지 않음", "{}: does not apply"),
    "kind": ("{}: 점수가 높은 유형에 속함", "{}: of a kind that scores higher"),
    "gap": ("{}: 기록이 없음", "{}: no record"),
}
MIXED = {"code": "several-small-signs", "ko": "여러 작은 징후가 겹침", "en": "Several small signs together"}


def explain(fitted: Explained, matrix: Matrix, title: Title, flags: frozenset[str], most: int = MOST) -> list[list[Reason]]:
    """At most `most` reasons for each row, the strongest first."""
    effects = contributions(fitted, matrix)
    return [strongest(fitted, row, effect, title, flags, most) for row, effect in zip(matrix, effects, strict=True)]


def contributions(fitted: Explained, matrix: Matrix) -> Floats:
    """For each row and feature: how much the log-odds (or the number, by its spread) fall when it is set to the typical one."""
    found = np.zeros(matrix.shape)
    if not len(matrix):
        return found / fitted.scale
    whole = fitted.raw(matrix)
    for place, name in enumerate(fitted.encoding.columns):
        if name.startswith(MASK):
            continue
        changed = matrix.copy()
        changed[:, place] = fitted.typical[place]
        found[:, place] = whole - fitted.raw(changed)
    return found / fitted.scale


def strongest(fitted: Explained, row: Matrix, effects: Floats, title: Title, flags: frozenset[str], most: int) -> list[Reason]:
    chosen = [place for place in np.argsort(-effects, kind="stable")[:most] if effects[place] > SMALLEST]
    return [words(fitted, row, int(place), title, flags) for place in chosen] or [dict(MIXED)]


def words(fitted: Explained, row: Matrix, place: int, title: Title, flags: frozenset[str]) -> Reason:
    name = fitted.encoding.columns[place]
    ending = ending_of(fitted.encoding, name, float(row[place]), float(fitted.typical[place]), flags)
    ko, en = title(name)
    return {"code": code_of(name, ending), "ko": ENDINGS[ending][0].format(ko), "en": ENDINGS[ending][1].format(en)}


def ending_of(encoding: Encoding, name: str, value: float, typical: float, flags: frozenset[str]) -> str:
    if np.isnan(value):
        return "gap"
    if name in encoding.codes:
        return "kind"
    if name in flags:
        return "yes" if value > 0 else "no"
    return "high" if value > typical else "low"


def code_of(name: str, ending: str) -> str:
    """A code as reasons have it: lower case, a letter first, at most 40 long."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return ("" if plain[:1].isalpha() else "x-") + plain[:32] + f"-{ending}"


def flags_of(encoding: Encoding, matrix: Matrix) -> frozenset[str]:
    """Features that are only ever yes, no or unknown."""
    return frozenset(
        name
        for place, name in enumerate(encoding.columns)
        if name not in encoding.codes and np.isin(matrix[:, place][np.isfinite(matrix[:, place])], (0, 1)).all()
    )
