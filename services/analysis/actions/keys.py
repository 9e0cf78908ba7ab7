"""The centre's copies of the public keys of ministries. Retired stays retired, whichever is heard first."""

from services.analysis.models import KnownKey
from shared.contracts import MinistryKeyRegistered, MinistryKeyRetired
from shared.db import Session


async def keep_key(session: Session, event: MinistryKeyRegistered, sequence: int) -> None:
    key = await session.get(KnownKey, (event.ministry, event.kid)) or KnownKey(ministry=event.ministry, kid=event.kid)
    if key.x is not None:
        return
    # The name of a key is taken from the key: a sealed key says truly what opens it.
    if event.key.kid != event.kid:
        key.retired = True
    key.x, key.sequence = event.key.x, sequence
    key.valid_from, key.valid_until = event.valid_from, event.valid_until
    session.add(key)


async def keep_retirement(session: Session, event: MinistryKeyRetired) -> None:
    key = await session.get(KnownKey, (event.ministry, event.kid)) or KnownKey(ministry=event.ministry, kid=event.kid)
    key.retired = True
    session.add(key)
