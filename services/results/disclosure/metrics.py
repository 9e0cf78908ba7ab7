"""A metrics file leaves only if every figure in it stands on enough people."""

from typing import Any

from services.results.disclosure.findings import (
    Notebook,
    Verdict,
    check_words,
    is_count,
    is_name,
    is_number,
    text_fault,
)
from services.results.disclosure.rules import Rules

MAX_FIGURES = 2000
MAX_SPLIT = 20


def check_metrics(metrics: Any, rules: Rules) -> Verdict:
    """The verdict on one parsed metrics artefact."""
    notebook = Notebook()
    if not isinstance(metrics, dict) or not is_name(metrics.get("name")):
        notebook.note("not-metrics", at="name")
        return notebook.verdict("metrics", "unnamed", dict)
    figures = metrics.get("figures")
    if not isinstance(figures, list) or not 0 < len(figures) <= MAX_FIGURES:
        notebook.note("figures-missing", at="figures")
        return notebook.verdict("metrics", metrics["name"], dict)
    cleaned = [check_one(figure, index, notebook, rules) for index, figure in enumerate(figures)]
    split = check_split(metrics.get("split"), notebook, rules)
    notes = check_words(metrics.get("notes"), notebook, "notes", limit=2000, required=False)
    content = {"name": metrics["name"], "figures": cleaned, "split": split, "notes": notes}
    return notebook.verdict("metrics", metrics["name"], lambda: content)


def check_one(figure: Any, index: int, notebook: Notebook, rules: Rules) -> dict[str, Any]:
    at = f"figures/{index}"
    if not isinstance(figure, dict) or not is_name(figure.get("name")):
        notebook.note("figure-unnamed", at=at)
        return {}
    title = check_words(figure.get("title"), notebook, at, limit=rules.max_text)
    unit = figure.get("unit")
    if fault := figure_fault(figure, unit, rules):
        notebook.note(fault, at=at)
    return {"name": figure["name"], "title": title, "value": figure.get("value"), "count": figure.get("count"), "unit": unit}


def figure_fault(figure: dict[str, Any], unit: Any, rules: Rules) -> str | None:
    value, count = figure.get("value"), figure.get("count")
    if not is_number(value):
        return "value-not-number"
    if not is_count(count):
        return "count-not-integer"
    if count < rules.min_count:
        return "count-below-minimum"
    if unit is None:
        return None
    if not isinstance(unit, str) or text_fault(unit, 40):
        return "unit-not-text"
    return "count-below-minimum" if unit.lower() in rules.count_units and value < rules.min_count else None


def check_split(split: Any, notebook: Notebook, rules: Rules) -> dict[str, Any]:
    """How the data were split, such as the years of training and test: short scalars only."""
    if split is None:
        return {}
    if not isinstance(split, dict) or len(split) > MAX_SPLIT:
        notebook.note("split-invalid", at="split")
        return {}
    for index, (key, value) in enumerate(split.items()):
        entries = value if isinstance(value, list) else [value]
        if not is_name(key) or len(entries) > MAX_SPLIT or not all(is_scalar(entry, rules) for entry in entries):
            notebook.note("split-invalid", at=f"split/{index}")
    return split


def is_scalar(value: Any, rules: Rules) -> bool:
    if isinstance(value, str):
        return text_fault(value, rules.max_text) is None
    return value is None or isinstance(value, bool) or is_number(value)
