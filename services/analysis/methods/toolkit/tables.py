"""The tables of a study with a yes-or-no outcome: every rate names the counts that it stands on."""

from collections.abc import Mapping

import numpy as np

from services.analysis.methods.toolkit.arrays import Flags, Texts
from services.analysis.methods.toolkit.disclosure import Level, crossed, levels, wide
from services.analysis.methods.toolkit.drift import Drift
from services.analysis.methods.toolkit.evaluation import calibration_bins, places_at
from services.analysis.methods.toolkit.layout import (
    LABELS,
    Cell,
    Table,
    count,
    dimension,
    measured,
    rate,
    rate_with_interval,
    rounded,
    shares,
    table,
    text,
)
from services.analysis.methods.toolkit.rows import Rows, Titled, Words
from services.analysis.methods.toolkit.study import Study

SHARES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
TITLES: dict[str, Words] = {
    "population": ("분석 대상", "Rows of the study"),
    "model_comparison": ("모형의 비교", "The models compared"),
    "calibration": ("점수와 실제 비율", "Score and observed share"),
    "capacity_curve": ("처리 가능 규모별 정밀도와 향상도", "Precision and lift by capacity"),
    "group_rates": ("집단별 선정률, 재현율, 정밀도", "Selection, recall and precision by group"),
    "drivers": ("점수를 움직이는 항목", "What moves the score"),
    "drift": ("이전 회차와의 차이", "Drift against the previous round"),
    "champion": ("공개된 모형과의 비교", "Beside the released model"),
    "features": ("항목의 쓰임", "How each feature is used"),
    "availability": ("자료 제공 시점과 결측", "Since when features are available, and what is missing"),
}
MODEL = [dimension("model", "모형", "Model"), *LABELS]
ROWS, CASES = count("rows", "행 수", "Rows"), count("cases", "해당 건", "Cases")
SELECTED, FOUND = count("selected", "선정 건", "Selected"), count("found", "선정 중 해당 건", "Cases among the selected")
RANKING = [
    SELECTED,
    FOUND,
    *rate_with_interval("precision", "정밀도", "Precision", numerator="found", of="selected"),
    rate("recall", "재현율", "Recall", numerator="found", of="cases"),
    measured("lift", "향상도", "Lift", of="selected"),
]


def population(study: Study, names: Mapping[str, Words]) -> Table | None:
    """Rows that were learned from and rows that were measured."""
    parts = {"measured": study.measured} | ({"learned": study.split.train} if study.split.cut else {})
    rows: list[list[Cell]] = []
    for part, member in sorted(parts.items()):
        cases = int(study.rows.label[member].sum())
        if wide(cases, int(member.sum())):
            rows.append([part, *names[part], int(member.sum()), cases, *shares(cases, int(member.sum()))])
    columns = [dimension("part", "구분", "Part"), *LABELS, ROWS, CASES]
    columns += rate_with_interval("rate", "해당 비율", "Share of cases", numerator="cases", of="rows")
    notes = text(
        "결과를 모르는 행은 학습에도 평가에도 쓰지 않습니다.", "A row of unknown outcome is neither learned from nor measured."
    )
    return table("population", TITLES["population"], columns, rows, notes) if rows else None


def model_comparison(study: Study, words: Mapping[str, Words]) -> Table:
    rows: list[list[Cell]] = []
    for model in study.names:
        quality, sizes = study.quality(model), [len(study.label), int(study.label.sum())]
        figures = (quality.roc_auc, quality.pr_auc, quality.brier, quality.ks)
        rows.append([model, *words[model], *sizes, *(rounded(value) for value in figures), *at_capacity(study, model)])
    columns = [
        *MODEL,
        ROWS,
        CASES,
        measured("roc_auc", "ROC-AUC", "ROC-AUC", of="rows"),
        measured("pr_auc", "PR-AUC", "PR-AUC", of="cases"),
        measured("brier", "브라이어 점수", "Brier score", of="rows"),
        measured("ks", "KS", "Kolmogorov-Smirnov distance", of="rows"),
        measured("precision", "정밀도", "Precision", of="rows"),
        measured("recall", "재현율", "Recall", of="cases"),
        measured("lift", "향상도", "Lift", of="rows"),
    ]
    notes = text(
        f"모든 값은 학습에 쓰지 않은 행에 대한 것입니다. 선정은 처리 가능 규모({study.places:,}건)만큼이며, "
        "해당 건이나 그 밖이 10 미만이면 비워 둡니다.",
        f"All figures are for rows that the model did not learn from. As many are selected as can be handled ({study.places:,}); "
        "left empty where fewer than 10 cases or others are among them.",
    )
    return table("model_comparison", TITLES["model_comparison"], columns, rows, notes)


def at_capacity(study: Study, model: str) -> list[Cell]:
    """Precision, recall and lift at the field capacity; empty where they would tell of fewer than ten."""
    chosen = study.selected(model, study.places)
    selected, found, cases = int(chosen.sum()), int(study.label[chosen].sum()), int(study.label.sum())
    if not crossed(len(study.label), cases, selected, found):
        return [None, None, None]
    return [rounded(found / selected), rounded(found / cases), round(found / selected * len(study.label) / cases, 3)]


def calibration(study: Study, model: str) -> Table | None:
    bins = calibration_bins(study.label, study.probability(model))
    rows: list[list[Cell]] = [
        [place, part.rows, part.cases, rounded(part.mean_score), *shares(part.cases, part.rows)]
        for place, part in enumerate(bins, start=1)
        if wide(part.cases, part.rows)
    ]
    columns = [
        dimension("bin", "점수 구간", "Score band"),
        ROWS,
        CASES,
        measured("mean_score", "평균 점수", "Mean score", of="rows"),
        *rate_with_interval("observed", "실제 비율", "Observed share", numerator="cases", of="rows"),
    ]
    notes = text(
        "점수 십분위이며, 해당 건과 그 밖이 각각 10 이상이 되도록 이웃 구간을 합쳤습니다.",
        "Tenths by score; neighbours are joined until each holds at least 10 cases and 10 others.",
    )
    return table("calibration", TITLES["calibration"], columns, rows, notes) if rows else None


def capacity_curve(study: Study, words: Mapping[str, Words]) -> Table | None:
    rows: list[list[Cell]] = []
    cases = int(study.label.sum())
    for model in study.names:
        before = (0, 0)
        for share in SHARES:
            chosen = study.selected(model, places_at(share, len(study.label)))
            selected, found = int(chosen.sum()), int(study.label[chosen].sum())
            step = (selected - before[0], found - before[1])
            if crossed(len(study.label), cases, selected, found) and wide(step[1], step[0]):
                before = (selected, found)
                lift = found / selected * len(study.label) / cases
                ranked = [*shares(found, selected), rounded(found / cases), round(lift, 3)]
                rows.append([model, *words[model], share, cases, selected, found, *ranked])
    columns = [*MODEL, dimension("share", "점수 상위 비율", "Top share of scores"), CASES, *RANKING]
    notes = text(
        "해당 건 또는 그 밖이 10 미만이거나 앞 규모와의 차이가 10 미만인 규모는 싣지 않았습니다.",
        "Capacities with fewer than 10 cases or 10 others, selected, left, or more than the one before has, are left out.",
    )
    return table("capacity_curve", TITLES["capacity_curve"], columns, rows, notes) if rows else None


def group_rates(study: Study, model: str, words: Mapping[str, Mapping[str, Words]] | None = None) -> Table | None:
    """Who is selected and found, group by group, with intervals: at a share wide enough for groups to be compared."""
    chosen = study.selected(model, places_at(study.audit_share, len(study.label)))
    rows: list[list[Cell]] = []
    for grouping, belongs in study.rows.audit.items():
        found = group_levels(study, chosen, grouping, belongs, (words or {}).get(grouping))
        rows += [[level.grouping, level.code, *level.words, *audited(study, chosen, level.member)] for level in found]
    columns = [
        dimension("group", "구분", "Grouping"),
        dimension("level", "집단", "Group"),
        *LABELS,
        ROWS,
        CASES,
        SELECTED,
        FOUND,
        *rate_with_interval("selection", "선정률", "Selected share", numerator="selected", of="rows"),
        *rate_with_interval("recall", "재현율", "Recall", numerator="found", of="cases"),
        *rate_with_interval("precision", "정밀도", "Precision", numerator="found", of="selected"),
    ]
    share = study.audit_share
    notes = text(
        f"점수 상위 {share:.0%} 기준, 95 % 윌슨 구간. 10 미만에 근거한 집단은 '그 밖'으로 합쳤습니다.",
        f"At the top {share:.0%} of scores, with 95 % Wilson intervals. Groups that stand on fewer than 10 are joined as others.",
    )
    return table("group_rates", TITLES["group_rates"], columns, rows, notes) if rows else None


def group_levels(study: Study, chosen: Flags, grouping: str, belongs: Texts, words: Mapping[str, Words] | None) -> list[Level]:
    def is_wide(member: Flags) -> bool:
        return crossed(*counted(study, chosen, member))

    return levels(grouping, belongs[study.measured], is_wide, words)


def counted(study: Study, chosen: Flags, member: Flags) -> tuple[int, int, int, int]:
    case = study.label == 1
    return int(member.sum()), int((member & case).sum()), int((member & chosen).sum()), int((member & chosen & case).sum())


def audited(study: Study, chosen: Flags, member: Flags) -> list[Cell]:
    rows, cases, selected, found = counted(study, chosen, member)
    counts = [rows, cases, selected, found]
    return [*counts, *shares(selected, rows), *shares(found, cases), *shares(found, selected)]


def drivers(rows: Rows, losses: list[tuple[str, float]], tried: int, loss: Words) -> Table:
    made: list[list[Cell]] = [[name, *rows.title(name), tried, value] for name, value in losses]
    columns = [dimension("feature", "항목", "Feature"), *LABELS, ROWS, measured("effect", *loss, of="rows")]
    notes = text(
        "한 항목을 뒤섞었을 때 지표가 나빠지는 정도이며, 인과관계가 아닙니다.",
        "How much worse the measure gets when one feature is shuffled; not a cause.",
    )
    return table("drivers", TITLES["drivers"], columns, made, notes)


def drift_table(rows: Titled, found: list[Drift], against: Words, title: Words = TITLES["drift"]) -> Table:
    score = {"score": ("점수", "Score")}
    made: list[list[Cell]] = [
        [
            each.name,
            *(score.get(each.name) or rows.title(each.name)),
            each.index.verdict,
            each.before,
            each.now,
            each.psi,
            each.index.by_chance,
        ]
        for each in found
    ]
    columns = [
        dimension("feature", "항목", "Feature"),
        *LABELS,
        dimension("verdict", "판정", "Verdict"),
        count("before", "이전 행 수", "Rows before"),
        count("now", "이번 행 수", "Rows now"),
        measured("psi", "PSI", "Population stability index", of="now"),
        measured("by_chance", "우연에 의한 PSI", "Index by chance", of="now"),
    ]
    notes = text(
        f"비교 대상: {against[0]}. 우연에 의한 값을 뺀 PSI가 0.1 미만이면 안정, 0.25 이상이면 이동으로 봅니다.",
        f"Compared with {against[1]}. Of the index less what chance gives: below 0.1 steady, from 0.25 moved.",
    )
    return table("drift", title, columns, made, notes)


def features(rows: Rows, uses: Mapping[str, str]) -> Table:
    """What each feature is used as, and how much of it is missing."""
    made: list[list[Cell]] = []
    for name, values in rows.features.items():
        empty = int((values != values).sum()) if values.dtype.kind == "f" else sum(value is None for value in values)
        told = empty / len(rows) if wide(empty, len(rows)) or (len(rows) >= 100 and empty in (0, len(rows))) else None
        made.append([name, *rows.title(name), uses.get(name, "used"), len(rows), None if told is None else round(told, 4)])
    columns = [dimension("feature", "항목", "Feature"), *LABELS, dimension("use", "쓰임", "Use"), ROWS]
    columns.append(measured("missing", "결측 비율", "Share missing", of="rows"))
    notes = text(
        "empty: 모두 비어 있음, constant: 모두 같음, too-many-categories: 범주가 너무 많음, "
        "not-yet-available: 학습 기간에 제공되지 않음.",
        "empty, constant or too-many-categories: says nothing that can be learned; not-yet-available: none in the training rows.",
    )
    return table("features", TITLES["features"], columns, made, notes)


def widest_gap(rates: Table, counted: str = "cases") -> dict[str, tuple[float, int]]:
    """Per grouping the widest gap in recall, and the fewest cases that one of its groups stands on."""
    names: list[str] = [column["name"] for column in rates["columns"]]
    group, recall, cases = names.index("group"), names.index("recall"), names.index(counted)
    by_group: dict[str, list[list[Cell]]] = {}
    for row in rates["rows"]:
        by_group.setdefault(str(row[group]), []).append(row)
    found = {}
    for each, rows in by_group.items():
        recalls = np.array([row[recall] for row in rows], dtype=np.float64)
        found[each] = (float(recalls.max() - recalls.min()), int(np.min([row[cases] for row in rows])))
    return found
