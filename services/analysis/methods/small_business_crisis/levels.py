"""Four levels by score, joined where their realised rates are not in order or stand on too few."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.analysis.methods.small_business_crisis.card import OWN_TABLES
from services.analysis.methods.toolkit.arrays import Floats
from services.analysis.methods.toolkit.disclosure import wide
from services.analysis.methods.toolkit.layout import (
    LABELS,
    Cell,
    Table,
    count,
    dimension,
    rate_with_interval,
    shares,
    table,
    text,
)
from services.analysis.methods.toolkit.rows import Words

NAMES = ("normal", "caution", "crisis", "severe")
WORDS: dict[str, Words] = {
    "normal": ("정상", "normal"),
    "caution": ("주의", "caution"),
    "crisis": ("위기", "crisis"),
    "severe": ("심각", "severe"),
}
COLUMNS = [
    dimension("level", "단계", "Level"),
    *LABELS,
    count("rows", "사업체월", "Business months"),
    count("cases", "해당 건", "Cases"),
    *rate_with_interval("rate", "실제 비율", "Realised rate", numerator="cases", of="rows"),
]
NOTES = text(
    "실제 비율의 순서가 맞지 않거나 10 미만에 근거한 이웃 단계는 합쳤습니다.",
    "Neighbouring levels whose realised rates are not in order, or which stand on fewer than 10, are joined.",
)


@dataclass(frozen=True)
class Levels:
    """The lowest score of each level but the first, and which names each joined level has, the lowest first."""

    cuts: Floats
    names: tuple[tuple[str, ...], ...]

    def of(self, score: Floats) -> NDArray[np.int64]:
        return np.searchsorted(self.cuts, score, side="right").astype(np.int64)

    def word(self, level: int) -> Words:
        named = [WORDS[name] for name in self.names[level]]
        return "·".join(ko for ko, _ in named), " or ".join(en for _, en in named)

    def code(self, level: int) -> str:
        return "_".join(self.names[level])


def make_levels(score: Floats, label: Floats, shares_above: tuple[float, float, float]) -> Levels:
    """`shares_above`: of all scores those that are severe, then in crisis, then in caution."""
    severe, crisis, caution = shares_above
    tops = [min(1.0, severe + crisis + caution), min(1.0, severe + crisis), severe]
    cuts = [float(np.quantile(score, 1 - top)) for top in tops]
    names: list[tuple[str, ...]] = [(name,) for name in NAMES]
    while cuts and (wrong := first_wrong(np.asarray(cuts), score, label)) is not None:
        del cuts[wrong]
        names[wrong : wrong + 2] = [names[wrong] + names[wrong + 1]]
    return Levels(np.asarray(cuts), tuple(names))


def first_wrong(cuts: Floats, score: Floats, label: Floats) -> int | None:
    """The cut, counted from the lowest, that should not be: too few on one side of it, or a rate that does not rise."""
    level = np.searchsorted(cuts, score, side="right")
    rows = np.bincount(level, minlength=len(cuts) + 1)
    cases = np.bincount(level, weights=label, minlength=len(cuts) + 1)
    for at in range(len(cuts), 0, -1):
        thin = not (wide(int(cases[at]), int(rows[at])) and wide(int(cases[at - 1]), int(rows[at - 1])))
        if thin or cases[at] * rows[at - 1] <= cases[at - 1] * rows[at]:
            return at - 1
    return None


def levels_table(levels: Levels, score: Floats, label: Floats) -> Table | None:
    level = levels.of(score)
    rows: list[list[Cell]] = []
    for at in range(len(levels.names)):
        size, cases = int((level == at).sum()), int(label[level == at].sum())
        if wide(cases, size):
            rows.append([levels.code(at), *levels.word(at), size, cases, *shares(cases, size)])
    return table("crisis_levels", OWN_TABLES["crisis_levels"], COLUMNS, rows, NOTES) if rows else None
