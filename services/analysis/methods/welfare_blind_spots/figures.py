"""The figures as Vega-Lite specifications that name their table: no value stands in a specification."""

from typing import Any

from services.analysis.methods.welfare_blind_spots import titles
from services.analysis.methods.welfare_blind_spots.tables.layout import Text, text

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
PERCENT = {"format": ".0%"}
LABEL = {"ko": "label_ko", "en": "label_en"}
INK, ACCENT = "#1f4e79", "#c2571a"


def make_figures() -> dict[str, Spec]:
    return {
        "calibration_figure": calibration(),
        "capacity_figure": capacity(),
        "group_figure": groups(),
        "coverage_figure": coverage(),
    }


def figure(name: str, table: str, body: Spec) -> Spec:
    title = text(*titles.FIGURES[name])
    return {"$schema": SCHEMA, "title": title, "usermeta": {"title": title}, "data": {"name": table}} | body


def axis(field: str, title: Text, **more: Any) -> Spec:
    return {"field": field, "type": "quantitative", "title": title} | more


def calibration() -> Spec:
    unit = {"domain": [0, 1]}
    score = axis("mean_score", text("평균 점수", "Mean score"), scale=unit, axis=PERCENT)
    observed = axis("observed", text("실제 수급률", "Observed share"), scale=unit, axis=PERCENT)
    diagonal = {
        "mark": {"type": "line", "strokeDash": [4, 4], "color": "#888888"},
        "encoding": {"x": score, "y": axis("mean_score", text("실제 수급률", "Observed share"), scale=unit, axis=PERCENT)},
    }
    interval = {
        "mark": {"type": "rule", "color": INK},
        "encoding": {"x": score, "y": axis("observed_low", observed["title"], scale=unit), "y2": {"field": "observed_high"}},
    }
    point = {"mark": {"type": "point", "filled": True, "size": 70, "color": INK}, "encoding": {"x": score, "y": observed}}
    return figure("calibration_figure", "calibration", {"width": 360, "height": 360, "layer": [diagonal, interval, point]})


def capacity() -> Spec:
    panels = [
        _curve("precision", text("정밀도", "Precision"), PERCENT),
        _curve("lift", text("향상도 (무작위 대비 배수)", "Lift (times random)"), {"format": ".1f"}),
    ]
    return figure("capacity_figure", "capacity_curve", {"hconcat": panels})


def _curve(field: str, title: Text, look: Spec) -> Spec:
    return {
        "width": 320,
        "height": 260,
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": axis("share", text("점수 상위 비율", "Top share of scores"), axis=PERCENT),
            "y": axis(field, title, axis=look, scale={"zero": field == "lift"}),
            "color": {
                "field": LABEL,
                "type": "nominal",
                "title": text("모형", "Model"),
                "sort": None,
                "scale": {"range": ["#888888", ACCENT, INK]},
                "legend": {"orient": "bottom", "labelLimit": 260},
            },
        },
    }


def groups() -> Spec:
    panels = [
        _dots("selection", text("선정률", "Selected share"), names=True),
        _dots("recall", text("재현율", "Recall"), names=False),
        _dots("precision", text("정밀도", "Precision"), names=False),
    ]
    return figure("group_figure", "group_rates", {"hconcat": panels})


def coverage() -> Spec:
    return figure("coverage_figure", "coverage", _dots("coverage", text("수급률", "Coverage"), names=True) | {"width": 420})


def _dots(field: str, title: Text, *, names: bool) -> Spec:
    look = {"labelLimit": 260, "title": None} if names else None
    rows = {"field": LABEL, "type": "nominal", "sort": None, "axis": look}
    scale = {"domain": [0, 1]}
    return {
        "width": 200,
        "height": {"step": 22},
        "layer": [
            {
                "mark": {"type": "rule", "color": INK},
                "encoding": {
                    "y": rows,
                    "x": axis(f"{field}_low", title, scale=scale, axis=PERCENT),
                    "x2": {"field": f"{field}_high"},
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 60, "color": INK},
                "encoding": {"y": rows, "x": axis(field, title, scale=scale, axis=PERCENT)},
            },
        ],
    }
