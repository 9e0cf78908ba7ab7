"""Pages by keyset: ids sort by time, so the next page begins after the last id, however much was added meanwhile."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import Select
from sqlmodel import col
from sqlmodel.sql.expression import SelectOfScalar

from shared import messages
from shared.db import Row, Session
from shared.errors import BadRequest, FieldError

Model = TypeVar("Model", bound=Row)
Query = TypeVar("Query", bound=Select[Any])


class PageQuery(BaseModel):
    """`limit` rows from `cursor` on; a cursor is opaque and comes from the answer before."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=100, json_schema_extra={"pattern": "^[A-Za-z0-9_-]{22}$"})

    def after(self) -> UUID | None:
        return decode_cursor(self.cursor) if self.cursor else None


def encode_cursor(last: UUID) -> str:
    return base64.urlsafe_b64encode(last.bytes).decode().rstrip("=")


def decode_cursor(cursor: str) -> UUID:
    try:
        return UUID(bytes=base64.urlsafe_b64decode(cursor + "=="))
    except (ValueError, binascii.Error):
        error = FieldError("query/cursor", "bad-cursor", messages.CURSOR_FORM)
        raise BadRequest(messages.CURSOR_UNKNOWN, errors=[error]) from None


async def paginate(
    session: Session, query: SelectOfScalar[Any], model: type[Model], page: PageQuery
) -> tuple[list[Model], str | None]:
    """One page of the query, newest first, and the cursor of the next page if there is one."""
    found = (await session.exec(one_more(query, model, page))).all()
    return cut_off(found, page)


async def paginate_rows(
    session: Session, query: Select[Any], model: type[Model], page: PageQuery
) -> tuple[list[Any], str | None]:
    """The same of plain rows that have the model's `id` among their columns; as the database gives them, nothing is mapped."""
    connection = await session.connection()
    found = (await connection.execute(one_more(query, model, page))).all()
    return cut_off(found, page)


def one_more(query: Query, model: type[Model], page: PageQuery) -> Query:
    """The rows of the page and one more, which says whether there is a next page."""
    if after := page.after():
        query = query.where(col(model.id) < after)
    return query.order_by(col(model.id).desc()).limit(page.limit + 1)


def cut_off(found: Sequence[Any], page: PageQuery) -> tuple[list[Any], str | None]:
    rows = list(found[: page.limit])
    return rows, encode_cursor(rows[-1].id) if len(found) > page.limit else None
