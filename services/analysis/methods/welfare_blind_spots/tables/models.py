"""How the three models fare on the year they never saw."""

import numpy as np

from services.analysis.methods.toolkit.arrays import Flags
from services.analysis.methods.toolkit.disclosure import crossed, wide
from services.analysis.methods.toolkit.evaluation import calibration_bins, measure
from services.analysis.methods.toolkit.layout import (
    LABELS,
    Cell,
    Table,
    dimension,
    measured,
    rate,
    rate_with_interval,
    rounded,
    shares,
    text,
)
from services.analysis.methods.toolkit.models import sample
from services.analysis.methods.welfare_blind_spots.models import MODELS
from services.analysis.methods.welfare_blind_spots.reasons import SIDES, contributions
from services.analysis.methods.welfare_blind_spots.study import Study
from services.analysis.methods.welfare_blind_spots.tables.layout import FOUND, HOUSEHOLDS, RECEIVERS, SELECTED, table

SHARES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
MODEL = [dimension("model", "모형", "Model"), *LABELS]
RANKING = [
    SELECTED,
    FOUND,
    *rate_with_interval("precision", "정밀도", "Precision", numerator="found", of="selected"),
    rate("recall", "재현율", "Recall", numerator="found", of="receivers"),
    measured("lift", "향상도", "Lift", of="selected"),
]


def model_comparison(study: Study) -> Table:
    rows: list[list[Cell]] = []
    chosen = {model: study.selected(model, study.places) for model in MODELS}
    told = all(_can_be_shown(study, each) for each in chosen.values())
    for model, names in MODELS.items():
        quality = measure(study.label, study.order(model), study.probability(model))
        measures = [rounded(value) for value in (quality.roc_auc, quality.pr_auc, quality.brier)]
        sizes = [len(study.label), int(study.label.sum())]
        rows.append([model, *names, *sizes, *measures, *(_ranking(study, chosen[model]) if told else ())])
    columns = [
        *MODEL,
        HOUSEHOLDS,
        RECEIVERS,
        measured("roc_auc", "ROC-AUC", "ROC-AUC", of="households"),
        measured("pr_auc", "PR-AUC", "PR-AUC", of="receivers"),
        measured("brier", "브라이어 점수", "Brier score", of="households"),
        *(RANKING if told else ()),
    ]
    year = study.parameters.test_year
    notes = text(
        f"모든 값은 학습에 쓰지 않은 {year}년 가구에 대한 것입니다. 선정은 방문 가능한 가구 수만큼입니다.",
        f"All figures are for households of {year}, a year that no model learned from; as many are selected as can be visited.",
    )
    return table("model_comparison", columns, rows, notes)


def calibration(study: Study) -> Table:
    rows: list[list[Cell]] = [
        [place, part.rows, part.cases, rounded(part.mean_score), *shares(part.cases, part.rows)]
        for place, part in enumerate(calibration_bins(study.label, study.probability("boosting")), start=1)
        if wide(part.cases, part.rows)
    ]
    columns = [
        dimension("bin", "점수 구간", "Score band"),
        HOUSEHOLDS,
        RECEIVERS,
        measured("mean_score", "평균 점수", "Mean score", of="households"),
        *rate_with_interval("observed", "실제 수급률", "Observed share", numerator="receivers", of="households"),
    ]
    notes = text(
        "점수 십분위이며, 수급 가구와 비수급 가구가 각각 10 이상이 되도록 이웃 구간을 합쳤습니다.",
        "Tenths by score; neighbours are joined until each holds at least 10 receiving and 10 other households.",
    )
    return table("calibration", columns, rows, notes)


def capacity_curve(study: Study) -> Table:
    rows: list[list[Cell]] = []
    for model, names in MODELS.items():
        before = np.zeros(len(study.label), dtype=bool)
        for share in SHARES:
            chosen = study.selected(model, study.places_at(share))
            step = chosen & ~before
            if _can_be_shown(study, chosen) and wide(int(study.label[step].sum()), int(step.sum())):
                before = chosen
                rows.append([model, *names, share, int(study.label.sum()), *_ranking(study, chosen)])
    notes = text(
        "수급 또는 비수급 가구가 10 미만이거나 앞 규모와의 차이가 10 미만인 규모는 싣지 않았습니다.",
        "Capacities with fewer than 10 receiving or 10 other households, or more than the one before has, are left out.",
    )
    columns = [*MODEL, dimension("share", "점수 상위 비율", "Top share of scores"), RECEIVERS, *RANKING]
    return table("capacity_curve", columns, rows, notes)


def drivers(study: Study) -> Table:
    households = sample(np.ones(len(study.label), dtype=bool))
    effects = np.abs(contributions(study.fitted, study.matrix[households])).mean(axis=0)
    rows: list[list[Cell]] = [
        [SIDES[place].code, SIDES[place].ko, SIDES[place].en, len(households), round(float(effects[place]), 4)]
        for place in np.argsort(-effects, kind="stable")
    ]
    columns = [
        dimension("reason", "이유 코드", "Reason code"),
        *LABELS,
        HOUSEHOLDS,
        measured("effect", "평균 로그오즈 변화", "Mean change of the log-odds", of="households"),
    ]
    notes = text(
        "한 요인을 일반적인 가구의 값으로 바꿨을 때의 평균 변화이며, 인과관계가 아닙니다.",
        "Mean change when one side is set to that of a typical household; not a cause.",
    )
    if len(households) < len(study.label):
        notes = text(notes["ko"] + " 무작위로 뽑은 가구에 대한 값입니다.", notes["en"] + " Of households that were drawn by lot.")
    return table("drivers", columns, rows, notes)


def _ranking(study: Study, chosen: Flags) -> list[Cell]:
    selected, found, receivers = int(chosen.sum()), int(study.label[chosen].sum()), int(study.label.sum())
    lift = found / selected / (receivers / len(study.label))
    return [selected, found, *shares(found, selected), rounded(found / receivers), round(lift, 3)]


def _can_be_shown(study: Study, chosen: Flags) -> bool:
    return crossed(len(study.label), int(study.label.sum()), int(chosen.sum()), int(study.label[chosen].sum()))
