"""Text that comes in over HTTP: bounded, readable, on one line where it is a line; and how people may be named in tokens."""

import unicodedata
from collections.abc import Iterator
from typing import Annotated, Any, Final

import regex
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from shared import messages
from shared.contracts import Text, Title

CONTROL: Final = regex.compile(r"[\p{Cc}--[\n\t\r]]", regex.VERSION1)
LINE_END: Final = regex.compile(r"[\n\r\u2028\u2029]")
# Embeddings, overrides and isolates make a text look as it is not written; plain marks (RLM, LRM) do not.
REORDERING: Final = regex.compile(r"[\u202A-\u202E\u2066-\u2069]")
# A letter, digit or sign that is drawn. The Hangul fillers are letters, and the blank of Braille a sign, that are not.
DRAWN: Final = regex.compile(r"[[\p{L}\p{N}\p{P}\p{S}]--\p{Default_Ignorable_Code_Point}--[\u2800]]", regex.VERSION1)
IGNORABLE: Final = regex.compile(r"\p{Default_Ignorable_Code_Point}")
# UTS 39, section 5.2, "Highly Restrictive": one recommended script (UAX 31, table 5), or Latin with the scripts of Japanese,
# of Chinese in Bopomofo, or of Korean. Characters that many scripts share (Common, Inherited) go with each of them.
RECOMMENDED: Final = (
    "Arab Armn Beng Bopo Cyrl Deva Ethi Geor Grek Gujr Guru Hang Hani Hebr Hira Kana Khmr Knda Laoo Latn Mlym Mymr Orya Sinh "
    "Taml Telu Thaa Thai Tibt"
)
TOGETHER: Final = ("Latn Hani Hira Kana", "Latn Hani Bopo", "Latn Hani Hang")
SCRIPTS: Final = [
    regex.compile("[" + "".join(rf"\p{{scx={script}}}" for script in f"Zyyy Zinh {scripts}".split()) + "]*")
    for scripts in (*RECOMMENDED.split(), *TOGETHER)
]


def readable(value: str) -> str:
    """The value; ValueError if it holds a control character, a change of direction, or nothing that can be read."""
    if CONTROL.search(value):
        raise ValueError(messages.CONTROL_CHARACTER)
    if REORDERING.search(value):
        raise ValueError(messages.TURNS_DIRECTION)
    if not DRAWN.search(value):
        raise ValueError(messages.NOTHING_READABLE)
    return value


def readable_line(value: str) -> str:
    """The value; ValueError if it is not one line, or not readable."""
    if LINE_END.search(value):
        raise ValueError(messages.MANY_LINES)
    return readable(value)


def is_canonical(value: str) -> bool:
    """Whether it is written in the one way that NFKC gives, which is NFC too, without characters that are not drawn."""
    return unicodedata.is_normalized("NFKC", value) and not IGNORABLE.search(value)


def is_of_few_scripts(value: str) -> bool:
    """Whether it is at least "highly restrictive" by UTS 39: Latin with Hangul is, Latin with Cyrillic is not."""
    return any(scripts.fullmatch(value) for scripts in SCRIPTS)


def unreadable(value: Any, at: str) -> Iterator[tuple[str, str]]:
    """The JSON pointer of every text inside a JSON value that is not readable, with what is wrong with it."""
    if isinstance(value, str):
        try:
            readable(value)
        except ValueError as error:
            yield at, str(error)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from unreadable(inner, f"{at}/{name}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from unreadable(inner, f"{at}/{place}")


def subject(value: str) -> str:
    """The value; ValueError if it cannot be the `sub` of a token that is accepted."""
    if not value.isprintable():
        raise ValueError(messages.NOT_PRINTABLE)
    if not is_canonical(value):
        raise ValueError(messages.NOT_NORMALIZED)
    if not is_of_few_scripts(value):
        raise ValueError(messages.MIXED_SCRIPTS)
    return value


Subject = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(subject)]
Line = Annotated[Title, AfterValidator(readable_line)]
Prose = Annotated[Text, AfterValidator(readable)]


class In(BaseModel):
    """What comes in holds no field that we do not know."""

    model_config = ConfigDict(extra="forbid")
