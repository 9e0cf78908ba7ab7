"""SQL of cells: which are missing, blank, or a key in canonical form; and the Python behind it."""

from collections.abc import Iterable

from duckdb import DuckDBPyConnection

from services.catalog.profile.engine import name, text
from shared.canonical import canonical_key, canonical_text, key_rule, placeholder
from shared.contracts import Column

# Everything that is not seen: blanks of all kinds, format characters, and Hangul fillers.
BLANK = r"[\s\p{Z}\p{Cc}\p{Cf}\x{115F}\x{1160}\x{2800}\x{3164}\x{FFA0}]*"
# Of a key in these letters alone the canonical form is the key itself.
PLAIN_KEY = "[0-9A-Za-z]+"


def add_functions(engine: DuckDBPyConnection) -> None:
    """`text_form(cell)`, `key_form(cell, domain)` and `placeholder_of(key, domain)` for SQL."""
    engine.create_function("text_form", canonical_text, ["VARCHAR"], "VARCHAR")
    engine.create_function("key_form", key_form, ["VARCHAR", "VARCHAR"], "VARCHAR")
    engine.create_function("placeholder_of", placeholder_of, ["VARCHAR", "VARCHAR"], "VARCHAR")


def key_form(cell: str, domain: str) -> str:
    return canonical_key(cell, key_rule(domain))


def placeholder_of(key: str, domain: str) -> str:
    """Why a canonical key names nobody; empty if it may name somebody."""
    return placeholder(key, key_rule(domain)) or ""


def without_missing(cell: str, words: Iterable[str]) -> str:
    """A cell, NULL where it is one of the words that mean missing, however they are spelled."""
    forms = sorted({canonical_text(word) for word in words})
    if not forms:
        return cell
    most = max(map(len, forms)) * 4 + 8  # a decomposed syllable has up to four letters
    some = ", ".join(map(text, forms))
    return f"CASE WHEN length({cell}) <= {most} AND text_form({cell}) IN ({some}) THEN NULL ELSE {cell} END"


def cell_of(column: Column) -> str:
    """A cell of a file whose columns are all texts."""
    return without_missing(name(column.name), column.missing)


def blank(cell: str) -> str:
    """Whether a cell is empty or holds nothing that is seen; NULL for NULL."""
    return f"regexp_full_match({cell}, {text(BLANK)})"


def key_of(cell: str, domain: str) -> str:
    """The canonical form of a key; NULL where there is none."""
    quick = f"regexp_full_match({cell}, '{PLAIN_KEY}')"
    return f"CASE WHEN {quick} THEN {cell} ELSE nullif(key_form({cell}, {text(domain)}), '') END"
