"""The headline figures of a study, each with the number of households it stands on, and the leakage alarms."""

from typing import Any

from services.analysis.methods.welfare_blind_spots.evaluation import (
    LEAKAGE_AUC,
    calibration_bins,
    calibration_error,
    leaking_features,
    measure,
)
from services.analysis.methods.welfare_blind_spots.models import MODELS
from services.analysis.methods.welfare_blind_spots.monotone import count_violations
from services.analysis.methods.welfare_blind_spots.study import Study
from services.analysis.methods.welfare_blind_spots.tables.layout import Table, Text, text

NAME = "summary"
MONOTONE_CASES = 2000
MOST_ALARMS = 19


def find_alarms(study: Study) -> list[str]:
    """Signs that the label leaked into the features: good figures are then no success, and nothing is concluded."""
    alarms = [f"feature-leaks-label: {name}" for name in leaking_features(study.matrix, study.label)]
    quality = measure(study.label, study.order("boosting"), study.probability("boosting"))
    return (["model-too-good"] if quality.roc_auc > LEAKAGE_AUC else []) + alarms[:MOST_ALARMS]


def make_metrics(study: Study, tables: dict[str, Table], alarms: list[str], listed: int) -> dict[str, Any]:
    parameters = study.parameters
    return {
        "name": NAME,
        "figures": [*_quality(study), *_capacity(study, listed), *_groups(tables["group_rates"]), *_checks(study, alarms)],
        "split": {
            "kind": "time",
            "train_years": list(parameters.train_years),
            "train_households": int(study.train.sum()),
            "test_year": parameters.test_year,
            "test_households": int(study.test.sum()),
            "alarms": alarms,
        },
        "notes": _notes(alarms),
    }


def _figure(name: str, title: Text, value: float, count: int, unit: str | None = None) -> dict[str, Any]:
    made = {"name": name, "title": title, "value": round(float(value), 4), "count": int(count)}
    return made | ({"unit": unit} if unit else {})


def _quality(study: Study) -> list[dict[str, Any]]:
    households, receivers = len(study.label), int(study.label.sum())
    figures = [_figure("base_rate", text("전체 수급률", "Share receiving"), receivers / households, households)]
    for model, (ko, en) in MODELS.items():
        quality = measure(study.label, study.order(model), study.probability(model))
        figures += [
            _figure(f"roc_auc_{model}", text(f"ROC-AUC, {ko}", f"ROC-AUC, {en}"), quality.roc_auc, households),
            _figure(f"pr_auc_{model}", text(f"PR-AUC, {ko}", f"PR-AUC, {en}"), quality.pr_auc, receivers),
            _figure(f"brier_{model}", text(f"브라이어 점수, {ko}", f"Brier score, {en}"), quality.brier, households),
        ]
    return figures


def _capacity(study: Study, listed: int) -> list[dict[str, Any]]:
    base = float(study.label.mean())
    title = text("방문 가능 가구", "Households that can be visited")
    figures = [_figure("capacity", title, study.places, study.places, "households")]
    for model, (ko, en) in MODELS.items():
        precision = float(study.label[study.selected(model, study.places)].mean())
        figures += [
            _figure(f"precision_{model}", text(f"정밀도, {ko}", f"Precision, {en}"), precision, study.places),
            _figure(f"lift_{model}", text(f"향상도, {ko}", f"Lift, {en}"), precision / base, study.places),
        ]
    return [*figures, _figure("listed", text("명단에 오른 가구", "Listed households"), listed, listed, "households")]


def _groups(rates: Table) -> list[dict[str, Any]]:
    """The widest gap in recall inside each grouping: who is found less often than others."""
    names = [column["name"] for column in rates["columns"]]
    group, recall, receivers = names.index("group"), names.index("recall"), names.index("receivers")
    figures = []
    for each in dict.fromkeys(row[group] for row in rates["rows"]):
        rows = [row for row in rates["rows"] if row[group] == each]
        gap = max(row[recall] for row in rows) - min(row[recall] for row in rows)
        title = text(f"재현율의 최대 격차, {each}", f"Widest gap in recall, {each}")
        figures.append(_figure(f"recall_gap_{each}", title, gap, min(row[receivers] for row in rows)))
    return figures


def _checks(study: Study, alarms: list[str]) -> list[dict[str, Any]]:
    households = len(study.label)
    error = calibration_error(calibration_bins(study.label, study.probability("boosting")))
    violations, trials = count_violations(study.fitted, study.linked, cases=MONOTONE_CASES)
    return [
        _figure("calibration_error", text("보정 오차", "Calibration error"), error, households),
        _figure("monotone_violations", text("단조성 위반", "Monotonicity violations"), violations, trials),
        _figure("leakage_alarms", text("정답 누출 경보", "Leakage alarms"), len(alarms), households),
    ]


def _notes(alarms: list[str]) -> Text:
    if alarms:
        found = ", ".join(alarms)
        return text(
            f"정답이 입력에 새어 들어간 것으로 보입니다({found}). 결론을 내리지 않으며 명단은 비어 있습니다.",
            f"The answer seems to have leaked into the inputs ({found}): nothing is concluded and the list is empty.",
        )
    return text(
        "급여 일부는 자료 작성자가 추정한 값입니다. 절차를 보여 줄 뿐 한국의 현황이 아니며, 수급 자격의 판단도 아닙니다.",
        "Benefits are partly imputed by the makers of the data. This shows the machinery, not Korea, and decides on nobody.",
    )
