"""Sentences that people read, in Korean and English: one text with both, and which one a caller wants.

The sentences themselves stand in catalogues: `shared/messages.py`, `shared/contracts/messages.py`
and `services/<name>/messages.py`. Nothing here knows HTTP frameworks.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

# RFC 9110, 12.4.2: a weight has at most three decimals.
PREFERENCE: Final = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*[qQ]\s*=\s*([01](?:\.\d{0,3})?)\s*)?")
LONGEST: Final = 5000  # room for a reason that somebody wrote
LONGEST_HEADER: Final = 1000


class Language(StrEnum):
    """A language that every sentence exists in."""

    EN = "en"
    KO = "ko"


class Sentence(str):
    """The English sentence as a text, for logs and programs, which carries the Korean one in `ko`."""

    __slots__ = ("ko",)
    ko: str

    def __new__(cls, en: str, *, ko: str) -> Self:
        made = super().__new__(cls, en)
        made.ko = ko
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (str(self), self.ko)

    def cut(self, most: int = LONGEST) -> "Sentence":
        """The sentence with at most so many characters in each language."""
        return Sentence(self[:most], ko=self.ko[:most])


def _restored(en: str, ko: str) -> Sentence:
    return Sentence(en, ko=ko)


@dataclass(frozen=True)
class Template:
    """A sentence with places for values, by name, in the form of `str.format`."""

    en: str
    ko: str

    def __call__(self, **values: Any) -> Sentence:
        """The sentence with the values, at most 5,000 characters long. A value that is a Sentence is used in its language."""
        korean = {name: said(value, Language.KO) if isinstance(value, str) else value for name, value in values.items()}
        return Sentence(self.en.format(**values), ko=self.ko.format(**korean)).cut()


def said(text: str, language: Language) -> str:
    """The text in the language; one that exists in English alone as it is."""
    return text.ko if language is Language.KO and isinstance(text, Sentence) else str.__str__(text)


def preferred(header: str) -> Language:
    """The language that an Accept-Language header prefers (RFC 9110); English where it names none of ours, or says nothing.

    A tag counts with its regions (`ko-KR`, `en-GB`), `*` for what is not named. Of equal weights the first one named holds.
    """
    weights: dict[str, float] = {}
    for part in header[:LONGEST_HEADER].split(","):
        if match := PREFERENCE.fullmatch(part):
            weights.setdefault(match[1].lower().split("-")[0], min(float(match[2] or 1), 1.0))
    others = weights.get("*", 0.0)
    named = [language for language in weights if language in list(Language)]
    order = [*map(Language, named), *(language for language in Language if language not in named)]
    best = max(order, key=lambda language: weights.get(language, others))  # max takes the first of equals
    return best if weights.get(best, others) > 0 else Language.EN
