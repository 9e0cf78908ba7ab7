"""One strict reader of years, months, days and times, as Korean offices write them. Pure.

Read: 2022, 2022-03, 2022-3, 2022.3., 2022/03, 202203, 2022년 3월, 2022-03-25, 2022.3.25, 2022. 3. 25.,
20220325, 2022/03/25, 2022년 3월 25일, each day also with a time of day and an offset or Z. Whatever
else is written is refused with the class of its form; nothing is guessed.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from functools import cache, lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from shared.canonical import canonical_text

KOREA: Final = "Asia/Seoul"
"""The zone of times without an offset where a dataset declares none."""
# A year or month that stands by itself is a bare number: outside of these years it is something else.
FIRST_YEAR, LAST_YEAR = 1800, 2200
LONGEST_OFFSET: Final = timedelta(hours=14)

_DASHES: Final = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-"))
_DAY: Final = (
    r"(?P<year>\d{4})(?:"
    r" ?(?P<mark>[-/.]) ?(?P<month>\d{1,2})(?: ?(?P=mark) ?(?P<day>\d{1,2}))?(?P<dot>\.)?"
    r"|년(?: ?(?P<kmonth>\d{1,2})월(?: ?(?P<kday>\d{1,2})일)?)?"
    r"|(?P<cmonth>\d{2})(?P<cday>\d{2})?"
    r")?"
)
_CLOCK: Final = (
    r"(?:(?:T| )(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d{1,9}))?)?"
    r"|(?P<cminute>\d{2})(?P<csecond>\d{2})?)"
    r" ?(?P<offset>[Zz]|[+-]\d{2}(?::?\d{2})?)?)?"
)
_TIME: Final = re.compile(_DAY + _CLOCK, re.ASCII)
_COMPACT: Final = re.compile(r"(\d{8})(\d{4}(?:\d{2})?)", re.ASCII)
_FLOAT: Final = re.compile(r"(\d{4}|\d{6}|\d{8})\.0", re.ASCII)


class Precision(StrEnum):
    """How long what is named lasts."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    TIME = "time"


class Form(StrEnum):
    """The class of a form that is not read."""

    EXCEL_DAY = "excel-day-number"
    TWO_DIGIT_YEAR = "two-digit-year"
    YEAR_LAST = "year-at-the-end"
    NO_SUCH_TIME = "no-such-day-or-time"
    HALF_DAY = "morning-or-afternoon"
    QUARTER = "quarter-or-week"
    NUMBER = "bare-number"
    OTHER = "other"


FORMS: Final[Mapping[Form, tuple[str, str]]] = {
    Form.EXCEL_DAY: ("엑셀 날짜 번호", "day numbers of Excel"),
    Form.TWO_DIGIT_YEAR: ("두 자리 연도", "years of two digits"),
    Form.YEAR_LAST: ("연도가 뒤에 오는 날짜", "days with the year at the end"),
    Form.NO_SUCH_TIME: ("달력에 없는 날짜·시각", "days or times that do not exist"),
    Form.HALF_DAY: ("오전·오후 표기", "times with morning or afternoon"),
    Form.QUARTER: ("분기·주 표기", "quarters or weeks"),
    Form.NUMBER: ("그 밖의 숫자", "other numbers"),
    Form.OTHER: ("그 밖의 형식", "other forms"),
}
"""What each class is called, Korean and English."""


@dataclass(frozen=True)
class Reading:
    """One time that was read: its first moment on the wall clock of the zone, and how long it lasts."""

    moment: datetime
    precision: Precision

    @property
    def day(self) -> date:
        return self.moment.date()

    def iso(self) -> str:
        """`2022`, `2022-03`, `2022-03-25` or `2022-03-25T09:00:00`, without an offset."""
        match self.precision:
            case Precision.YEAR:
                return f"{self.moment.year:04d}"
            case Precision.MONTH:
                return f"{self.moment.year:04d}-{self.moment.month:02d}"
            case Precision.DAY:
                return self.moment.date().isoformat()
            case _:
                return self.moment.isoformat()


def read_time(text: str, zone: str = KOREA) -> Reading | Form:
    """The time that a text names, on the wall clock of the zone; the class of its form if it names none."""
    if (alike := _written_alike(text)) is not None:
        return alike
    plain = canonical_text(text).translate(_DASHES)
    if found := _FLOAT.fullmatch(plain):
        plain = found[1]
    if found := _COMPACT.fullmatch(plain):
        plain = f"{found[1]}T{found[2]}"
    match = _TIME.fullmatch(plain)
    if match is None or (match["dot"] and match["mark"] != "."):
        return form_of(plain)
    part = match.groupdict()
    month, day = (part[name] or part[f"k{name}"] or part[f"c{name}"] for name in ("month", "day"))
    precision = Precision.DAY if day else Precision.MONTH if month else Precision.YEAR
    bare = not (part["mark"] or "년" in plain) and precision is not Precision.DAY
    try:
        moment = datetime(int(part["year"]), int(month or 1), int(day or 1))  # noqa: DTZ001 - a wall clock
        if bare and not FIRST_YEAR <= moment.year <= LAST_YEAR:
            return form_of(plain)
        if part["hour"] is None:
            return Reading(moment, precision)
        return form_of(plain) if precision is not Precision.DAY else _on_clock(moment, part, zone)
    except (ValueError, OverflowError):
        return Form.TWO_DIGIT_YEAR if re.fullmatch(r"\d{6}", plain) else Form.NO_SUCH_TIME


def _written_alike(text: str) -> Reading | None:
    """A day or time of day that stands in the form of `Reading.iso()`, which is by far the commonest; else None."""
    if len(text) not in (10, 19) or text[4:5] != "-" or text[7:8] != "-" or not text.isascii():
        return None
    try:
        if len(text) == 10:
            return Reading(datetime.fromisoformat(text), Precision.DAY)
        return Reading(datetime.fromisoformat(text), Precision.TIME) if text[10] in "T " and text[13] == text[16] == ":" else None
    except ValueError:
        return None


def _on_clock(day: datetime, part: Mapping[str, str | None], zone: str) -> Reading | Form:
    hour, minute, second = (
        int(part[name] or 0)
        for name in ("hour", "cminute" if part["cminute"] else "minute", "csecond" if part["csecond"] else "second")
    )
    if hour == 24 and not (minute or second or int(part["part"] or 0)):
        day, hour = day + timedelta(days=1), 0
    micro = int((part["part"] or "").ljust(6, "0")[:6])
    moment = day.replace(hour=hour, minute=minute, second=second, microsecond=micro)
    if offset := part["offset"]:
        moment = moment.replace(tzinfo=_offset(offset)).astimezone(_zone(zone)).replace(tzinfo=None)
    return Reading(moment, Precision.TIME)


def _offset(text: str) -> timezone:
    if text in "Zz":
        return UTC
    digits = text[1:].replace(":", "")
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    ahead = timedelta(hours=hours, minutes=minutes)
    if minutes > 59 or ahead > LONGEST_OFFSET:
        raise ValueError("no such offset")
    return timezone(-ahead if text[0] == "-" else ahead)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def form_of(text: str) -> Form:
    """The class of the form of a text that is not read."""
    if re.fullmatch(r"\d{5}([.,]\d+)?", text):
        return Form.EXCEL_DAY
    if re.search(r"오전|오후|[ap]\.?m\.?$", text, re.IGNORECASE):
        return Form.HALF_DAY
    if re.search(r"분기|주차|[qw] ?\d", text, re.IGNORECASE):
        return Form.QUARTER
    if re.match(r"\d{1,2} ?[-/.] ?\d{1,2} ?[-/.] ?\d{4}(?!\d)", text):
        return Form.YEAR_LAST
    if re.match(r"'?\d{2} ?[-/.년] ?\d{1,2}(?!\d)", text) or re.fullmatch(r"\d{6}", text):
        return Form.TWO_DIGIT_YEAR
    if re.fullmatch(r"[-+]?\d+([.,]\d+)?(e[-+]?\d+)?", text, re.IGNORECASE):
        return Form.NUMBER
    return Form.OTHER


@lru_cache(maxsize=200_000)
def canonical_time(text: str, zone: str = KOREA, shown: str | None = None) -> str | Form:
    """`Reading.iso()` of a text, or the class of its form.

    A time without an offset is one of `zone`; times of day are written on the wall clock of `shown`."""
    found = read_time(text, zone)
    if isinstance(found, Form):
        return found
    if shown and shown != zone and found.precision is Precision.TIME:
        there = found.moment.replace(tzinfo=_zone(zone)).astimezone(_zone(shown))
        return Reading(there.replace(tzinfo=None), Precision.TIME).iso()
    return found.iso()


def refusal(column: str, total: int, forms: Mapping[Form, int]) -> str:
    """The sentence that names the column, the share that cannot be read, and its forms; no value."""
    named = ", ".join(f"{FORMS[form][1]} {share(count, total)}" for form, count in Counter(forms).most_common())
    return (
        f"{share(sum(forms.values()), total)} of the values of the column {column} cannot be read as times: {named}. "
        "Write 2022-03-25, 2022-03 or 2022-03-25T09:00:00+09:00."
    )


def share(part: int, whole: int) -> str:
    """In whole per cent; never 0 % of what is there."""
    return "less than 1%" if 0 < part * 100 < whole else f"{part / max(whole, 1):.0%}"


def is_zone(name: str) -> bool:
    """Whether the name is that of an IANA time zone."""
    try:
        return bool(_zone(name))
    except (ValueError, OSError, LookupError):
        return False


def one_length(precisions: Iterable[Precision]) -> bool:
    """Whether times of one column last alike: a day may stand beside times of day (its midnight), not beside months."""
    return len({Precision.DAY if each is Precision.TIME else each for each in precisions}) <= 1
