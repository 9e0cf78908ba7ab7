"""The report of a result as one HTML page that loads nothing from anywhere."""

import base64
import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.results.report.words import WORDS, reason_words, row_words

TEMPLATES = Path(__file__).parent / "templates"
CSS = (TEMPLATES / "report.css").read_text(encoding="utf-8")
CSS_HASH = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
# Attributes `style="…"` of a picture stay without effect; nothing can be loaded or run.
CONTENT_POLICY = f"default-src 'none'; style-src 'sha256-{CSS_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

environment = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def shown(value: Any) -> str:
    """A cell for people: digits grouped, shares not longer than they are true."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def cell_text(value: Any, kind: str) -> str:
    """A cell by its column's kind: a rate is a percentage."""
    return f"{value:.1%}" if kind == "rate" and isinstance(value, int | float) else shown(value)


def in_tongue(table: Mapping[str, Any], tongue: str) -> list[int]:
    """The columns to show: where a text stands in both languages (`label_ko`, `label_en`), the one of the page."""
    names = [str(column["name"]) for column in table["columns"]]
    other = "_en" if tongue == "ko" else "_ko"
    return [at for at, name in enumerate(names) if not (name.endswith(other) and f"{name[:-3]}_{tongue}" in names)]


def render_page(view: Mapping[str, Any], tongue: str) -> str:
    """The page of a view (see queries.report) in one language."""
    template = environment.get_template("report.html.j2")
    other = "en" if tongue == "ko" else "ko"
    return template.render(
        view=view,
        t=WORDS[tongue],
        lang=tongue,
        other=other,
        css=CSS,
        shown=shown,
        cell_text=cell_text,
        in_tongue=partial(in_tongue, tongue=tongue),
        reason=partial(reason_words, tongue=tongue),
        reason_of_rows=partial(row_words, tongue=tongue),
    )
