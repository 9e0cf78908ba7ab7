"""The released model and the new one on the same rows, which neither of them learned from in this round, as a table."""

from services.analysis.methods.toolkit.champion import Champion, Figures, side_by_side
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL
from services.analysis.methods.toolkit.layout import Cell, Table, measured, rounded, table, text
from services.analysis.methods.toolkit.quantities import NumberStudy
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
    old = study.aim.quality(study.label, champion.scores[study.measured])
    rows: list[list[Cell]] = [
        ["champion", *RELEASED, len(study.label), *errors(old)],
        ["challenger", *NEW, len(study.label), *errors(study.quality(study.best))],
    ]
    return table("champion", TITLES["champion"], [*MODEL, ROWS, *ERRORS], rows, notes(champion))


def notes(champion: Champion, more: Words = ("", "")) -> dict[str, str]:
    absent = ", ".join(champion.absent[:20])
    return text(
        f"같은 행에서 비교했습니다.{more[0]} 이번 표에 없는 항목: {absent or '없음'}.",
        f"Compared on the same rows{more[1]}. Features that this table lacks: {absent or 'none'}.",
    )
