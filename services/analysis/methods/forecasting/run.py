"""Each group's series, the way that did best on its past, and what it says of the coming periods."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from services.analysis.methods.forecasting.card import SCHEMA, SEASONS
from services.analysis.methods.forecasting.ways import WAYS, Record, coverage, interval, records
from services.analysis.methods.toolkit import figures
from services.analysis.methods.toolkit.arrays import Floats, texts
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL
from services.analysis.methods.toolkit.layout import Cell, Table, count, dimension, figure, measured, table, text
from services.analysis.methods.toolkit.parameters import read
from services.analysis.worker.sdk import Bundle, MethodError, Outputs, Report

ALL, OTHER = "every", "other"
MOST_GROUPS = 30
NAMES = {"seasonal": ("지난 계절", "Season before"), "drift": ("추세", "Drift"), "ridge": ("능형 회귀", "Ridge")}
SUMS = "sum(series__value) AS total, count(series__value) AS n, count(DISTINCT pseudonym) AS s"
DAY = "CAST(series__period AS DATE)"
CUT = {
    "year": f"year({DAY})",
    "quarter": f"year({DAY}) * 4 + quarter({DAY}) - 1",
    "month": f"year({DAY}) * 12 + month({DAY}) - 1",
    "week": f"floor(date_diff('day', DATE '1969-12-29', {DAY}) / 7.0)",
    "day": f"date_diff('day', DATE '1970-01-01', {DAY})",
}


@dataclass(frozen=True)
class Series:
    """One group: values of consecutive periods, the first of number `start`, and how many subjects stand behind each."""

    group: str
    start: int
    values: Floats
    subjects: Floats


def run(bundle: Bundle, report: Report) -> Outputs:
    given = read(SCHEMA, bundle.parameters)
    season, horizon = SEASONS[given["frequency"]], given["horizon"]
    report(0.1, "adding up")
    found = series_of(bundle, given, shortest=max(2 * season + 2, 6) + 2)
    rows: list[list[Cell]] = []
    kept: list[list[Cell]] = []
    best: dict[str, Record] = {}
    for at, one in enumerate(found):
        report(0.2 + 0.7 * at / len(found), f"group {at + 1} of {len(found)}")
        past = records(one.values, horizon, season)
        chosen = best[one.group] = min(past, key=lambda each: each.mae)
        rows += drawn_rows(one, chosen, given, season)
        kept += record_rows(one, past, given["level"], chosen.way)
    made = [forecast_table(rows, given), record_table(kept)]
    return Outputs(
        tables={each["name"]: each for each in made},
        figures={"forecast_figure": drawn()},
        metrics={"summary": summary(found, best, given["level"])},
    )


def series_of(bundle: Bundle, given: dict[str, Any], shortest: int) -> list[Series]:
    """All together, and each group that has at least ten subjects in every period; the others as one."""
    names = set(bundle.sql("SELECT * FROM linked LIMIT 0"))
    group = "coalesce(series__group, 'unknown')" if "series__group" in names else f"'{ALL}'"
    cells = cells_of(bundle, given, group)
    if not len(cells["t"]):
        raise MethodError("no-rows", "No row has both a period and a value.")
    groups = np.array(
        [f"‘{name}’" if name in (ALL, OTHER) else name for name in texts(cells["g"], len(cells["g"]))], dtype=object
    )
    parts = {name: groups == name for name in sorted(set(groups))}
    every = cells_of(bundle, given, f"'{ALL}'")
    whole = build(ALL, every, np.ones(len(every["t"]), dtype=bool), given["statistic"])
    if whole is None or len(whole.values) < shortest:
        raise MethodError("too-few-periods", f"{shortest} periods in a row are needed, each of ten subjects at least.")
    check_calendar(whole.start + len(whole.values) + given["horizon"], given["frequency"])
    if len(parts) == 1:
        return [whole]
    wide = {name: one for name, member in parts.items() if (one := build(name, cells, member, given["statistic"]))}
    wide = {name: one for name, one in wide.items() if len(one.values) == len(whole.values)}
    wide = dict(sorted(wide.items(), key=lambda pair: -pair[1].subjects.sum())[:MOST_GROUPS])
    rest = np.logical_and.reduce([~parts[name] for name in wide]) if wide else np.zeros(len(groups), dtype=bool)
    joined = None
    if rest.any() and wide:
        shown = sorted(set(cells["g"][~rest]))
        others = cells_of(bundle, given, f"CASE WHEN {group} IN (SELECT unnest($1)) THEN '' ELSE '{OTHER}' END", [shown])
        joined = build(OTHER, others, others["g"] == OTHER, given["statistic"])
    if joined is not None and len(joined.values) == len(whole.values):
        wide[OTHER] = joined
    # Without the rest the parts would tell it by subtraction: then only the whole is shown.
    return [whole, *wide.values()] if wide and (joined is not None or not rest.any()) else [whole]


def check_calendar(last: int, frequency: str) -> None:
    try:
        date.fromisoformat(day_of(last, frequency))
    except (ValueError, OverflowError):
        raise MethodError("period-unreadable", "The forecast would reach beyond the last day that has a name.") from None


def cells_of(bundle: Bundle, given: dict[str, Any], group: str, named: Sequence[Any] = ()) -> dict[str, Any]:
    """Sums by group and period. A subject may be in several groups in one period: of each cut it is counted anew."""
    chosen = f"{group} AS g, CAST({CUT[given['frequency']]} AS BIGINT) AS t, {SUMS}"
    where = "WHERE series__period IS NOT NULL AND abs(series__value) < 1e150"
    return bundle.sql(f"SELECT {chosen} FROM linked {where} GROUP BY ALL ORDER BY ALL", named)  # noqa: S608  fixed words alone


def build(name: str, cells: dict[str, Any], member: Any, statistic: str) -> Series | None:
    """The group's periods without a gap; None if one of them stands on fewer than ten subjects."""
    if not member.any():
        return None
    number = cells["t"][member].astype(int)
    start, size = int(number.min()), int(number.max() - number.min()) + 1
    if size > 20_000:
        raise MethodError("period-unreadable", "The periods lie further apart than a series can be long.")
    total, values, subjects = np.zeros(size), np.zeros(size), np.zeros(size)
    np.add.at(total, number - start, cells["total"][member])
    np.add.at(values, number - start, cells["n"][member])
    np.add.at(subjects, number - start, cells["s"][member])
    if subjects.min() < MINIMUM_CELL:
        return None
    return Series(name, start, total / values if statistic == "mean" else total, subjects)


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


def rounded(value: float) -> float:
    """To six significant digits: a forecast says no more."""
    return float(f"{float(value):.6g}")


def day_of(number: int, frequency: str) -> str:
    """The first day of a period."""
    match frequency:
        case "year":
            return f"{number:04d}-01-01"
        case "quarter":
            return f"{number // 4:04d}-{number % 4 * 3 + 1:02d}-01"
        case "month":
            return f"{number // 12:04d}-{number % 12 + 1:02d}-01"
        case "week":
            return date.fromordinal(date(1969, 12, 29).toordinal() + 7 * number).isoformat()
        case _:
            return date.fromordinal(date(1970, 1, 1).toordinal() + number).isoformat()


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


def summary(found: list[Series], best: dict[str, Record], level: float) -> dict[str, Any]:
    whole = found[0]
    behind, record = int(whole.subjects.min()), best[whole.group]
    made = [
        figure("periods", text("관측 기간 수", "Observed periods"), len(whole.values), behind),
        figure("mase", text("MASE (1 미만이면 단순 예측보다 나음)", "MASE (below 1 better than naive)"), record.mase, behind),
        figure("coverage", text("구간 포함률", "Share inside the interval"), coverage(record, level), behind),
    ]
    return {"name": "summary", "figures": made, "split": {"way": record.way}, "notes": None}
