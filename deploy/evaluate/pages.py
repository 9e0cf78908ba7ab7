"""The report page of a task: lines, goals, tables and drawings, in one file that needs nothing else."""

import json
from html import escape
from pathlib import Path
from typing import Any

import vl_convert

from deploy.evaluate.findings import Asked, Found
from services.results.report import pictures

FONTS = Path(pictures.__file__).parent / "fonts"
STYLE = (
    "body{font-family:sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{border:1px solid #ccc;padding:.2rem .6rem;text-align:right}"
    "td:first-child,th:first-child{text-align:left}.missed{color:#b00020}tr.kept{font-weight:bold}"
)
HEADINGS = ("model", "rows", "ROC-AUC", "PR-AUC", "Brier", "lift at 5 %", "precision at 5 %")


def write_page(name: str, found: Found, asked: Asked) -> Path:
    path = asked.out / f"{name}.html"
    parts = [
        f"<h1>{escape(found.title)}</h1>",
        *(f"<p>{escape(note)}</p>" for note in found.notes),
        "<h2>Models</h2>",
        grid(HEADINGS, [line_cells(line) for line in found.lines]),
        "<h2>Goals</h2>",
        grid(("goal", "measured", "bound", ""), [goal_cells(goal) for goal in found.goals]),
        *drawings(found),
        *(f"<h2>{escape(table['title']['en'])}</h2>" + whole(table) for table in found.outputs.tables.values()),
    ]
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(found.title)}</title><style>{STYLE}</style>'
    path.write_text(head + "\n".join(parts) + "</html>\n", encoding="utf-8")
    return path


def line_cells(line: Any) -> list[str]:
    measures = (line.roc_auc, line.pr_auc, line.brier)
    name = f"{line.model} (kept)" if line.kept else line.model
    rest = ["" if value is None else f"{value:.3f}" for value in (line.lift, line.precision)]
    return [name, f"{line.rows:,}", *(f"{value:.4f}" for value in measures), *rest]


def goal_cells(goal: Any) -> list[str]:
    return [goal.words, f"{goal.value:.4g}", f"{'>=' if goal.at_least else '<='} {goal.bound:g}", "met" if goal.met else "MISSED"]


def drawings(found: Found) -> list[str]:
    vl_convert.register_font_directory(str(FONTS))
    drawn = []
    for spec in found.outputs.figures.values():
        for tongue in pictures.TONGUES:
            drawn.append(vl_convert.vegalite_to_svg(json.dumps(pictures.with_rows(spec, found.outputs.tables, tongue))))
    return drawn


def whole(table: dict[str, Any]) -> str:
    headings = tuple(column["title"]["en"] for column in table["columns"])
    rows = [
        ["" if cell is None else f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in table["rows"]
    ]
    notes = table["notes"]
    return grid(headings, rows) + (f"<p>{escape(notes['en'])}</p>" if notes else "")


def grid(headings: tuple[str, ...], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
