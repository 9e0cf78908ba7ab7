"""Questions about members."""

from sqlmodel import col, select

from services.catalog.models import Ministry
from shared.db import Session
from shared.errors import NotFound
from shared.paging import PageQuery, paginate


async def list_ministries(session: Session, page: PageQuery) -> tuple[list[Ministry], str | None]:
    return await paginate(session, select(Ministry), Ministry, page)


async def find_ministry(session: Session, code: str) -> Ministry:
    ministry = (await session.exec(select(Ministry).where(Ministry.code == code))).one_or_none()
    if ministry is None:
        raise NotFound("There is no member with this code.")
    return ministry


async def is_member(session: Session, code: str) -> bool:
    return (await session.exec(select(Ministry.id).where(col(Ministry.code) == code))).first() is not None
