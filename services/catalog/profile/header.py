"""The names of a file's columns against those of the table definition."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from services.catalog.schemas.reports import Cause, Fault, Findings, Warned
from shared.canonical import canonical_text
from shared.contracts import Column

INDEXES = ("__index_level_0__", "unnamed: 0", "index", "level_0")


@dataclass(frozen=True)
class Names:
    """The columns of a file in its order: the machine name of each, None for one without a name."""

    columns: tuple[str | None, ...]
    as_written: bool

    @property
    def unnamed(self) -> list[int]:
        """Positions, from 0, of columns without a name."""
        return [position for position, name in enumerate(self.columns) if name is None]


def check_names(
    written: Sequence[str], columns: Sequence[Column], findings: Findings, *, line: int | None, unnamed: bool = False
) -> Names:
    """Each column of the table once, in any order, by its name or source_name; blanks around do not count.

    A column without a name is a fault unless `unnamed`."""
    exact = {name for column in columns for name in names_of(column)}
    known = {canonical_text(name): column.name for column in columns for name in names_of(column)}
    plain = [canonical_text(name) for name in written]
    found = [known.get(name) for name in plain]
    for column in columns:
        if column.name not in found:
            findings.add(Fault.HEADER_MISSING_COLUMN, line=line, column=column.name)
    for own, times in Counter(name for name in found if name).items():
        if times > 1:
            findings.add(Fault.HEADER_DUPLICATE, line=line, column=own)
    for raw, name in {raw: name for raw, name in zip(written, plain, strict=True) if name not in known}.items():
        if name or not unnamed:
            findings.add(Fault.HEADER_UNKNOWN_COLUMN, line=line, column=shown(raw), cause=cause_of(name, known))
    for one, known_name in zip(written, found, strict=True):
        if known_name is not None and one not in exact:
            findings.warn(Warned.HEADER_TRIMMED, column=known_name, lines=[line] if line else [])
    return Names(tuple(found), list(written) == found)


def names_of(column: Column) -> tuple[str, ...]:
    return (column.name, column.source_name) if column.source_name else (column.name,)


def cause_of(name: str, known: dict[str, str]) -> Cause | None:
    if name.lower() in INDEXES:
        return Cause.INDEX
    return Cause.CASE if name.casefold() in {one.casefold() for one in known} else None


def shown(value: str) -> str:
    """A name from outside, made safe to print: escaped, and cut to 63 characters."""
    safe = "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in value[:64])
    return safe if len(value) <= 63 and len(safe) <= 63 else safe[:62] + "…"
