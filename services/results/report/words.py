"""The fixed words of the report, in both languages, kept in a data file."""

import json
from pathlib import Path

_DATA: dict[str, dict[str, dict[str, str]]] = json.loads((Path(__file__).parent / "words.json").read_text(encoding="utf-8"))
WORDS, REASONS, ROWS = _DATA["page"], _DATA["reasons"], _DATA["rows"]


def reason_words(code: str, tongue: str) -> str:
    """A reason code in words where we have them, with the code itself."""
    known = REASONS.get(code)
    return f"{known[tongue]} ({code})" if known else code


def row_words(code: str, tongue: str) -> str:
    """Why rows were left out, in words where we have them."""
    known = ROWS.get(code)
    return known[tongue] if known else code
