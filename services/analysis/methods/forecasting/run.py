"""Each group's series, the way that did best on its past, and what it says of the coming periods."""

from typing import Any

from services.analysis.methods.forecasting.card import CARD, SCHEMA, SEASONS
from services.analysis.methods.forecasting.keeping import MODEL, beside, check_frequency, keep_model
from services.analysis.methods.forecasting.series import Series, day_of, rounded, series_of
from services.analysis.methods.forecasting.ways import WAYS, Record, coverage, interval, records
from services.analysis.methods.toolkit import figures
from services.analysis.methods.toolkit.champion import trained_by
from services.analysis.methods.toolkit.export import RefusedError
from services.analysis.methods.toolkit.keeping import no_model
from services.analysis.methods.toolkit.layout import Cell, Table, Text, count, dimension, figure, measured, table, text
from services.analysis.methods.toolkit.parameters import read
from services.analysis.worker.sdk import Bundle, Outputs, Report

NAMES = {"seasonal": ("지난 계절", "Season before"), "drift": ("추세", "Drift"), "ridge": ("능형 회귀", "Ridge")}


def run(bundle: Bundle, report: Report) -> Outputs:
    given = read(SCHEMA, bundle.parameters)
    season, horizon = SEASONS[given["frequency"]], given["horizon"]
    released = trained_by(bundle, CARD.name) if bundle.champion else None
    if released:
        check_frequency(released, given["frequency"])
    report(0.1, "adding up")
    found = series_of(bundle, given, shortest=max(2 * season + 2, 6) + 2)
    rows: list[list[Cell]] = []
    kept: list[list[Cell]] = []
    best: dict[str, Record] = {}
    pasts: list[list[Record]] = []
    for at, one in enumerate(found):
        report(0.2 + 0.7 * at / len(found), f"group {at + 1} of {len(found)}")
        past = records(one.values, horizon, season)
        chosen = best[one.group] = min(past, key=lambda each: each.mae)
        pasts.append(past)
        rows += drawn_rows(one, chosen, given, season)
        kept += record_rows(one, past, given["level"], chosen.way)
    made = [forecast_table(rows, given), record_table(kept)]
    whole, past = found[0], pasts[0]
    if released:
        made.append(beside(whole, past, best[whole.group], given["frequency"], bundle, released))
    try:
        models, untold = {MODEL: keep_model(whole, past, given["frequency"])}, None
    except RefusedError as refusal:
        models, untold = {}, no_model(refusal)
    return Outputs(
        tables={each["name"]: each for each in made},
        figures={"forecast_figure": drawn()},
        metrics={"summary": summary(found, best, given["level"], untold)},
        models=models,
    )


def drawn_rows(one: Series, chosen: Record, given: dict[str, Any], season: int) -> list[list[Cell]]:
    frequency, horizon = given["frequency"], given["horizon"]
    rows: list[list[Cell]] = [
        [one.group, day_of(one.start + at, frequency), "observed", int(one.subjects[at]), rounded(value), None, None]
        for at, value in enumerate(one.values)
    ]
    ahead = WAYS[chosen.way](one.values, horizon, season)
    low, high = interval(chosen, given["level"])
    behind = int(one.subjects[-1])
    for at, value in enumerate(ahead):
        day = day_of(one.start + len(one.values) + at, frequency)
        rows.append([one.group, day, "forecast", behind, rounded(value), rounded(value - low[at]), rounded(value + high[at])])
    return rows


def record_rows(one: Series, past: list[Record], level: float, chosen: str) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for each in past:
        told = [rounded(each.mae), round(each.mase, 4), round(coverage(each, level), 4)]
        rows.append([one.group, each.way, *NAMES[each.way], each.way == chosen, int(one.subjects.min()), *told])
    return rows


def forecast_table(rows: list[list[Cell]], given: dict[str, Any]) -> Table:
    numbers = (("value", "값", "Value"), ("low", "하한", "Low"), ("high", "상한", "High"))
    columns = [
        dimension("group", "구분", "Group"),
        dimension("period", "기간", "Period"),
        dimension("kind", "종류", "Observed or forecast"),
        count("subjects", "대상 수", "Subjects"),
        *(measured(name, ko, en, of="subjects") for name, ko, en in numbers),
    ]
    note = text(
        f"예측 구간은 {given['level']:.0%}, 예측 행의 대상 수는 마지막 관측 기간의 것입니다.",
        f"Intervals of {given['level']:.0%}; beside a forecast stand the subjects of the last observed period.",
    )
    return table("forecast", ("관측과 예측", "Observed and forecast"), columns, rows, note)


def record_table(rows: list[list[Cell]]) -> Table:
    columns = [
        dimension("group", "구분", "Group"),
        dimension("way", "방법 코드", "Code of the way"),
        dimension("label_ko", "이름", "Name in Korean"),
        dimension("label_en", "영어 이름", "Name"),
        dimension("used", "사용", "Used"),
        count("subjects", "대상 수", "Subjects"),
        measured("mae", "평균 절대 오차", "Mean absolute error", of="subjects"),
        measured("mase", "MASE", "MASE", of="subjects"),
        measured("coverage", "구간 포함률", "Share inside the interval", of="subjects"),
    ]
    note = text(
        "과거 최대 12개 시점에서 그 뒤를 보지 않고 예측한 결과입니다.",
        "From up to 12 points in the past, without seeing what came after.",
    )
    return table("record", ("과거 예측의 정확도", "How well it would have done"), columns, rows, note)


def drawn() -> dict[str, Any]:
    words = text("값", "Value")
    when = {"field": "period", "type": "temporal", "title": text("기간", "Period")}
    colour = {"field": "group", "type": "nominal", "title": text("구분", "Group")}
    low = {"field": "low", "type": "quantitative", "title": words}
    value = {"field": "value", "type": "quantitative", "title": words, "scale": {"zero": False}}
    dash = {"field": "kind", "type": "nominal", "title": text("종류", "Kind")}
    band = {
        "transform": [{"filter": "datum.kind === 'forecast'"}],
        "mark": {"type": "area", "opacity": 0.25},
        "encoding": {"x": when, "y": low, "y2": {"field": "high"}, "color": colour},
    }
    line = {"mark": {"type": "line"}, "encoding": {"x": when, "y": value, "color": colour, "strokeDash": dash}}
    body = {"width": 520, "height": 300, "layer": [band, line]}
    return figures.drawn("forecast_figure", ("관측과 예측", "Observed and forecast"), "forecast", body)


def summary(found: list[Series], best: dict[str, Record], level: float, untold: Text | None) -> dict[str, Any]:
    whole = found[0]
    behind, record = int(whole.subjects.min()), best[whole.group]
    made = [
        figure("periods", text("관측 기간 수", "Observed periods"), len(whole.values), behind),
        figure("mase", text("MASE (1 미만이면 단순 예측보다 나음)", "MASE (below 1 better than naive)"), record.mase, behind),
        figure("coverage", text("구간 포함률", "Share inside the interval"), coverage(record, level), behind),
    ]
    return {"name": "summary", "figures": made, "split": {"way": record.way}, "notes": untold}
