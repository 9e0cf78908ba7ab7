"""The headline figures of a study, each with the number of households it stands on, and the leakage alarms."""

from typing import Any

from services.analysis.methods.toolkit import headline
from services.analysis.methods.toolkit.disclosure import crossed
from services.analysis.methods.toolkit.drift import Drift
from services.analysis.methods.toolkit.evaluation import (
    MINIMUM_CELL,
    calibration_bins,
    calibration_error,
    measure,
)
from services.analysis.methods.toolkit.layout import Table, Text, figure, text
from services.analysis.methods.toolkit.leakage import Alarms
from services.analysis.methods.welfare_blind_spots.models import MODELS
from services.analysis.methods.welfare_blind_spots.monotone import count_violations
from services.analysis.methods.welfare_blind_spots.study import Study

NAME = "summary"
MONOTONE_CASES = 2000


def told(alarms: Alarms) -> list[str]:
    """The alarms in short, as the split carries them."""
    return [each["code"] + (f": {each['feature']}" if each["feature"] else "") for each in alarms]


def make_metrics(study: Study, tables: dict[str, Table], alarms: Alarms, drift: list[Drift], listed: int) -> dict[str, Any]:
    parameters = study.parameters
    return {
        "name": NAME,
        "figures": [
            *_quality(study),
            *_capacity(study, listed),
            *headline.gaps(tables.get("group_rates"), "receivers"),
            *headline.moved(drift),
            *_checks(study, alarms),
        ],
        "split": {
            "kind": "time",
            "train_years": list(parameters.train_years),
            "train_households": int(study.train.sum()),
            "test_year": parameters.test_year,
            "test_households": int(study.test.sum()),
            "alarms": told(alarms),
        },
        "notes": _notes(alarms),
    }


def _quality(study: Study) -> list[dict[str, Any]]:
    households, receivers = len(study.label), int(study.label.sum())
    figures = [figure("base_rate", text("전체 수급률", "Share receiving"), receivers / households, households)]
    for model, (ko, en) in MODELS.items():
        quality = measure(study.label, study.order(model), study.probability(model))
        figures += [
            figure(f"roc_auc_{model}", text(f"ROC-AUC, {ko}", f"ROC-AUC, {en}"), quality.roc_auc, households),
            figure(f"pr_auc_{model}", text(f"PR-AUC, {ko}", f"PR-AUC, {en}"), quality.pr_auc, receivers),
            figure(f"ks_{model}", text(f"KS, {ko}", f"KS, {en}"), quality.ks, households),
            figure(f"brier_{model}", text(f"브라이어 점수, {ko}", f"Brier score, {en}"), quality.brier, households),
        ]
    return figures


def _capacity(study: Study, listed: int) -> list[dict[str, Any]]:
    base = float(study.label.mean())
    title = text("방문 가능 가구", "Households that can be visited")
    figures = [figure("capacity", title, study.places, study.places, "households")]
    for model, (ko, en) in MODELS.items():
        chosen = study.selected(model, study.places)
        precision = float(study.label[chosen].mean())
        if not crossed(len(study.label), int(study.label.sum()), study.places, int(study.label[chosen].sum())):
            continue
        figures += [
            figure(f"precision_{model}", text(f"정밀도, {ko}", f"Precision, {en}"), precision, study.places),
            figure(f"lift_{model}", text(f"향상도, {ko}", f"Lift, {en}"), precision / base, study.places),
        ]
    figures.append(figure("listed", text("명단에 오른 가구", "Listed households"), listed, listed, "households"))
    return [each for each in figures if each["count"] >= MINIMUM_CELL]


def _checks(study: Study, alarms: Alarms) -> list[dict[str, Any]]:
    households = len(study.label)
    error = calibration_error(calibration_bins(study.label, study.probability("boosting")))
    violations, trials = count_violations(study.fitted, study.linked, cases=MONOTONE_CASES)
    return [
        figure("calibration_error", text("보정 오차", "Calibration error"), error, households),
        figure("monotone_violations", text("단조성 위반", "Monotonicity violations"), violations, trials),
        figure("leakage_alarms", text("정답 누출 경보", "Leakage alarms"), len(alarms), households),
    ]


def _notes(alarms: Alarms) -> Text:
    if alarms:
        found = ", ".join(told(alarms))
        return text(
            f"정답이 입력에 새어 들어간 것으로 보입니다({found}). 경보에 답할 때까지 결과는 보류되며 결론을 내리지 않습니다.",
            f"The answer seems to have leaked into the inputs ({found}): "
            "nothing is concluded, and the result is held until a person has answered.",
        )
    return text(
        "급여 일부는 자료 작성자가 추정한 값입니다. 절차를 보여 줄 뿐 한국의 현황이 아니며, 수급 자격의 판단도 아닙니다.",
        "Benefits are partly imputed by the makers of the data. This shows the machinery, not Korea, and decides on nobody.",
    )
