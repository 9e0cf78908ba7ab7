"""The figures as Vega-Lite specifications that name their table: no value stands in a specification."""

from services.analysis.methods.deviation.layout import INK, Spec, Table, bars, figure, text
from services.analysis.methods.ghg_anomalies import titles

PERCENT = {"format": ".1%"}
IN_QUESTION = text("의심 배출량 (tCO2e)", "Emissions in question (tCO2e)")


def make_figures(tables: dict[str, Table]) -> dict[str, Spec]:
    """Those whose table has rows."""
    share = bars("share", text("이상 징후가 있는 사업장 비율", "Share of facilities with a finding"))
    share["encoding"]["x"]["axis"] = PERCENT
    made = {
        "reason_figure": ("findings_by_reason", bars("tco2e", IN_QUESTION)),
        "sector_figure": ("findings_by_sector", share),
        "budget_figure": ("budget_curve", _curve()),
    }
    return {name: figure(name, titles.FIGURES[name], draws, body) for name, (draws, body) in made.items() if draws in tables}


def _curve() -> Spec:
    budget = {
        "field": "budget",
        "type": "quantitative",
        "title": text("검토하는 명세 행의 비율", "Share of statement rows reviewed"),
    }
    return {
        "width": 420,
        "height": 260,
        "mark": {"type": "line", "point": True, "color": INK},
        "encoding": {
            "x": budget | {"axis": PERCENT},
            "y": {"field": "tco2e", "type": "quantitative", "title": IN_QUESTION},
        },
    }
