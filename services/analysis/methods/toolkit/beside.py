"""The released model and the new one on the same rows, which neither of them learned from in this round, as a table."""

from services.analysis.methods.toolkit.arrays import Floats
from services.analysis.methods.toolkit.champion import Champion, Figures, side_by_side
from services.analysis.methods.toolkit.disclosure import wide
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL
from services.analysis.methods.toolkit.layout import Cell, Table, Text, measured, rounded, table, text
from services.analysis.methods.toolkit.quantities import Aim, NumberStudy
from services.analysis.methods.toolkit.quantity_tables import ERRORS, errors
from services.analysis.methods.toolkit.rows import Words
from services.analysis.methods.toolkit.study import Study
from services.analysis.methods.toolkit.tables import MODEL, ROWS, TITLES

RELEASED: Words = ("공개된 모형", "released model")
NEW: Words = ("새 모형", "new model")


def champion_table(study: Study, champion: Champion) -> Table | None:
    """None if too few cases or others are known."""
    scores = champion.scores[study.measured]
    beside = side_by_side(study.label, scores, study.probability(study.best), study.places)
    if min(int(study.label.sum()), int((1 - study.label).sum())) < MINIMUM_CELL:
        return None
    rows: list[list[Cell]] = [
        ["champion", *RELEASED, beside.rows, *shown(beside.champion, study)],
        ["challenger", *NEW, beside.rows, *shown(beside.challenger, study)],
    ]
    columns = [
        *MODEL,
        ROWS,
        measured("roc_auc", "ROC-AUC", "ROC-AUC", of="rows"),
        measured("pr_auc", "PR-AUC", "PR-AUC", of="rows"),
        measured("brier", "브라이어 점수", "Brier score", of="rows"),
        measured("precision", "정밀도", "Precision", of="rows"),
    ]
    at = (f" 정밀도는 {beside.places:,}건 기준.", f"; precision at {beside.places:,}")
    return table("champion", TITLES["champion"], columns, rows, notes(champion, at))


def shown(figures: Figures, study: Study) -> list[Cell]:
    """Rounded; no precision where fewer than ten cases or others are among those selected."""
    precise = figures.precision_at_k
    wide = precise is not None and MINIMUM_CELL <= precise * study.places <= study.places - MINIMUM_CELL
    values: list[float | None] = [figures.roc_auc, figures.pr_auc, figures.brier, precise if wide else None]
    return [None if value is None else rounded(value) for value in values]


def champion_errors(study: NumberStudy, champion: Champion) -> Table:
    """Both by what this run asked to make small, whatever the released model was trained for."""
    told = notes(champion)
    return errors_beside(study.label, champion.scores[study.measured], study.predicted(study.best), told, study.aim)


def errors_beside(label: Floats, champion: Floats, challenger: Floats, told: Text, aim: Aim = Aim()) -> Table:
    """What either said of the same rows, whose number is known: three arrays of one length, in the unit of the number."""
    said = (("champion", RELEASED, champion), ("challenger", NEW, challenger))
    rows: list[list[Cell]] = [[name, *words, len(label), *errors(aim.quality(label, each))] for name, words, each in said]
    return table("champion", TITLES["champion"], [*MODEL, ROWS, *ERRORS], rows, told)


def notes(champion: Champion, more: Words = ("", "")) -> Text:
    """`more` ends the sentence on what was compared. What few rows have is not told."""
    absent, unknown = ", ".join(champion.absent[:20]), unseen(champion)
    return text(
        f"같은 행에서 비교했습니다.{more[0]} 이번 표에 없는 항목: {absent or '없음'}."
        + (f" 공개된 모형이 모르는 범주가 있는 항목(행의 비율): {unknown}." if unknown else ""),
        f"Compared on the same rows{more[1]}. Features that this table lacks: {absent or 'none'}."
        + (f" Features with categories that the released model never saw (share of rows): {unknown}." if unknown else ""),
    )


def unseen(champion: Champion) -> str:
    """Features of which at least ten rows have a category that it never saw; how many, where ten have another or none."""
    rows = len(champion.scores)
    hits = {name: round(share * rows) for name, share in champion.unknown.items()}
    told = {name: f" ({hit / rows:.0%})" if hit == rows or wide(hit, rows) else "" for name, hit in hits.items()}
    return ", ".join([name + told[name] for name, hit in hits.items() if hit >= MINIMUM_CELL][:20])
