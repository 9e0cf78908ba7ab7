"""What a study gives: the list of series with their stretches, and aggregates over enough series."""

import math
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from services.analysis.methods.anomaly_series import titles
from services.analysis.methods.anomaly_series.panel import Panel
from services.analysis.methods.anomaly_series.study import Study
from services.analysis.methods.anomaly_series.windows import KINDS, WORDS, Kind, Windows, likelihood
from services.analysis.methods.deviation.layout import (
    INK,
    LABELS,
    MINIMUM_CELL,
    OTHER,
    Cell,
    Spec,
    Table,
    bars,
    count,
    dimension,
    figure,
    grouped,
    measured,
    metric,
    significant,
    table,
    text,
)

MOST = 10
MOST_STEPS = 60
SERIES = count("series", "시계열 수", "Series")


def list_series(study: Study) -> list[dict[str, object]]:
    """A line for each series that has a window within the budget, the likeliest first."""
    within, panel = study.within, study.panel
    named, place = np.unique(within.series, return_inverse=True)
    best = np.zeros(len(named))
    np.maximum.at(best, place, likelihood(within.score))
    own = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place, minlength=len(named)))[:-1])
    lines: list[dict[str, object]] = []
    for at in np.argsort(-best, kind="stable"):
        reasons = [_reason(panel, within, int(one)) for one in own[at][:MOST]]
        if (more := len(own[at]) - MOST) > 0:
            reasons[-1]["ko"] += f" 그 밖 {more}건."
            reasons[-1]["en"] += f" And {more} more."
        score = round(float(best[at]), 4)
        lines.append({"pseudonym": str(panel.pseudonyms[named[at]]), "score": score, "reasons": reasons})
    return lines


def _reason(panel: Panel, windows: Windows, at: int) -> dict[str, str]:
    kind = KINDS[windows.kind[at]]
    first, last = panel.grid.label(windows.first[at]), panel.grid.label(windows.last[at])
    times = "?" if kind is Kind.NO_TIME else first if first == last else f"{first} – {last}"
    ratio = float(windows.ratio[at])
    told = kind in (Kind.ABOVE, Kind.BELOW, Kind.LEVEL) and math.isfinite(ratio) and ratio < 1e4
    (ko, en), share = WORDS[kind], f"{ratio:.0%}" if told else ""
    return {
        "code": kind.value,
        "ko": f"{ko}: {times}." + (f" 기댓값의 {share}." if told else ""),
        "en": f"{en}: {times}." + (f" {share} of what was expected." if told else ""),
    }


def make_tables(study: Study) -> dict[str, Table]:
    made = (by_kind(study), timeline(study), comparison(study))
    return {one["name"]: one for one in made if one["rows"]}


def by_kind(study: Study) -> Table:
    within = study.within
    sizes = {kind.value: len(np.unique(within.series[within.kind == at])) for at, kind in enumerate(KINDS)}
    rows: list[list[Cell]] = []
    for name, parts in grouped(sizes).items():
        part = within.take(np.isin(within.kind, [KINDS.index(Kind(one)) for one in parts]))
        if (series := len(np.unique(part.series))) >= MINIMUM_CELL:
            words = OTHER if name == "other" else WORDS[Kind(name)]
            rows.append([name, *words, series, len(part), int(part.points.sum())])
    columns = [
        dimension("kind", "유형", "Kind"),
        *LABELS,
        SERIES,
        measured("windows", "이상 구간", "Stretches", of="series"),
        measured("points", "이상 시점", "Points", of="series"),
    ]
    return table("findings_by_kind", titles.TABLES["findings_by_kind"], columns, rows)


def timeline(study: Study) -> Table:
    """The share of points that lie in a listed stretch, over at most sixty stretches of time."""
    panel, within = study.panel, study.within
    marks = np.zeros((panel.shape[0], panel.shape[1] + 1))
    np.add.at(marks, (within.series, within.first), 1)
    np.add.at(marks, (within.series, within.last + 1), -1)
    hit = (np.cumsum(marks, axis=1)[:, :-1] > 0) & panel.present
    rows: list[list[Cell]] = []
    for part in np.array_split(np.arange(panel.shape[1]), min(MOST_STEPS, panel.shape[1])):
        present = panel.present[:, part]
        if (series := int(present.any(axis=1).sum())) >= MINIMUM_CELL:
            rows.append([panel.grid.label(part[0]), series, int(present.sum()), significant(hit[:, part].sum() / present.sum())])
    columns = [
        dimension("from", "시작", "From"),
        SERIES,
        measured("points", "시점 수", "Points", of="series"),
        measured("share", "이상 비율", "Share abnormal", of="series"),
    ]
    return table("timeline", titles.TABLES["timeline"], columns, rows)


def comparison(study: Study) -> Table:
    """Where somebody knows: how well the residual separates, and how well an isolation forest does."""
    rows: list[list[Cell]] = []
    known = np.isfinite(study.panel.label) & np.isfinite(study.score) & np.isfinite(study.forest)
    label, series = study.panel.label[known], int(known.any(axis=1).sum())
    if series >= MINIMUM_CELL and len(np.unique(label)) == 2:
        by = {"residual": ("기댓값 대비 잔차", "residual against expected"), "forest": ("격리 숲", "isolation forest")}
        for name, score in (("residual", study.score[known]), ("forest", study.forest[known])):
            auc, precision = roc_auc_score(label, score), average_precision_score(label, score)
            rows.append([name, *by[name], series, significant(auc), significant(precision)])
    columns = [
        dimension("by", "방법", "By"),
        *LABELS,
        SERIES,
        measured("roc_auc", "ROC-AUC", "ROC-AUC", of="series"),
        measured("average_precision", "평균 정밀도", "Average precision", of="series"),
    ]
    return table("comparison", titles.TABLES["comparison"], columns, rows)


def make_figures(tables: dict[str, Table]) -> dict[str, Spec]:
    share = {"field": "share", "type": "quantitative", "title": text("이상 비율", "Share abnormal"), "axis": {"format": ".1%"}}
    line = {
        "width": 520,
        "height": 240,
        "mark": {"type": "line", "color": INK},
        "encoding": {"x": {"field": "from", "type": "nominal", "sort": None, "title": text("시작", "From")}, "y": share},
    }
    made = {
        "kind_figure": ("findings_by_kind", bars("windows", text("이상 구간", "Stretches"))),
        "timeline_figure": ("timeline", line),
    }
    return {name: figure(name, titles.FIGURES[name], draws, body) for name, (draws, body) in made.items() if draws in tables}


def make_metrics(study: Study) -> dict[str, Any]:
    panel, within = study.panel, study.within
    every, points = panel.shape[0], int(panel.present.sum())
    figures = [
        metric("series", ("시계열", "Series"), every, every, "series"),
        metric("points", ("시점", "Points"), points, every, "points"),
        metric("windows", ("검토 규모 안의 이상 구간", "Stretches within the budget"), len(within), every),
        metric("share", ("이상 시점 비율", "Share of points in them"), float(within.points.sum()) / max(points, 1), every),
    ]
    step = f"{panel.grid.step} {'month' if panel.grid.monthly else 'min'}"
    notes = text("이상은 오류의 증거가 아니라 다시 볼 이유입니다.", "A finding is a reason to look again, no proof of an error.")
    return {"name": "summary", "figures": figures, "split": {"kind": "folds", "step": step}, "notes": notes}
