"""The headline figures of a study, each with the number of subjects that it stands on."""

from collections.abc import Mapping
from typing import Any

from services.analysis.methods.toolkit.disclosure import crossed
from services.analysis.methods.toolkit.drift import Drift
from services.analysis.methods.toolkit.evaluation import calibration_bins, calibration_error
from services.analysis.methods.toolkit.layout import Table, Text, figure, text
from services.analysis.methods.toolkit.leakage import Alarms
from services.analysis.methods.toolkit.rows import Words
from services.analysis.methods.toolkit.study import Study
from services.analysis.methods.toolkit.tables import widest_gap

NAME = "summary"
Figures = list[dict[str, Any]]


def quality(study: Study, words: Mapping[str, Words]) -> Figures:
    """The base rate, and of each model how well it separates and fits."""
    rows, cases = len(study.label), int(study.label.sum())
    figures = [figure("base_rate", text("전체 비율", "Share of cases"), cases / rows, rows)]
    for model in study.names:
        (ko, en), found = words[model], study.quality(model)
        for name, title, value in (
            ("roc_auc", "ROC-AUC", found.roc_auc),
            ("pr_auc", "PR-AUC", found.pr_auc),
            ("brier", "Brier", found.brier),
            ("ks", "KS", found.ks),
        ):
            figures.append(figure(f"{name}_{model}", text(f"{title}, {ko}", f"{title}, {en}"), value, rows))
    error = calibration_error(calibration_bins(study.label, study.probability(study.best)))
    return [*figures, figure("calibration_error", text("보정 오차", "Calibration error"), error, rows)]


def at_capacity(study: Study, words: Mapping[str, Words]) -> Figures:
    """Precision, recall and lift at the field capacity; left away where they would tell of fewer than ten."""
    figures: Figures = []
    rows, cases = len(study.label), int(study.label.sum())
    for model in study.names:
        chosen = study.selected(model, study.places)
        selected, found = int(chosen.sum()), int(study.label[chosen].sum())
        if not crossed(rows, cases, selected, found):
            continue
        ko, en = words[model]
        figures += [
            figure(f"precision_{model}", text(f"정밀도, {ko}", f"Precision, {en}"), found / selected, selected),
            figure(f"recall_{model}", text(f"재현율, {ko}", f"Recall, {en}"), found / cases, cases),
            figure(f"lift_{model}", text(f"향상도, {ko}", f"Lift, {en}"), found / selected * rows / cases, selected),
        ]
    return figures


def gaps(rates: Table | None, counted: str = "cases") -> Figures:
    """Who is found less often than others: the widest gap in recall inside each grouping."""
    if rates is None:
        return []
    title = ("재현율의 최대 격차", "Widest gap in recall")
    return [
        figure(f"recall_gap_{each}"[:63], text(f"{title[0]}, {each}", f"{title[1]}, {each}"), gap, cases)
        for each, (gap, cases) in widest_gap(rates, counted).items()
    ]


def moved(found: list[Drift]) -> Figures:
    if not found:
        return []
    score, most = found[0], max(found[1:], key=lambda each: each.psi, default=found[0])
    return [
        figure("psi_score", text("점수의 PSI", "PSI of the score"), score.psi, score.now),
        figure("psi_largest", text("항목 PSI의 최댓값", "Largest PSI of a feature"), most.psi, most.now),
    ]


def monotone(tried: tuple[int, int]) -> Figures:
    """Trials in which a score moved against its constraint."""
    violations, trials = tried
    return [figure("monotone_violations", text("단조성 위반", "Monotonicity violations"), violations, trials)] if trials else []


def metrics(study: Study, figures: Figures, alarms: Alarms) -> dict[str, Any]:
    told = {
        "kind": str(study.split.kind),
        "test_from": study.split.cut or None,
        "folds": len(study.split.folds),
        "train_rows": int(study.split.train.sum()),
        "test_rows": len(study.label),
        "model": study.best,
        "alarms": [str(alarm["feature"] or alarm["code"])[:100] for alarm in alarms][:20],
    }
    count = figure("leakage_alarms", text("정답 누출 경보", "Leakage alarms"), len(alarms), len(study.label))
    return {"name": NAME, "figures": [*figures, count], "split": told, "notes": notes(alarms)}


def notes(alarms: Alarms) -> Text:
    if alarms:
        return text(
            "정답이 입력에 새어 들어간 것으로 보입니다. 담당자가 경보에 답할 때까지 결과는 보류됩니다.",
            "The answer seems to have leaked into the inputs: the result is held until a person has answered the alarms.",
        )
    return text(
        "모든 값은 학습에 쓰지 않은 행에 대한 것이며, 개인에 대한 결정이 아닙니다.",
        "All figures are for rows that no model learned from, and decide on nobody.",
    )
