"""Which key of a ministry restricted lists are sealed to."""

from sqlmodel import col, select

from services.analysis.models import KnownKey
from shared.clock import now
from shared.contracts import PublicKey
from shared.db import Session


async def sealing_key(session: Session, ministry: str) -> PublicKey | None:
    """The key that was registered last of those that are valid now; None if there is none."""
    at = now()
    valid = (col(KnownKey.valid_from) <= at, col(KnownKey.valid_until) > at, col(KnownKey.retired).is_(False))
    newest = select(KnownKey.x).where(KnownKey.ministry == ministry, *valid).order_by(col(KnownKey.sequence).desc())
    x = (await session.exec(newest.limit(1))).first()
    return PublicKey(x=x) if x else None
