"""The tables of the study of a number: each mean names the count that it stands on."""

import numpy as np

from services.analysis.methods.toolkit.arrays import Flags
from services.analysis.methods.toolkit.disclosure import levels
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL
from services.analysis.methods.toolkit.layout import LABELS, Cell, Table, dimension, figure, measured, table, text
from services.analysis.methods.toolkit.quantities import MODELS, NumberStudy, Quality
from services.analysis.methods.toolkit.rows import Words
from services.analysis.methods.toolkit.tables import MODEL, ROWS

LARGEST_SHARE = 0.9
TITLES: dict[str, Words] = {
    "model_comparison": ("모형의 비교", "The models compared"),
    "calibration": ("예측과 실제 평균", "Predicted and observed mean"),
    "group_errors": ("집단별 오차", "Errors by group"),
}
ERRORS = [
    measured("mae", "평균 절대 오차", "Mean absolute error", of="rows"),
    measured("rmse", "평균 제곱근 오차", "Root mean square error", of="rows"),
    measured("r2", "결정계수", "R squared", of="rows"),
    measured("loss", "목표 손실", "Loss that was asked for", of="rows"),
]


def model_comparison(study: NumberStudy) -> Table:
    rows: list[list[Cell]] = []
    for model, words in MODELS.items():
        rows.append([model, *words, len(study.label), *errors(study.quality(model))])
    notes = text("모든 값은 학습에 쓰지 않은 행에 대한 것입니다.", "All figures are for rows that the model did not learn from.")
    return table("model_comparison", TITLES["model_comparison"], [*MODEL, ROWS, *ERRORS], rows, notes)


def errors(found: Quality) -> list[Cell]:
    return [significant(value) for value in (found.mae, found.rmse, found.r2, found.loss)]


def calibration(study: NumberStudy) -> Table | None:
    """Tenths by prediction; one whose sum is almost one row's is left away."""
    predicted = study.predicted(study.best)
    rows: list[list[Cell]] = []
    for place, part in enumerate(np.array_split(np.argsort(predicted, kind="stable"), 10), start=1):
        if may_leave(study, part):
            means = (float(predicted[part].mean()), float(study.label[part].mean()))
            rows.append([place, len(part), *(significant(value) for value in means)])
    columns = [
        dimension("bin", "예측 구간", "Band of predictions"),
        ROWS,
        measured("mean_score", "예측 평균", "Mean prediction", of="rows"),
        measured("observed", "실제 평균", "Observed mean", of="rows"),
    ]
    notes = text(
        "예측값의 십분위입니다. 한 건이 합계의 대부분인 구간은 뺐습니다.",
        "Tenths by prediction; one in which a single row makes up most of the sum is left out.",
    )
    return table("calibration", TITLES["calibration"], columns, rows, notes) if rows else None


def may_leave(study: NumberStudy, part: np.ndarray[tuple[int], np.dtype[np.intp]]) -> bool:
    """Ten rows, none of which dominates the sum."""
    amounts = np.abs(study.label[part])
    return len(part) >= MINIMUM_CELL and float(np.sort(amounts)[-2:].sum()) <= LARGEST_SHARE * max(float(amounts.sum()), 1e-300)


def group_errors(study: NumberStudy) -> Table | None:
    error = study.predicted(study.best) - study.label
    rows: list[list[Cell]] = []

    def is_wide(member: Flags) -> bool:
        return int(member.sum()) >= MINIMUM_CELL

    for grouping, belongs in study.rows.audit.items():
        for level in levels(grouping, belongs[study.measured], is_wide):
            found = (float(error[level.member].mean()), float(np.abs(error[level.member]).mean()))
            sizes = int(level.member.sum())
            rows.append([grouping, level.code, *level.words, sizes, *(significant(value) for value in found)])
    columns = [
        dimension("group", "구분", "Grouping"),
        dimension("level", "집단", "Group"),
        *LABELS,
        ROWS,
        measured("bias", "평균 오차", "Mean error", of="rows"),
        measured("mae", "평균 절대 오차", "Mean absolute error", of="rows"),
    ]
    notes = text(
        "오차는 예측에서 실제를 뺀 값입니다. 10 미만인 집단은 합쳤습니다.",
        "Errors are predicted less observed. Groups of fewer than 10 are joined.",
    )
    return table("group_errors", TITLES["group_errors"], columns, rows, notes) if rows else None


def headline(study: NumberStudy) -> list[dict[str, object]]:
    figures = []
    for model, (ko, en) in MODELS.items():
        found = study.quality(model)
        for name, title, value in (("mae", "MAE", found.mae), ("rmse", "RMSE", found.rmse), ("r2", "R2", found.r2)):
            figures.append(figure(f"{name}_{model}", text(f"{title}, {ko}", f"{title}, {en}"), value, len(study.label)))
    return figures


def significant(value: float) -> float:
    """Five digits are enough for an amount of any size."""
    return float(f"{value:.5g}")
