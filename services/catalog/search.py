"""Simple search: every word of the question must stand somewhere in a dataset's words, whatever its case or Unicode form."""

import unicodedata
from collections.abc import Iterable

from sqlalchemy import ColumnElement
from sqlmodel import col

from services.catalog.models import Dataset
from shared.contracts import Column

MOST_WORDS = 10


def folded(text: str) -> str:
    """One spelling: Hangul from any system composed, full-width letters narrow, capitals small."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def words_of(*, title: str, description: str, keywords: Iterable[str], table: Iterable[Column]) -> str:
    """What the search looks through."""
    parts = [title, description, *keywords]
    for column in table:
        parts += [column.name, column.title.ko, column.title.en] if column.title else [column.name]
    return folded("\n".join(parts))


def matching(question: str) -> list[ColumnElement[bool]]:
    """A condition for each word; `%` and `_` are letters like others."""
    words = folded(question).split()[:MOST_WORDS]
    return [col(Dataset.words).contains(word, autoescape=True) for word in words]
