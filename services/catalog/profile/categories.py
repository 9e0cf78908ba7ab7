"""Texts that are no keys: one word in several spellings, words for missing, rows that are totals or footnotes."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from services.catalog.profile.engine import text
from services.catalog.schemas.reports import MOST_LINES, Findings, Warned
from shared.canonical import Placeholder, canonical_key, canonical_text, placeholder, rules
from shared.contracts import Column

if TYPE_CHECKING:
    from services.catalog.profile.hints import Table

Place = tuple[int, int]  # how many rows hold a word, and the first of their records
MISSING = (Placeholder.MISSING, Placeholder.NO_LETTER, Placeholder.EMPTY)
MOST_CATEGORIES = 5_000  # beyond it a column holds names or notes, not categories


def compare(table: Table, column: Column, findings: Findings) -> None:
    """Warn of categories that are spelled in several ways, of words for missing, and of totals and footnotes."""
    cell = table.cells[column.name]
    ((about,),) = table.engine.execute(f"SELECT approx_count_distinct({cell}) FROM {table.source}").fetchall()  # noqa: S608  names are checked
    if about > 2 * MOST_CATEGORIES:
        find_totals(table, column, findings)
        return
    grouped = f"SELECT cell, count(*), min(record) FROM {table.numbered(cell)} WHERE cell IS NOT NULL GROUP BY cell"  # noqa: S608  as above
    spellings: dict[str, list[Place]] = defaultdict(list)
    for word, count, record in table.engine.execute(grouped).fetchall():
        spellings[canonical_text(word)].append((count, record))
    several = [place for word, places in spellings.items() if word and len(places) > 1 for place in places]
    words = sum(1 for word, places in spellings.items() if word and len(places) > 1)
    if several:
        findings.warn(Warned.CATEGORY_SPELLINGS, column=column.name, lines=first(several), count=words)
    kinds: dict[Placeholder | None, list[Place]] = defaultdict(list)
    for word, places in spellings.items():
        kinds[placeholder(canonical_key(word))] += places  # a word for total may be spaced out: 합 계
    missing = [place for kind in MISSING for place in kinds[kind]]
    if missing:
        findings.warn(Warned.CATEGORY_MISSING_WORDS, column=column.name, lines=first(missing), count=rows(missing))
    totals = [place for kind in (Placeholder.TOTAL, Placeholder.FOOTNOTE) for place in kinds[kind]]
    if few(rows(totals), table):
        findings.warn(Warned.TOTAL_ROWS, column=column.name, lines=first(totals), count=rows(totals))


def rows(places: list[Place]) -> int:
    return sum(count for count, _ in places)


def first(places: list[Place]) -> list[int]:
    """The first records of these places."""
    return sorted(record for _, record in places)[:MOST_LINES]


def few(count: int, table: Table) -> bool:
    """A word that stands in many rows is a category that is called so."""
    return 0 < count <= max(3, table.rows // 10)


def find_totals(table: Table, column: Column, findings: Findings) -> None:
    """Warn of rows of a column with many different texts that are totals or footnotes."""
    starts = "|".join(re.escape(one) for one in rules().placeholders.footnotes)
    totals = "|".join(re.escape(one) for one in sorted(rules().placeholders.totals))
    pattern = f"(?i)^\\s*(({starts}).*|[\\[(<\\s]*({totals})[\\])>:\\s]*$)"
    query = f"SELECT count(*), min(record, {MOST_LINES}) FROM {table.numbered(table.cells[column.name])}"  # noqa: S608  as above
    found = table.engine.execute(f"{query} WHERE regexp_matches(cell, {text(pattern)})").fetchall()
    ((count, records),) = found
    if few(count, table):
        findings.warn(Warned.TOTAL_ROWS, column=column.name, lines=list(records), count=count)
