"""The canonical forms of keys, texts and times in SQL: plain cells by a pattern, all others by `shared`, cell by cell."""

from collections.abc import Iterable
from typing import Final

import duckdb

from shared.canonical import Placeholder, canonical_key, canonical_text, key_rule, placeholder
from shared.times import Form, canonical_time

# No canonical text begins with a control character, so what does is a refusal with its reason.
REFUSED: Final = "\x01"
PLACEHOLDER: Final = REFUSED + "placeholder"
# Letters, digits and hyphens of ASCII with a digit among them: no blank, and no word of the placeholders. That
# most keys are such keeps the cost of the others small; what is of one letter throughout may be a placeholder.
PLAIN_KEY: Final = "([A-Za-z][A-Za-z-]*)?[0-9][0-9A-Za-z-]*"
NUMBER: Final = "[0-9-]*"
# Printable ASCII and composed Hangul, single blanks inside: NFKC leaves these as they are.
PLAIN_TEXT: Final = "[!-~가-힣]+( [!-~가-힣]+)*"
PLAIN_DAY: Final = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
TEXT: Final = "VARCHAR"
PLAIN_MONTH: Final = "(18|19|20|21)[0-9]{2}-(0[1-9]|1[0-2])"


def add_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Give the database the functions that the SQL of this module calls."""
    connection.create_function("dure_key", _key, [TEXT] * 2, TEXT)
    connection.create_function("dure_text", canonical_text, [TEXT], TEXT)
    connection.create_function("dure_time", _time, [TEXT] * 3, TEXT)


def _key(raw: str, domain: str) -> str:
    rule = key_rule(domain)
    key = canonical_key(raw, rule)
    found = placeholder(key, rule)
    return key if found is None else "" if found is Placeholder.EMPTY else PLACEHOLDER


def _time(text: str, zone: str, shown: str) -> str:
    found = canonical_time(text, zone, shown)
    return REFUSED + found if isinstance(found, Form) else found


def key_form(text: str, domain: str) -> str:
    """The SQL of a key's canonical form: empty for a blank one, PLACEHOLDER for what names nobody."""
    rule, bare = key_rule(domain), f"replace({text}, '-', '')"
    plain = f"regexp_full_match({text}, '{PLAIN_KEY}') AND ltrim({bare}, left({text}, 1)) <> ''"
    number = f"WHEN {plain} AND regexp_full_match({text}, '{NUMBER}') AND length({bare}) >= {rule.least_digits} THEN {bare}"
    numbers = number if "-" in rule.separators else ""
    return f"CASE {numbers} WHEN {plain} THEN {text} ELSE dure_key({text}, {literal(domain)}) END"


def text_form(text: str) -> str:
    """The SQL of a text's canonical form, NULL if nothing is left of it."""
    return f"CASE WHEN regexp_full_match({text}, '{PLAIN_TEXT}') THEN {text} ELSE nullif(dure_text({text}), '') END"


def time_form(text: str, zone: str, shown: str) -> str:
    """The SQL of a time in ISO 8601 on the wall clock of `shown`, or of REFUSED and the class of its form."""
    day = f"regexp_full_match({text}, '{PLAIN_DAY}') AND TRY_CAST({text} AS DATE) IS NOT NULL"
    plain = f"({day}) OR regexp_full_match({text}, '{PLAIN_MONTH}')"
    return f"CASE WHEN {plain} THEN {text} ELSE dure_time({text}, {literal(zone)}, {literal(shown)}) END"


def without_missing(text: str, words: Iterable[str]) -> str:
    """The SQL of a text that is NULL where it is one of the words that mean missing."""
    known = sorted({canonical_text(word) for word in words})
    if not known:
        return text
    return f"CASE WHEN {text_form(text)} IN ({', '.join(map(literal, known))}) THEN NULL ELSE {text} END"


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"
