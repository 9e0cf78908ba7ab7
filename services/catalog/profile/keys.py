"""What the keys of one column look like: duplicates, placeholders, lengths, alphabets, spellings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.catalog.profile.engine import name, text
from services.catalog.profile.forms import blank, key_of
from services.catalog.schemas.reports import MOST_LINES, Findings, Group, KeyProfile, Warned
from shared.canonical import key_fault, key_rule, rules
from shared.contracts import Column, ColumnRole, ColumnType

if TYPE_CHECKING:
    from services.catalog.profile.hints import Table

MOST_GROUPS = 50
MOST_COMPANIONS = 5
SEPARATORS = r"[-./\s\p{Pd}\p{Z}]"
ALPHABETS: tuple[tuple[str, str, str], ...] = (
    ("digits", "[0-9]+", "숫자"),
    ("latin letters", "[A-Za-z]+", "로마자"),
    ("digits and latin letters", "[0-9A-Za-z]+", "숫자와 로마자"),
    ("hangul", r"[\p{Hangul}]+", "한글"),
    ("digits and hangul", r"[0-9\p{Hangul}]+", "숫자와 한글"),
)
OTHER = ("other", "기타")


class Keys:
    """The keys of one column, counted in SQL; only keys that are not plain pass through Python."""

    def __init__(self, table: Table, column: Column) -> None:
        self.table, self.column = table, column
        self.domain = column.key_domain or ""
        self.engine = table.engine
        cell = table.cells[column.name]
        key = key_of("cell", self.domain)
        footnotes = " OR ".join(f"starts_with(key, {text(one)})" for one in rules().placeholders.footnotes)
        # Nearly every key has a digit, is not one letter repeated, and no word; the rest is asked for.
        plain = f"regexp_matches(key, '[0-9]') AND ltrim(key, left(key, 1)) <> '' AND NOT ({footnotes})"
        words = f"CASE WHEN {plain} THEN '' ELSE placeholder_of(key, {text(self.domain)}) END"
        inner = f"SELECT record, cell, {key} AS key FROM {table.numbered(cell)}"  # noqa: S608  names are checked, literals escaped
        self.rows = f"(SELECT *, {words} AS word FROM ({inner}))"  # noqa: S608  as above
        self.good = f"{self.rows} WHERE key IS NOT NULL AND word = ''"

    def all(self, query: str) -> list[tuple[Any, ...]]:
        return self.engine.execute(query).fetchall()

    def records(self, condition: str) -> tuple[int, list[int]]:
        """How many rows fulfil a condition, and the first of them."""
        query = f"SELECT count(*), min(record, {MOST_LINES}) FROM {self.rows} WHERE {condition}"  # noqa: S608  as above
        ((count, first),) = self.all(query)
        return count, list(first or [])


def profile(table: Table, column: Column, findings: Findings) -> KeyProfile:
    """The profile of a key column, and warnings of what will hurt."""
    keys = Keys(table, column)
    nothing, word = f"(key IS NULL OR {blank('cell')})", "(key IS NOT NULL AND word <> '')"
    sums = ", ".join(f"count_if({one}), min(record, {MOST_LINES}) FILTER ({one})" for one in (nothing, word))
    ((blanks, blank_lines, words, word_lines),) = keys.all(f"SELECT {sums} FROM {keys.rows}")  # noqa: S608  as above
    if blanks:
        findings.warn(Warned.KEY_BLANK, column=column.name, lines=blank_lines, count=blanks)
    if words:
        findings.warn(Warned.KEY_PLACEHOLDER, column=column.name, lines=word_lines, count=words)
    found = KeyProfile(
        column=column.name, source_name=column.source_name, key_domain=keys.domain,
        rows=table.rows - blanks - words, blank=blanks, placeholders=words, duplicates=duplicates(keys, findings),
    )  # fmt: skip
    if not found.rows:
        return found
    return found.model_copy(update=shapes(keys, found.rows, findings))


def duplicates(keys: Keys, findings: Findings) -> int:
    """How many keys stand in more than one row; the warning has the first and the last line of some.

    Keys are compared by a hash of 64 bits, so that a group takes a few bytes, however long its key."""
    grouped = f"SELECT [min(record), max(record)] AS places FROM {keys.good} GROUP BY hash(key) HAVING count(*) > 1"  # noqa: S608  as above
    query = f"SELECT count(*), min(places, {MOST_LINES // 2}) FROM ({grouped})"  # noqa: S608  as above
    ((count, first),) = keys.all(query)
    if count:
        lines = sorted({record for places in first for record in places})
        together = companion(keys)
        findings.warn(
            Warned.KEY_DUPLICATE, column=keys.column.name, lines=lines, count=count,
            together_ko=f"{together} 열과 함께 보면 한 번씩입니다. " if together else "",
            together_en=f"Together with {together} each stands once. " if together else "",
        )  # fmt: skip
    return int(count)


def companion(keys: Keys) -> str | None:
    """A column that makes the keys distinct, such as a year: what methods call `keyed_by`."""
    others = [
        one for one in keys.table.columns
        if one.name != keys.column.name and one.role is not ColumnRole.MEASURE and one.type is not ColumnType.NUMBER
    ]  # fmt: skip
    key = key_of(keys.table.cells[keys.column.name], keys.domain)
    for other in others[:MOST_COMPANIONS]:
        pairs = f"SELECT 1 FROM {keys.table.source} WHERE {name(keys.column.name)} IS NOT NULL GROUP BY hash({key}, {name(other.name)}) HAVING count(*) > 1 LIMIT 1"  # noqa: S608, E501  as above
        if not keys.all(pairs):
            return other.name
    return None


def shapes(keys: Keys, rows: int, findings: Findings) -> dict[str, Any]:
    """Lengths, alphabets, separators and spellings of the keys."""
    cases = " ".join(f"WHEN regexp_full_match(key, {text(pattern)}) THEN {text(label)}" for label, pattern, _ in ALPHABETS)
    separated = f"regexp_matches(trim(cell), {text(SEPARATORS)})"
    kinds = f"length(key) AS size, CASE {cases} ELSE 'other' END AS alphabet, {separated} AS parted, cell <> key AS respelled"
    kinds += ", regexp_matches(key, '[a-z]') AS lower, regexp_matches(key, '[A-Z]') AS upper"
    columns = "size, alphabet, parted, respelled, count(*), min(record), lower, upper"
    groups = keys.all(f"SELECT {columns} FROM (SELECT record, {kinds} FROM {keys.good}) GROUP BY ALL")  # noqa: S608  as above
    lengths, alphabets = summed(groups, 0), summed(groups, 1)
    parted = sum(group[4] for group in groups if group[2])
    column = keys.column.name
    if len(lengths) > 1 and set(alphabets) <= {"digits"}:
        few = min(lengths, key=lambda size: lengths[size])
        lines = [group[5] for group in groups if group[0] == few]
        findings.warn(
            Warned.KEY_LENGTHS, column=column, lines=lines[:MOST_LINES], count=lengths[few],
            shortest=min(lengths), longest=max(lengths),
        )  # fmt: skip
    if len(alphabets) > 1:
        lines = sorted(min(group[5] for group in groups if group[1] == kind) for kind in alphabets)
        findings.warn(Warned.KEY_ALPHABETS, column=column, lines=lines, count=rows, kinds=", ".join(sorted(alphabets)))
    if 0 < parted < rows:
        lines = sorted(min(group[5] for group in groups if group[2] is one) for one in (True, False))
        share = min(max(round(100 * parted / rows, 1), 0.1), 99.9)
        findings.warn(Warned.KEY_SEPARATORS, column=column, lines=lines, count=parted, share=str(share))
    respelled = [group for group in groups if group[3] and not group[2]]
    if respelled:
        lines = sorted(group[5] for group in respelled)[:MOST_LINES]
        findings.warn(Warned.KEY_SPELLINGS, column=column, lines=lines, count=sum(group[4] for group in respelled))
    if any(group[6] for group in groups) and any(group[7] for group in groups):
        letter_cases(keys, findings)
    unlike_domain(keys, findings)
    return {
        "with_separators": parted / rows,
        "lengths": [Group(name=str(size), rows=count) for size, count in sorted(lengths.items())][:MOST_GROUPS],
        "alphabets": [Group(name=kind, rows=count) for kind, count in sorted(alphabets.items())],
    }


def summed(groups: list[tuple[Any, ...]], place: int) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for group in groups:
        found[group[place]] = found.get(group[place], 0) + group[4]
    return found


def letter_cases(keys: Keys, findings: Findings) -> None:
    """Keys that differ in letter case alone stay apart: case is never guessed."""
    folded = f"SELECT [min(record), max(record)] AS places FROM {keys.good} AND regexp_matches(key, '[A-Za-z]') GROUP BY hash(lower(key)) HAVING min(hash(key)) <> max(hash(key))"  # noqa: S608, E501  as above
    ((count, first),) = keys.all(f"SELECT count(*), min(places, {MOST_LINES // 2}) FROM ({folded})")  # noqa: S608  as above
    if count:
        lines = sorted({record for places in first for record in places})
        findings.warn(Warned.KEY_CASES, column=keys.column.name, lines=lines, count=count)


def unlike_domain(keys: Keys, findings: Findings) -> None:
    """Keys that are not written as their domain declares."""
    rule = key_rule(keys.domain)
    if not rule.pattern and not rule.check_digit:
        return
    keys.engine.create_function("unlike", lambda key: key_fault(key, rule) is not None, ["VARCHAR"], "BOOLEAN")
    try:
        count, lines = keys.records("key IS NOT NULL AND word = '' AND unlike(key)")
    finally:
        keys.engine.remove_function("unlike")
    if count:
        title = rule.title.ko if rule.title else keys.domain
        findings.warn(
            Warned.KEY_UNLIKE_DOMAIN, column=keys.column.name, lines=lines, count=count, domain=keys.domain, domain_ko=title
        )
