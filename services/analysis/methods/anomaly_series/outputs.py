"""What a study gives: the list of series with their stretches, and aggregates over enough series."""

import math
from typing import Any

import numpy as np

from services.analysis.methods.anomaly_series import titles
from services.analysis.methods.anomaly_series.parts import Part, Search
from services.analysis.methods.anomaly_series.times import Grid
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
from services.analysis.methods.deviation.measures import separation
from services.analysis.methods.deviation.parameters import MOST_LISTED
from services.analysis.methods.deviation.robust import Codes

MOST = 10
MOST_STEPS = 60
SERIES = count("series", "시계열 수", "Series")


def list_series(found: Search) -> list[dict[str, object]]:
    """A line for each series that has a window within the budget, the likeliest first."""
    within = found.within
    named, place = np.unique(within.series, return_inverse=True)
    best = np.zeros(len(named))
    np.maximum.at(best, place, likelihood(within.score))
    own = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place, minlength=len(named)))[:-1])
    lines: list[dict[str, object]] = []
    names = found.series.subjects.names(named)
    for at in np.argsort(-best, kind="stable")[:MOST_LISTED]:
        reasons = [_reason(found.series.grid, within, int(one)) for one in own[at][:MOST]]
        if (more := len(own[at]) - MOST) > 0:
            reasons[-1]["ko"] += f" 그 밖 {more}건."
            reasons[-1]["en"] += f" And {more} more."
        score = round(float(best[at]), 4)
        lines.append({"pseudonym": str(names[at]), "score": score, "reasons": reasons})
    return lines


def _reason(grid: Grid, windows: Windows, at: int) -> dict[str, str]:
    kind = KINDS[windows.kind[at]]
    first, last = grid.label(windows.first[at]), grid.label(windows.last[at])
    times = "?" if kind is Kind.NO_TIME else first if first == last else f"{first} – {last}"
    ratio = float(windows.ratio[at])
    told = kind in (Kind.ABOVE, Kind.BELOW, Kind.LEVEL) and math.isfinite(ratio) and ratio < 1e4
    (ko, en), share = WORDS[kind], f"{ratio:.0%}" if told else ""
    return {
        "code": kind.value,
        "ko": f"{ko}: {times}." + (f" 기댓값의 {share}." if told else ""),
        "en": f"{en}: {times}." + (f" {share} of what was expected." if told else ""),
    }


def make_tables(found: Search) -> dict[str, Table]:
    made = (by_kind(found), timeline(found), comparison(found))
    return {one["name"]: one for one in made if one["rows"]}


def by_kind(found: Search) -> Table:
    within = found.within
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


def timeline(found: Search) -> Table:
    """The share of points that lie in a listed stretch, over at most sixty stretches of time."""
    grid, within = found.series.grid, found.within
    cuts = np.array_split(np.arange(grid.count), min(MOST_STEPS, grid.count))
    series, points, hits = np.sum([_counts(found, within, part, cuts) for part in found.parts], axis=0)
    rows: list[list[Cell]] = []
    for at, cut in enumerate(cuts):
        if series[at] >= MINIMUM_CELL:
            rows.append([grid.label(cut[0]), int(series[at]), int(points[at]), significant(hits[at] / points[at])])
    columns = [
        dimension("from", "시작", "From"),
        SERIES,
        measured("points", "시점 수", "Points", of="series"),
        measured("share", "이상 비율", "Share abnormal", of="series"),
    ]
    return table("timeline", titles.TABLES["timeline"], columns, rows)


def _counts(found: Search, within: Windows, part: Part, cuts: list[Codes]) -> Codes:
    """Of one part, by stretch of time: series with a point there, points, and points in a listed window."""
    times = found.series.grid.count
    present, own = part.present(times), within.take(np.isin(within.series, part.series))
    marks = np.zeros((len(part.series), times + 1), dtype=np.int32)
    position = own.series - part.series[0]
    np.add.at(marks, (position, own.first), 1)
    np.add.at(marks, (position, own.last + 1), -1)
    hit = (np.cumsum(marks, axis=1, out=marks)[:, :-1] > 0) & present
    return np.array([[present[:, cut].any(axis=1).sum(), present[:, cut].sum(), hit[:, cut].sum()] for cut in cuts]).T


def comparison(found: Search) -> Table:
    """Where somebody knows: how well the residual separates, and how well an isolation forest does."""
    rows: list[list[Cell]] = []
    known = [part.known for part in found.parts if part.known is not None]
    series = sum(one.series for one in known)
    if series >= MINIMUM_CELL:
        label = np.concatenate([one.label for one in known])
        wrong = label == 1
        told = bool((wrong | (label == 0)).all()) and 0 < wrong.sum() < len(wrong)
        by = {"residual": ("기댓값 대비 잔차", "residual against expected"), "forest": ("격리 숲", "isolation forest")}
        for name in by if told else ():
            score = np.concatenate([getattr(one, name) for one in known])
            rows.append([name, *by[name], series, *(significant(one) for one in separation(wrong, score))])
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


def make_metrics(found: Search) -> dict[str, Any]:
    within, every, points = found.within, found.series.every, found.points
    figures = [
        metric("series", ("시계열", "Series"), every, every, "series"),
        metric("points", ("시점", "Points"), points, every, "points"),
        metric("windows", ("검토 규모 안의 이상 구간", "Stretches within the budget"), len(within), every),
        metric("share", ("이상 시점 비율", "Share of points in them"), float(within.points.sum()) / max(points, 1), every),
    ]
    grid = found.series.grid
    step = f"{grid.step} {'month' if grid.monthly else 'min'}"
    notes = text("이상은 오류의 증거가 아니라 다시 볼 이유입니다.", "A finding is a reason to look again, no proof of an error.")
    return {"name": "summary", "figures": figures, "split": {"kind": "folds", "step": step}, "notes": notes}
