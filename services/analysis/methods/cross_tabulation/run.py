"""Counts and means of each cell; nothing that stands on fewer than ten subjects leaves."""

from typing import Any

import numpy as np

from services.analysis.methods.cross_tabulation.card import SCHEMA
from services.analysis.methods.toolkit import figures
from services.analysis.methods.toolkit.arrays import Floats, Texts, numbers, texts
from services.analysis.methods.toolkit.disclosure import Level, levels
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL
from services.analysis.methods.toolkit.layout import Cell, Table, count, dimension, figure, measured, table, text
from services.analysis.methods.toolkit.parameters import read
from services.analysis.methods.toolkit.rows import Words
from services.analysis.worker.sdk import Array, Bundle, MethodError, Outputs, Report

FEWEST = 2 * MINIMUM_CELL


def run(bundle: Bundle, report: Report) -> Outputs:
    given = read(SCHEMA, bundle.parameters)
    names = list(dict.fromkeys(name for name in (given["rows"], given["columns"], given["measure"]) if name))
    found = bundle.columns([f"table__{name}" for name in names])
    size = len(next(iter(found.values())))
    if size < FEWEST:
        raise MethodError("too-few-rows", f"There are fewer than {FEWEST} rows.")
    report(0.3, "grouping")
    titles = {name: given["titles"].get(name, (name, name)) for name in names}
    down = grouped(found[f"table__{given['rows']}"], given["rows"], given["bins"])
    across = grouped(found[f"table__{given['columns']}"], given["columns"], given["bins"]) if given["columns"] else None
    measure = numbers(found[f"table__{given['measure']}"], size, given["measure"]) if given["measure"] else None
    report(0.7, "counting")
    made = [groups(given, down, across, measure, titles)]
    if across:
        made.append(cells(given, down, across, measure, titles))
    kept = {each["name"]: each for each in made if each["rows"]}
    if not kept:
        raise MethodError("nothing-to-show", "No group has ten subjects beside another one that has: nothing may be shown.")
    return Outputs(tables=kept, figures=drawn(kept, titles, given), metrics={"summary": summary(size, down, across)})


def grouped(values: Array, name: str, bins: int) -> list[Level]:
    """The levels of a grouping, each of ten subjects at least; a number of many values is cut into parts of equal size."""
    if values.dtype.kind == "f" and len(np.unique(values[np.isfinite(values)])) > bins:
        belongs = parts(values, bins)
    else:
        belongs = texts(values, len(values))
    return levels(name, belongs, lambda member: int(member.sum()) >= MINIMUM_CELL)


def parts(values: Floats, bins: int) -> Texts:
    """`1` to `bins` by size; bounds would tell single values."""
    known = np.isfinite(values)
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, values, side="right") + 1
    return np.where(known, np.char.add(place.astype(str), f"/{len(edges) + 1}"), "unknown").astype(object)


def groups(
    given: dict[str, Any], down: list[Level], across: list[Level] | None, measure: Floats | None, titles: dict[str, Words]
) -> Table:
    """Each grouping by itself."""
    rows: list[list[Cell]] = []
    for level in (*down, *(across or ())):
        cell = values_of(level.member, measure)
        if cell:
            rows.append([*titles[level.grouping], level.code, *level.words, *cell])
    columns = [
        dimension("grouping_ko", "구분", "Grouping in Korean"),
        dimension("grouping_en", "구분 (영어)", "Grouping"),
        dimension("level", "코드", "Code"),
        *named("level"),
        *counted(given, titles),
    ]
    return table("groups", ("구분별 집계", "Each grouping by itself"), columns, rows, note(0))


def cells(
    given: dict[str, Any], down: list[Level], across: list[Level], measure: Floats | None, titles: dict[str, Words]
) -> Table:
    rows: list[list[Cell]] = []
    for one in down:
        for other in across:
            if cell := values_of(one.member & other.member, measure):
                rows.append([one.code, *one.words, other.code, *other.words, *cell])
    columns = [
        dimension("row", "행 코드", "Row code"),
        *named("row", titles[given["rows"]]),
        dimension("column", "열 코드", "Column code"),
        *named("column", titles[given["columns"]]),
        *counted(given, titles),
    ]
    return table("cells", ("교차표", "Cross-table"), columns, rows, note(len(down) * len(across) - len(rows)))


def values_of(member: Any, measure: Floats | None) -> list[Cell]:
    """Count and mean of a cell; nothing of it if it is too small, no mean if too few have a value."""
    size = int(member.sum())
    if size < MINIMUM_CELL:
        return []
    if measure is None:
        return [size]
    known = measure[member][np.isfinite(measure[member])]
    enough = len(known) >= MINIMUM_CELL and size - len(known) not in range(1, MINIMUM_CELL)
    return [size, round(float(known.mean()), 4) if enough else None]


def named(which: str, words: Words = ("이름", "Name")) -> list[dict[str, Any]]:
    return [dimension(f"{which}_ko", words[0], f"{words[1]} in Korean"), dimension(f"{which}_en", f"{words[0]} (영어)", words[1])]


def counted(given: dict[str, Any], titles: dict[str, Words]) -> list[dict[str, Any]]:
    found = [count("subjects", "대상 수", "Subjects")]
    if given["measure"]:
        ko, en = titles[given["measure"]]
        found.append(measured("mean", f"{ko} 평균", f"Mean of {en}", of="subjects"))
    return found


def note(missing: int) -> dict[str, str]:
    return text(
        f"10 미만인 집단은 '그 밖'으로 묶고, 10 미만인 칸 {missing}개는 싣지 않았습니다.",
        f"Groups of fewer than 10 are joined into 'others'; {missing} cells of fewer than 10 are left out.",
    )


def drawn(kept: dict[str, Table], titles: dict[str, Words], given: dict[str, Any]) -> dict[str, Any]:
    if "cells" not in kept:
        return {}
    shade = "mean" if given["measure"] else "subjects"
    heat = {
        "mark": "rect",
        "encoding": {
            "y": {"field": {"ko": "row_ko", "en": "row_en"}, "type": "nominal", "title": text(*titles[given["rows"]])},
            "x": {"field": {"ko": "column_ko", "en": "column_en"}, "type": "nominal", "title": text(*titles[given["columns"]])},
            "color": {"field": shade, "type": "quantitative", "title": text("값", "Value")},
        },
    }
    return {"cells_figure": figures.drawn("cells_figure", ("교차표", "Cross-table"), "cells", heat)}


def summary(size: int, down: list[Level], across: list[Level] | None) -> dict[str, Any]:
    found = [figure("subjects", text("대상 수", "Subjects"), size, size)]
    if down and across:
        value = association(np.array([[(one.member & other.member).sum() for other in across] for one in down], dtype=float))
        found.append(figure("association", text("크래머 V (편향 보정)", "Cramer's V, bias corrected"), value, size))
    return {"name": "summary", "figures": found, "split": None, "notes": None}


def association(counts: Floats) -> float:
    """Cramer's V with the bias correction of Bergsma (2013); 0 independent, 1 one tells the other."""
    total = counts.sum()
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / total
    rows, columns = counts.shape
    phi = float((((counts - expected) ** 2) / expected).sum() / total)
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (total - 1))
    rows_left = rows - (rows - 1) ** 2 / (total - 1)
    columns_left = columns - (columns - 1) ** 2 / (total - 1)
    return float(np.sqrt(phi / max(min(rows_left, columns_left) - 1, 1e-12)))
