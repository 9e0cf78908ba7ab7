"""Counts and means of each cell; nothing that stands on fewer than ten subjects leaves."""

from typing import Any

import numpy as np

from services.analysis.methods.cross_tabulation.card import SCHEMA
from services.analysis.methods.cross_tabulation.counts import Cells, check_number, count_cells, grouping, joined
from services.analysis.methods.cross_tabulation.hiding import may_be_shown
from services.analysis.methods.toolkit import figures
from services.analysis.methods.toolkit.arrays import Flags, Floats, Whole
from services.analysis.methods.toolkit.disclosure import Level
from services.analysis.methods.toolkit.evaluation import MINIMUM_CELL
from services.analysis.methods.toolkit.layout import Cell, Table, count, dimension, figure, measured, rounded, table, text
from services.analysis.methods.toolkit.parameters import read
from services.analysis.methods.toolkit.rows import Words
from services.analysis.worker.sdk import Bundle, MethodError, Outputs, Report

FEWEST = 2 * MINIMUM_CELL


def run(bundle: Bundle, report: Report) -> Outputs:
    given = read(SCHEMA, bundle.parameters)
    groupings = [given["rows"], *filter(None, [given["columns"]])]
    names = list(dict.fromkeys([*groupings, *filter(None, [given["measure"]])]))
    bundle.columns([f"table__{name}" for name in names], range(0))
    size = int(bundle.sql("SELECT count(*) AS rows FROM linked")["rows"][0])
    if size < FEWEST:
        raise MethodError("too-few-rows", f"There are fewer than {FEWEST} rows.")
    report(0.3, "grouping")
    titles = {name: given["titles"].get(name, (name, name)) for name in names}
    told = [grouping(bundle, f"table__{name}", given["bins"]) for name in groupings]
    if given["measure"]:
        check_number(bundle, f"table__{given['measure']}")
    report(0.7, "counting")
    counted = count_cells(bundle, told, f"table__{given['measure']}" if given["measure"] else None)
    down, *rest = (joined(counted, at, name) for at, name in enumerate(groupings))
    across = rest[0] if rest else None
    made = [groups(given, counted, down, across, titles)]
    if across:
        made.append(cells(given, counted, down, across, titles))
    kept = {each["name"]: each for each in made if each["rows"]}
    if not kept:
        raise MethodError("nothing-to-show", "No group has ten subjects beside another one that has: nothing may be shown.")
    return Outputs(tables=kept, figures=drawn(kept, titles, given), metrics={"summary": summary(size, counted, down, across)})


def groups(
    given: dict[str, Any], counted: Cells, down: list[Level], across: list[Level] | None, titles: dict[str, Words]
) -> Table:
    """Each grouping by itself."""
    rows: list[list[Cell]] = []
    for level in (*down, *(across or ())):
        if cell := values_of(given, counted, level.member):
            rows.append([*titles[level.grouping], level.code, *level.words, *cell])
    columns = [
        dimension("grouping_ko", "구분", "Grouping in Korean"),
        dimension("grouping_en", "구분 (영어)", "Grouping"),
        dimension("level", "코드", "Code"),
        *named("level"),
        *counts_of(given, titles),
    ]
    return table("groups", ("구분별 집계", "Each grouping by itself"), columns, rows, note(0))


def cells(given: dict[str, Any], counted: Cells, down: list[Level], across: list[Level], titles: dict[str, Words]) -> Table:
    rows: list[list[Cell]] = []
    sizes = sizes_of(counted, down, across)
    shown, small = may_be_shown(sizes), int((sizes < MINIMUM_CELL).sum())
    for at, beside in np.argwhere(shown):
        one, other = down[at], across[beside]
        told = values_of(given, counted, one.member & other.member)
        rows.append([one.code, *one.words, other.code, *other.words, *told])
    columns = [
        dimension("row", "행 코드", "Row code"),
        *named("row", titles[given["rows"]]),
        dimension("column", "열 코드", "Column code"),
        *named("column", titles[given["columns"]]),
        *counts_of(given, titles),
    ]
    return table("cells", ("교차표", "Cross-table"), columns, rows, note(small, int((~shown).sum()) - small))


def sizes_of(counted: Cells, down: list[Level], across: list[Level]) -> Whole:
    sizes = [[counted.count(one.member & other.member) for other in across] for one in down]
    return np.array(sizes, dtype=np.int64).reshape(len(down), len(across))


def values_of(given: dict[str, Any], counted: Cells, member: Flags) -> list[Cell]:
    """Count and mean of a cell; nothing of it if it is too small, no mean if too few have a value."""
    size, known = counted.count(member), int(counted.known[member].sum())
    if size < MINIMUM_CELL:
        return []
    if not given["measure"]:
        return [size]
    enough = known >= MINIMUM_CELL and size - known not in range(1, MINIMUM_CELL)
    return [size, rounded(float(counted.total[member].sum() / known)) if enough else None]


def named(which: str, words: Words = ("이름", "Name")) -> list[dict[str, Any]]:
    return [dimension(f"{which}_ko", words[0], f"{words[1]} in Korean"), dimension(f"{which}_en", f"{words[0]} (영어)", words[1])]


def counts_of(given: dict[str, Any], titles: dict[str, Words]) -> list[dict[str, Any]]:
    found = [count("subjects", "대상 수", "Subjects")]
    if given["measure"]:
        ko, en = titles[given["measure"]]
        found.append(measured("mean", f"{ko} 평균", f"Mean of {en}", of="subjects"))
    return found


def note(small: int, beside: int = 0) -> dict[str, str]:
    ko, en = (f" 그 수를 알 수 있게 하는 칸 {beside}개도.", f"; so are {beside} that would tell them.") if beside else ("", ".")
    return text(
        f"10 미만인 집단은 '그 밖'으로 묶고, 10 미만인 칸 {small}개는 싣지 않았습니다.{ko}",
        f"Groups of fewer than 10 are joined into 'others'; {small} cells of fewer than 10 are left out{en}",
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


def summary(size: int, counted: Cells, down: list[Level], across: list[Level] | None) -> dict[str, Any]:
    found = [figure("subjects", text("대상 수", "Subjects"), size, size)]
    if down and across:
        value = association(sizes_of(counted, down, across).astype(np.float64))
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
