"""Sentences in Korean and English: which one a caller gets, and that each exists in both."""

import importlib
import pickle
import re
import string
from collections import Counter
from collections.abc import Iterator

import pytest
from pydantic_core import PydanticKnownError, _pydantic_core

from deploy.docs import ours
from deploy.installation import SERVICES
from shared import validation
from shared.contracts.wording import Language, Sentence, Template, preferred, said
from shared.errors import Problem

CATALOGUES = ("shared.messages", "shared.contracts.messages", *(f"services.{name}.messages" for name in SERVICES))
HANGUL = re.compile("[가-힣]")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("ko", "ko"),
        ("KO-kr", "ko"),
        ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", "ko"),
        ("en-US,en;q=0.9,ko;q=0.8", "en"),
        ("en;q=0.4, ko;q=0.5", "ko"),
        ("fr, ko;q=0.1", "ko"),
        ("fr, de", "en"),
        ("*", "en"),
        ("fr, *;q=0.5", "en"),
        ("en;q=0, *", "ko"),
        ("ko;q=0", "en"),
        ("ko;q=0, en;q=0", "en"),
        ("en;q=0.1, *;q=0.5", "ko"),
        ("ko;q=x, en", "en"),
        (";;,,ko;q=1.000", "ko"),
        ("korean", "en"),
        ("ko" + ",x" * 5000, "ko"),
    ],
)
def test_the_language_that_a_header_prefers(header: str, language: str) -> None:
    assert preferred(header) == language


def test_a_sentence_is_a_text_in_english_that_carries_korean() -> None:
    inner = Sentence("the field", ko="항목")
    whole = Template("Look at {what}, {count:,} times.", "{what}을 {count:,}번 보십시오.")(what=inner, count=1234)
    assert whole == "Look at the field, 1,234 times."
    assert said(whole, Language.KO) == "항목을 1,234번 보십시오."
    assert type(said(whole, Language.EN)) is str
    assert pickle.loads(pickle.dumps(whole)).ko == whole.ko
    assert said("Only English.", Language.KO) == "Only English."
    assert len(Template("{x}", "가{x}")(x="y" * 9000).ko) == 5000


def catalogue() -> Iterator[tuple[str, str, str]]:
    """The name of each text, and the text in English and Korean."""
    for module in CATALOGUES:
        for name, value in vars(importlib.import_module(module)).items():
            values = value.items() if isinstance(value, dict) else [("", value)]
            for key, one in values:
                if isinstance(one, Sentence | Template):
                    en, ko = (one.en, one.ko) if isinstance(one, Template) else (str(one), one.ko)
                    yield f"{module}.{name}{key}", en, ko
    for problem in Problem.types.values():
        if ours(problem):
            yield f"{problem.slug} title", problem.title, problem.title.ko
            yield f"{problem.slug} advice", problem.advice, problem.advice.ko


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_is_in_both_languages_with_the_same_values() -> None:
    texts = list(catalogue())
    assert len(texts) > 200
    assert [name for name, _, ko in texts if not HANGUL.search(ko)] == []
    assert [name for name, en, _ in texts if HANGUL.search(en) or not en.strip()] == []
    assert [name for name, en, ko in texts if name.startswith(CATALOGUES) and places(en) != places(ko)] == []


def test_no_text_stands_in_two_places() -> None:
    english = Counter(en for _, en, _ in catalogue())
    assert [text for text, count in english.items() if count > 1] == []


def test_whatever_pydantic_finds_wrong_is_said_in_both_languages() -> None:
    for known in _pydantic_core.list_all_errors():
        context = known.get("example_context") or {}
        raised = PydanticKnownError(known["type"], context)
        sentence = validation.sentence({"type": raised.type, "msg": raised.message(), "ctx": context})
        assert HANGUL.search(sentence.ko), known
        assert not HANGUL.search(sentence)
