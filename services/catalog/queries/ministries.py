"""Questions about members."""

from datetime import timedelta

from sqlalchemy import ColumnElement
from sqlmodel import and_, col, or_, select

from services.catalog import messages
from services.catalog.models import Ministry
from shared.clock import now
from shared.db import Session
from shared.errors import NotFound
from shared.paging import PageQuery, paginate


async def list_ministries(session: Session, page: PageQuery) -> tuple[list[Ministry], str | None]:
    """Those that are members now."""
    return await paginate(session, select(Ministry).where(col(Ministry.left_at).is_(None)), Ministry, page)


async def find_ministry(session: Session, code: str) -> Ministry:
    ministry = (await session.exec(select(Ministry).where(Ministry.code == code))).one_or_none()
    if ministry is None:
        raise NotFound(messages.NO_MEMBER)
    return ministry


def unannounced(every: timedelta) -> ColumnElement[bool]:
    """Members that were not announced for so long, or never since every service listens."""
    stale = or_(col(Ministry.announced_at).is_(None), col(Ministry.announced_at) < now() - every)
    return and_(col(Ministry.left_at).is_(None), stale)


async def anything_to_announce(session: Session, every: timedelta) -> bool:
    return (await session.exec(select(Ministry.id).where(unannounced(every)).limit(1))).first() is not None
