"""The names of a file's columns against those of the table definition."""

from collections import Counter
from collections.abc import Sequence

from services.catalog.schemas.reports import Fault, Findings
from shared.contracts import Column


def check_names(names: Sequence[str], columns: Sequence[Column], findings: Findings, *, line: int | None) -> None:
    """The same names, each once, in any order."""
    expected = [column.name for column in columns]
    for column in expected:
        if column not in names:
            findings.add(Fault.HEADER_MISSING_COLUMN, line=line, column=column)
    for column, times in Counter(names).items():
        if column not in expected:
            findings.add(Fault.HEADER_UNKNOWN_COLUMN, line=line, column=shown(column))
        elif times > 1:
            findings.add(Fault.HEADER_DUPLICATE, line=line, column=column)


def shown(value: str) -> str:
    """A name from outside, made safe to print: escaped, and cut to 63 characters."""
    safe = "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in value[:64])
    return safe if len(value) <= 63 and len(safe) <= 63 else safe[:62] + "…"
