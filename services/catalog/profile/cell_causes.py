"""What was most likely meant by a cell that does not fit: a code, never the cell."""

import re
from datetime import date

from services.catalog.schemas.reports import Cause, Fault
from shared.canonical import canonical_text, placeholder
from shared.contracts import ColumnType

NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}([,'  ][0-9]{3})+(\.[0-9]*)?|[+-]?[0-9]{1,3}(,[0-9]{1,4})+(\.[0-9]*)?")
SCIENTIFIC = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?[eE][+-]?[0-9]+")
MINUSES = re.compile("[−–—‒﹣－]")
ERRORS = re.compile(r"#(DIV/0!|N/A|NAME\?|NULL!|NUM!|REF!|VALUE!|SPILL!|CALC!)")
DATES = re.compile(r"([0-9]{2,4})[.\-/년 ]+ *([0-9]{1,2})([.\-/월 ]+ *([0-9]{1,2})[.일]?)?월?|[0-9]{6}|[0-9]{8}")
YES_NO = frozenset(
    ["y", "n", "yes", "no", "t", "f", "o", "x", "예", "아니오", "아니요", "참", "거짓", "유", "무", "있음", "없음"]
)
ISO_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
CLOCK = re.compile("([T ]|오전|오후)+ *[0-9]{1,2}:[0-9]{2}")


def cause_of(cell: str | None, fault: Fault, wanted: ColumnType) -> Cause | None:
    """The cause of a failing cell, or None where nothing is known of it."""
    if cell is None:
        return None
    if fault is Fault.MISSING_VALUE:
        return Cause.BLANK_ONLY if cell and not canonical_text(cell) else None
    if ERRORS.fullmatch(cell):
        return Cause.EXCEL_ERROR
    if wanted is ColumnType.BOOLEAN and canonical_text(cell).casefold() in YES_NO:
        return Cause.YES_NO
    if not cell.strip("- ") or placeholder(canonical_text(cell)) == "word-for-missing":
        return Cause.NOT_FINITE if cell.casefold() == "nan" else Cause.MISSING_WORD
    plain = canonical_text(cell)
    if not (canonical_text(cell[0]) and canonical_text(cell[-1])):
        return Cause.BLANKS
    if wanted in (ColumnType.INTEGER, ColumnType.NUMBER):
        return number_cause(cell, plain, wanted)
    return time_cause(cell, plain, wanted)


def number_cause(cell: str, plain: str, wanted: ColumnType) -> Cause | None:
    if MINUSES.search(cell[:1]) and (NUMBER.fullmatch(cell[1:]) or THOUSANDS.fullmatch(cell[1:])):
        return Cause.MINUS_SIGN
    if cell[:1] in ("△", "▲", "▽", "▼"):
        return Cause.TRIANGLE
    if plain != cell and any("０" <= letter <= "９" for letter in cell):
        return Cause.FULL_WIDTH
    if plain.endswith(("%", "％", "‰")):
        return Cause.PERCENT
    if plain.startswith("(") and plain.endswith(")"):
        return Cause.PARENTHESES
    if plain.lstrip("+-").casefold() in ("inf", "infinity", "nan"):
        return Cause.NOT_FINITE
    if THOUSANDS.fullmatch(plain):
        return Cause.THOUSANDS
    if SCIENTIFIC.fullmatch(plain):
        return Cause.SCIENTIFIC if wanted is ColumnType.INTEGER else Cause.NOT_FINITE
    if NUMBER.fullmatch(plain):
        return Cause.FRACTION if "." in plain else Cause.TOO_LARGE
    bare = plain.strip("0123456789+-.,' ")
    unit = (
        bare
        and len(bare) <= 10
        and re.search("[0-9]", plain)
        and re.fullmatch(r"[^\W\d_]+|[₩$€¥£℃°][CF]?|[^\W\d_]+[/²³23]\w*", bare)
    )
    return Cause.UNIT if unit and not plain.casefold().startswith("0x") else None


def time_cause(cell: str, plain: str, wanted: ColumnType) -> Cause | None:
    if wanted is ColumnType.DATE and ISO_DATE.match(plain) and CLOCK.search(plain):
        return Cause.TIME_OF_DAY
    if ISO_DATE.match(plain):
        return Cause.NO_SUCH_DAY if not is_day(plain[:10]) else Cause.OFFSET if len(plain) > 16 else None
    if re.fullmatch("[1-9][0-9]{4}(\\.[0-9]+)?", plain):
        return Cause.SERIAL_DAY
    return Cause.OTHER_DATE if DATES.match(plain) else None


def is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
