"""Questions about the public keys of ministries. They are public: every member may read them."""

from sqlmodel import col, select

from services.catalog import messages
from services.catalog.models import MinistryKey
from shared.clock import now
from shared.db import Session
from shared.errors import NotFound
from shared.paging import PageQuery, paginate


async def list_keys(session: Session, ministry: str, page: PageQuery) -> tuple[list[MinistryKey], str | None]:
    return await paginate(session, select(MinistryKey).where(MinistryKey.ministry == ministry), MinistryKey, page)


async def find_key(session: Session, ministry: str, kid: str, *, lock: bool = False) -> MinistryKey:
    query = select(MinistryKey).where(MinistryKey.ministry == ministry, MinistryKey.kid == kid)
    key = (await session.exec(query.with_for_update() if lock else query)).one_or_none()
    if key is None:
        raise NotFound(messages.NO_KEY)
    return key


async def key_in_use(session: Session, ministry: str) -> str | None:
    """The kid of the newest key that is valid now."""
    at = now()
    valid = (col(MinistryKey.valid_from) <= at, col(MinistryKey.valid_until) > at, col(MinistryKey.retired_at).is_(None))
    newest = select(MinistryKey.kid).where(MinistryKey.ministry == ministry, *valid).order_by(col(MinistryKey.id).desc())
    return (await session.exec(newest.limit(1))).first()
