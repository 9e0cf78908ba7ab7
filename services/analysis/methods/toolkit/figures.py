"""Figures as Vega-Lite specifications that name their table: no value stands in a specification."""

from typing import Any

from services.analysis.methods.toolkit.layout import Text, text

Spec = dict[str, Any]
Words = tuple[str, str]

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
PERCENT = {"format": ".0%"}
LABEL = {"ko": "label_ko", "en": "label_en"}
GREY, INK, ACCENT = "#888888", "#1f4e79", "#c2571a"
COLOURS = [GREY, ACCENT, INK, "#5a8f3c", "#7b4ea3"]
UNIT = {"domain": [0, 1]}
TITLES: dict[str, Words] = {
    "calibration_figure": ("점수는 실제 비율과 얼마나 맞는가", "How well the score matches what is observed"),
    "capacity_figure": ("몇 건을 다룰 수 있을 때 얼마나 맞는가", "How many are right at each capacity"),
    "group_figure": ("집단별 결과와 95 % 구간", "Groups compared, with 95 % intervals"),
    "drivers_figure": ("점수를 움직이는 항목", "What moves the score"),
    "drift_figure": ("이전 회차와 달라진 항목", "What has moved since the previous round"),
}


def drawn(name: str, title: Words, table: str, body: Spec) -> Spec:
    words = text(*title)
    return {"$schema": SCHEMA, "title": words, "usermeta": {"title": words}, "data": {"name": table}} | body


def axis(field: str, title: Text, **more: Any) -> Spec:
    return {"field": field, "type": "quantitative", "title": title} | more


def calibration(name: str, title: Words, observed: Words = ("실제 비율", "Observed share")) -> Spec:
    score = axis("mean_score", text("평균 점수", "Mean score"), scale=UNIT, axis=PERCENT)
    seen = axis("observed", text(*observed), scale=UNIT, axis=PERCENT)
    diagonal = {
        "mark": {"type": "line", "strokeDash": [4, 4], "color": GREY},
        "encoding": {"x": score, "y": axis("mean_score", text(*observed), scale=UNIT, axis=PERCENT)},
    }
    interval = {
        "mark": {"type": "rule", "color": INK},
        "encoding": {"x": score, "y": axis("observed_low", seen["title"], scale=UNIT), "y2": {"field": "observed_high"}},
    }
    point = {"mark": {"type": "point", "filled": True, "size": 70, "color": INK}, "encoding": {"x": score, "y": seen}}
    return drawn(name, title, "calibration", {"width": 360, "height": 360, "layer": [diagonal, interval, point]})


def means(name: str, title: Words) -> Spec:
    """Predicted and observed mean of each band, beside the line on which they are the same."""
    x = axis("mean_score", text("예측 평균", "Mean prediction"))
    y = text("실제 평균", "Observed mean")
    line = {"mark": {"type": "line", "strokeDash": [4, 4], "color": GREY}, "encoding": {"x": x, "y": axis("mean_score", y)}}
    point = {"mark": {"type": "point", "filled": True, "size": 70, "color": INK}, "encoding": {"x": x, "y": axis("observed", y)}}
    return drawn(name, title, "calibration", {"width": 360, "height": 360, "layer": [line, point]})


def capacity(name: str, title: Words) -> Spec:
    panels = [
        curve("precision", text("정밀도", "Precision"), PERCENT),
        curve("lift", text("향상도 (무작위 대비 배수)", "Lift (times random)"), {"format": ".1f"}),
    ]
    return drawn(name, title, "capacity_curve", {"hconcat": panels})


def curve(field: str, title: Text, look: Spec) -> Spec:
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
                "scale": {"range": COLOURS},
                "legend": {"orient": "bottom", "labelLimit": 260},
            },
        },
    }


def groups(name: str, title: Words, table: str = "group_rates") -> Spec:
    panels = [
        dots("selection", text("선정률", "Selected share"), names=True),
        dots("recall", text("재현율", "Recall"), names=False),
        dots("precision", text("정밀도", "Precision"), names=False),
    ]
    return drawn(name, title, table, {"hconcat": panels})


def shares(name: str, title: Words, table: str, field: str, words: Words) -> Spec:
    """One share with its interval for each row of a table."""
    return drawn(name, title, table, dots(field, text(*words), names=True) | {"width": 420})


def bars(name: str, title: Words, table: str, field: str, words: Words) -> Spec:
    """One length for each row of a table."""
    rows = {"field": LABEL, "type": "nominal", "sort": None, "axis": {"labelLimit": 260, "title": None}}
    body = {
        "width": 420,
        "height": {"step": 18},
        "mark": {"type": "bar", "color": INK},
        "encoding": {"y": rows, "x": axis(field, text(*words))},
    }
    return drawn(name, title, table, body)


def dots(field: str, title: Text, *, names: bool) -> Spec:
    look = {"labelLimit": 260, "title": None} if names else None
    rows = {"field": LABEL, "type": "nominal", "sort": None, "axis": look}
    value = {"y": rows, "x": axis(field, title, scale=UNIT, axis=PERCENT)}
    low = axis(f"{field}_low", title, scale=UNIT, axis=PERCENT)
    return {
        "width": 200,
        "height": {"step": 22},
        "layer": [
            {"mark": {"type": "rule", "color": INK}, "encoding": {"y": rows, "x": low, "x2": {"field": f"{field}_high"}}},
            {"mark": {"type": "point", "filled": True, "size": 60, "color": INK}, "encoding": value},
        ],
    }
