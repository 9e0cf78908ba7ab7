"""Texts that are no keys: one word in several spellings, words for missing, rows that are totals or footnotes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from services.catalog.profile.engine import text
from services.catalog.schemas.reports import MOST_LINES, Findings, Warned
from shared.canonical import Placeholder, canonical_text, placeholder, rules
from shared.contracts import Column, ColumnRole, ColumnType

if TYPE_CHECKING:
    from services.catalog.profile.hints import Table

MOST_CATEGORIES = 5_000  # beyond it a column holds names or notes, not categories


def compare(table: Table, column: Column, findings: Findings) -> None:
    """Warn of categories that are spelled in several ways, and of words that stand for missing."""
    cell = table.cells[column.name]
    ((about,),) = table.engine.execute(f"SELECT approx_count_distinct({cell}) FROM {table.source}").fetchall()  # noqa: S608  names are checked
    if about > 2 * MOST_CATEGORIES:
        return
    grouped = f"SELECT cell, count(*), min(record) FROM {table.numbered(cell)} WHERE cell IS NOT NULL GROUP BY cell"  # noqa: S608  as above
    spellings: dict[str, list[tuple[int, int]]] = defaultdict(list)
    missing: list[tuple[int, int]] = []
    for word, count, record in table.engine.execute(grouped).fetchall():
        plain = canonical_text(word)
        spellings[plain].append((count, record))
        if placeholder(plain) in (Placeholder.MISSING, Placeholder.NO_LETTER, Placeholder.EMPTY):
            missing.append((count, record))
    several = {word: places for word, places in spellings.items() if word and len(places) > 1}
    if several:
        lines = sorted(record for places in several.values() for _, record in places)[:MOST_LINES]
        findings.warn(Warned.CATEGORY_SPELLINGS, column=column.name, lines=lines, count=len(several))
    if missing:
        lines = sorted(record for _, record in missing)[:MOST_LINES]
        rows = sum(count for count, _ in missing)
        findings.warn(Warned.CATEGORY_MISSING_WORDS, column=column.name, lines=lines, count=rows)


def find_totals(table: Table, findings: Findings) -> None:
    """Warn of rows in which a text is a word for a total or begins like a footnote."""
    texts = [one for one in table.columns if one.type is ColumnType.STRING and one.role is not ColumnRole.MEASURE]
    if not texts:
        return
    words = rules().placeholders
    longest = max(map(len, words.totals)) + 8
    totals = ", ".join(map(text, sorted(words.totals)))
    footnotes = tuple(one for one in words.footnotes)
    starts = " OR ".join(f"starts_with(lower(trim({{0}})), {text(one)})" for one in footnotes)
    bare = "regexp_replace(lower({0}), '[\\s\\p{{Z}}\\p{{P}}\\p{{S}}]', '', 'g')"
    # No word for a total has a digit; most cells have one, and need no closer look.
    word = f"CASE WHEN length({{0}}) > {longest} OR regexp_matches({{0}}, '[0-9]') THEN false ELSE {bare} IN ({totals}) END"
    condition = f"({starts} OR {word})"
    any_text = " OR ".join(f"coalesce({condition.format(table.cells[one.name])}, false)" for one in texts)
    numbered = f"SELECT row_number() OVER () - 1 AS record, {any_text} AS is_total FROM {table.source}"  # noqa: S608  as above
    ((count, first),) = table.engine.execute(
        f"SELECT count(*), min(record, {MOST_LINES}) FROM ({numbered}) WHERE is_total"  # noqa: S608  as above
    ).fetchall()
    # A category that is called so in many rows is a category.
    if count and count <= max(3, table.rows // 10):
        findings.warn(Warned.TOTAL_ROWS, lines=list(first), count=count)
