"""Simple search: every word of the question must stand somewhere in a dataset's words, whatever its case or Unicode form."""

import re
import unicodedata
from collections.abc import Iterable

from sqlalchemy import ColumnElement, func, or_
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


def matching(question: str) -> list[ColumnElement[bool]]:
    """A condition for each word; `%` and `_` are letters like others."""
    words = folded(question).split()[:MOST_WORDS]
    return [written_so(word) for word in words]


def written_so(word: str) -> ColumnElement[bool]:
    """Korean compounds are written with and without a space: 공공데이터 stands for 공공 데이터 too."""
    found = col(Dataset.words).contains(word, autoescape=True)
    if not HANGUL.search(word):
        return found
    return or_(found, func.replace(col(Dataset.words), " ", "").contains(word, autoescape=True))
