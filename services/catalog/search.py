"""Simple search: every word of the question must stand somewhere in a dataset's words, whatever its case or Unicode form."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Integer, func, literal
from sqlmodel import col

from services.catalog.models import Dataset
from shared.contracts import Column

MOST_WORDS = 10
HANGUL = re.compile("[\uac00-\ud7a3]")


def folded(text: str) -> str:
    """One spelling: Hangul from any system composed, full-width letters narrow, capitals small."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def words_of(*, title: str, description: str, keywords: Iterable[str], table: Iterable[Column]) -> str:
    """What the search looks through."""
    parts = [title, description, *keywords]
    for column in table:
        parts += [column.name, column.title.ko, column.title.en] if column.title else [column.name]
        parts += [column.source_name] if column.source_name else []
    return folded("\n".join(parts))


def matching(question: str, *, indexed: bool) -> list[ColumnElement[bool]]:
    """A condition for each word; `%` and `_` are letters like others. `indexed`: the database has letter_pairs()."""
    words = folded(question).split()[:MOST_WORDS]
    found = [written_so(word) for word in words]
    if indexed:
        found += [holds_pairs(col(Dataset.words), word) for word in words if len(word) > 1]
    return found


def written_so(word: str) -> ColumnElement[bool]:
    """Korean compounds are written with and without a space: 공공데이터 stands for 공공 데이터 too."""
    words = col(Dataset.words)
    return (func.replace(words, " ", "") if HANGUL.search(word) else words).contains(word, autoescape=True)


def holds_pairs(column: Any, text: str) -> ColumnElement[bool]:
    """On PostgreSQL: every two neighbouring letters of the text are neighbours in the column, which an index knows.

    Trigrams would not do: most Korean words have two syllables.
    """
    return func.letter_pairs(column).op("@>", is_comparison=True)(literal(letter_pairs(text), ARRAY(Integer)))


def letter_pairs(text: str) -> list[int]:
    """What the function of this name in the database says of a text, see its migration."""
    letters = text.replace(" ", "")
    return sorted({(ord(one) * 65599 + ord(other)) & 0x7FFFFFFF for one, other in pairwise(letters)})
