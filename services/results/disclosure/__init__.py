"""Disclosure control: what may leave, decided by rule on every cell and every figure. Pure."""

from services.results.disclosure.figures import check_figure
from services.results.disclosure.findings import Finding, UnreadableError, Verdict, parse_json
from services.results.disclosure.lists import MAX_STORED, ListLine, line_batches, read_line, read_stored
from services.results.disclosure.metrics import check_metrics
from services.results.disclosure.rules import Rules
from services.results.disclosure.tables import check_table

__all__ = [
    "MAX_STORED",
    "Finding",
    "ListLine",
    "Rules",
    "UnreadableError",
    "Verdict",
    "check_figure",
    "check_metrics",
    "check_table",
    "line_batches",
    "parse_json",
    "read_line",
    "read_stored",
]
