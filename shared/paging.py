"""Pages by keyset: ids sort by time, so the next page begins after the last id, however much was added meanwhile."""

import base64
import binascii
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field
from sqlmodel import col
from sqlmodel.sql.expression import SelectOfScalar

from shared import messages
from shared.db import Row, Session
from shared.errors import BadRequest, FieldError

Model = TypeVar("Model", bound=Row)


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
    if after := page.after():
        query = query.where(col(model.id) < after)
    rows = list((await session.exec(query.order_by(col(model.id).desc()).limit(page.limit + 1))).all())
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    return rows, encode_cursor(rows[-1].id) if more else None
