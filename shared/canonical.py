"""The canonical form of keys and of texts: one form for all spellings of one thing. Pure; its rules are data.

Keys: NFKC; blanks, format and control characters off; every dash one hyphen; in domains whose keys
are numbers the separators off. Letter case and lost zeros are never guessed: `12` stays apart from
`0012`. Texts: NFKC, invisible characters off, trimmed, a run of blanks one space.
"""

import re
import unicodedata
from datetime import date
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Final

from pydantic import Field

from shared.contracts import Based, Code, LocalText, Text, Value

RULES_FILE: Final = Path(__file__).with_name("canonical.json")

# Not blanks or format characters by category, but nothing of them is seen: joiners, Hangul fillers
# (Korean keyboards write U+3164 for a blank), variation selectors, the empty Braille cell.
INVISIBLE: Final = frozenset([0x034F, 0x17B4, 0x17B5, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
FILLERS: Final = frozenset([0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0])
LINES: Final = frozenset([*range(0x09, 0x0E), *range(0x1C, 0x20), 0x85])
# Dashes outside of the category Pd: minus, hyphen bullet, modifier minus, and the box-drawing lines
# that Korean input methods offer as dashes.
MORE_DASHES: Final = frozenset([0x2212, 0x2043, 0x02D7, 0x2500, 0x2501])
# These are letters (Katakana length mark, the Hangul vowel eu, the numeral one): a dash only
# between digits, where people type them for one (010ㅡ1234ㅡ5678).
LETTER_DASH: Final = re.compile("(?<=[0-9])[\u30fc\u1173\u4e00](?=[0-9])")


class Placeholder(StrEnum):
    """Why a canonical key names nobody."""

    EMPTY = "empty"
    NO_LETTER = "no-letter-or-digit"
    REPEATED_DIGIT = "one-repeated-digit"
    MISSING = "word-for-missing"
    TOTAL = "word-for-total"
    FOOTNOTE = "footnote"


class KeyFault(StrEnum):
    """How a canonical key departs from the pattern that its domain declares."""

    PATTERN = "pattern"
    CHECK_DIGIT = "check-digit"


class CheckDigit(StrEnum):
    KR_BUSINESS = "kr-business"


class KeyRule(Based):
    """How the keys of one domain are written."""

    domain: Code
    aliases: tuple[Code, ...] = ()
    title: LocalText | None = None
    separators: str = Field(
        default="",
        max_length=20,
        description="Taken off where nothing but digits is left; empty: keys of this domain are texts.",
    )
    least_digits: int = Field(default=1, ge=1, description="Shorter numbers keep their separators.")
    pattern: str | None = Field(default=None, description="Of the whole canonical key (Python).")
    check_digit: CheckDigit | None = None
    not_placeholders: tuple[str, ...] = Field(
        default=(), description="Canonical keys that name somebody here, such as NA for Namibia."
    )
    note: Text | None = None
    legal_basis: Text = "House rule"
    verified: bool = False
    recheck_by: date | None = None

    @cached_property
    def table(self) -> dict[int, None]:
        return dict.fromkeys(map(ord, self.separators))


class Placeholders(Based):
    """What stands in a key column without being a key. Words are compared without case and marks."""

    missing: frozenset[str]
    totals: frozenset[str]
    footnotes: tuple[str, ...] = Field(description="How footnotes begin.")
    repeated_digits_from: int = Field(ge=2, description="Keys of one digit that is repeated so often; shorter ones are numbers.")
    legal_basis: Text
    recheck_by: date | None = None


class CanonicalRules(Value):
    version: str = Field(max_length=40)
    key_domains: tuple[KeyRule, ...]
    placeholders: Placeholders


@cache
def rules() -> CanonicalRules:
    """The rules in force: `canonical.json` beside this module."""
    return CanonicalRules.model_validate_json(RULES_FILE.read_text(encoding="utf-8"))


TEXT_RULE: Final = KeyRule(domain="text")
"""Of domains that declare nothing."""


@cache
def key_rule(domain: str | None) -> KeyRule:
    """The rule of a key domain, by its name or an alias; `TEXT_RULE` if it declares none."""
    named = {name: rule for rule in rules().key_domains for name in (rule.domain, *rule.aliases)}
    return named.get(domain or "", TEXT_RULE)


class _KeyLetters(dict[int, int | str | None]):
    """For `str.translate`: a letter -> None (off), a hyphen, or itself; filled as letters come."""

    def __missing__(self, point: int) -> int | str | None:
        letter, category = chr(point), unicodedata.category(chr(point))
        off = category in ("Cc", "Cf") or category[0] == "Z" or point in INVISIBLE | FILLERS
        dash = category == "Pd" or point in MORE_DASHES
        self[point] = None if off else "-" if dash else letter
        return self[point]


class _TextLetters(dict[int, int | str | None]):
    """For `str.translate`: a letter -> None (off), a space for any blank, or itself."""

    def __missing__(self, point: int) -> int | str | None:
        letter, category = chr(point), unicodedata.category(chr(point))
        blank = category[0] == "Z" or point in LINES | FILLERS
        off = category in ("Cc", "Cf") or point in INVISIBLE
        self[point] = " " if blank else None if off else letter
        return self[point]


_KEY_LETTERS: Final = _KeyLetters()
_TEXT_LETTERS: Final = _TextLetters()


def canonical_key(raw: str, rule: KeyRule = TEXT_RULE) -> str:
    """The canonical form of a key, empty if nothing is left. Idempotent."""
    if raw.isascii():
        text = raw.translate(_KEY_LETTERS)
    else:
        # Twice: what stood apart because of an invisible letter may compose once it is off.
        text = unicodedata.normalize("NFKC", raw).translate(_KEY_LETTERS)
        text = LETTER_DASH.sub("-", unicodedata.normalize("NFKC", text))
    if rule.separators:
        digits = text.translate(rule.table)
        if len(digits) >= rule.least_digits and digits.isascii() and digits.isdigit():
            return digits
    return text


def canonical_text(raw: str) -> str:
    """The canonical form of a category or other text, empty if nothing is left. Idempotent."""
    text = raw if raw.isascii() else unicodedata.normalize("NFKC", raw)
    text = re.sub(" +", " ", text.translate(_TEXT_LETTERS)).strip(" ")
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _word(text: str) -> str:
    """Without case, blanks, and the marks around a word: `[합 계]` is `합계`."""
    start, end = 0, len(text)
    while start < end and not text[start].isalnum():
        start += 1
    while end > start and not text[end - 1].isalnum():
        end -= 1
    return text[start:end].casefold()


def placeholder(key: str, rule: KeyRule = TEXT_RULE) -> Placeholder | None:
    """Why this canonical key names nobody; None if it may name somebody."""
    if not key:
        return Placeholder.EMPTY
    if key in rule.not_placeholders:
        return None
    stands_for = rules().placeholders
    if not any(letter.isalnum() for letter in key):
        return Placeholder.NO_LETTER
    digits = key.translate(rule.table).replace("-", "")
    if len(digits) >= stands_for.repeated_digits_from and digits.isdigit() and len(set(digits)) == 1:
        return Placeholder.REPEATED_DIGIT
    word = _word(key)
    if word in stands_for.missing or key.casefold() in stands_for.missing:
        return Placeholder.MISSING
    if word in stands_for.totals:
        return Placeholder.TOTAL
    if key.casefold().startswith(stands_for.footnotes):
        return Placeholder.FOOTNOTE
    return None


def linkable_key(raw: str, rule: KeyRule = TEXT_RULE) -> str | None:
    """The canonical key; None if nothing is left of it or if it is a placeholder."""
    key = canonical_key(raw, rule)
    return None if placeholder(key, rule) else key


def key_fault(key: str, rule: KeyRule) -> KeyFault | None:
    """How a canonical key departs from what its domain declares; None if it fits or nothing is."""
    if rule.pattern and not re.fullmatch(rule.pattern, key):
        return KeyFault.PATTERN
    if rule.check_digit is CheckDigit.KR_BUSINESS and not kr_business(key):
        return KeyFault.CHECK_DIGIT
    return None


def kr_business(number: str) -> bool:
    """Whether the last of ten digits is the check digit of a Korean business registration number."""
    if not re.fullmatch("[0-9]{10}", number):
        return False
    digits = [int(one) for one in number]
    weighed = sum(one * weight for one, weight in zip(digits, (1, 3, 7, 1, 3, 7, 1, 3, 5), strict=False))
    return (10 - (weighed + digits[8] * 5 // 10) % 10) % 10 == digits[9]
