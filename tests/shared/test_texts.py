"""Titles and reasons: what can be read is taken, what only looks like a text is not."""

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.texts import Line, Prose, unreadable

LINE, PROSE = TypeAdapter[str](Line), TypeAdapter[str](Prose)
BLANK = [
    "", " ", "\u200b", "\u200b\u200b", "\u2060", "\ufeff", "\u00ad", "\u3164", "\u115f\u1160", "\uffa0", "\u2800", "\u3000",
    "\u00a0", "\u180e", "\u034f", "\ufe0f", "\u200d\u200c", "\U000e0020", "\u0301", "\u2028", " \u200b\t\u200b ", "\u200e\u200f",
]  # fmt: skip


@pytest.mark.parametrize("text", BLANK, ids=ascii)
def test_a_text_of_nothing_is_refused(text: str) -> None:
    for kind in (LINE, PROSE):
        with pytest.raises(ValidationError):
            kind.validate_python(text)


@pytest.mark.parametrize("letter", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x00\x07\x1b\x7f\x85\x9b", ids=ascii)
def test_a_text_that_is_not_shown_as_it_is_written_is_refused(letter: str) -> None:
    for kind in (LINE, PROSE):
        with pytest.raises(ValidationError):
            kind.validate_python(f"사유{letter}입니다")


@pytest.mark.parametrize(
    "text", ["복지 사각지대 발굴", "A", "1", "-", "가\u200b나", "שלום\u200f", "👩\u200d⚕️", "①", "Ⅳ", "cafe\u0301"]
)
def test_a_text_is_taken_as_it_is(text: str) -> None:
    assert LINE.validate_python(text) == PROSE.validate_python(f" {text} ") == text


def test_only_prose_has_lines() -> None:
    assert PROSE.validate_python("one\r\n\ttwo") == "one\r\n\ttwo"
    for end in "\n\r\u2028\u2029":
        with pytest.raises(ValidationError):
            LINE.validate_python(f"one{end}two")


def test_every_text_inside_is_named() -> None:
    value = {"a": ["fine", "\u200b"], "b": {"ko": "\u202e"}, "c": 3, "d": None}
    assert [at for at, _ in unreadable(value, "#")] == ["#/a/1", "#/b/ko"]
