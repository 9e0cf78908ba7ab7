"""Which key of a ministry restricted lists are sealed to."""

from sqlmodel import col, select

from services.analysis.models import KnownKey
from shared.clock import now
from shared.contracts import PublicKey
from shared.db import Session


async def sealing_key(session: Session, ministry: str, approved: PublicKey | None = None) -> PublicKey | None:
    """The key that was registered last of those that are valid now; else the one that the approval carried.

    The news of a key may come here after the approval that knew it: then what the approval says counts, unless we heard
    that the key was retired or has run out. None if there is none.
    """
    at = now()
    valid = (col(KnownKey.valid_from) <= at, col(KnownKey.valid_until) > at, col(KnownKey.retired).is_(False))
    newest = select(KnownKey.x).where(KnownKey.ministry == ministry, *valid).order_by(col(KnownKey.sequence).desc())
    x = (await session.exec(newest.limit(1))).first()
    if x or approved is None:
        return PublicKey(x=x) if x else None
    heard = await session.get(KnownKey, (ministry, approved.kid))
    ran_out = heard is not None and (heard.retired or (heard.valid_until is not None and heard.valid_until <= at))
    return None if ran_out else approved
