"""A ministry registers the public key that restricted lists are sealed to, and retires it."""

from datetime import datetime

from sqlmodel import select

from services.catalog import messages, policy
from services.catalog.models import MinistryKey
from services.catalog.queries import find_key, find_ministry
from shared.audit import record_audit
from shared.auth import Principal
from shared.clock import now
from shared.contracts import MinistryKeyRegistered, MinistryKeyRetired, PublicKey
from shared.db import Session, check_version
from shared.errors import Conflict, FieldError
from shared.outbox import emit


async def register_key(
    session: Session, caller: Principal, code: str, key: PublicKey, *, valid_from: datetime | None, valid_until: datetime
) -> MinistryKey:
    """Rotation is registering the next one: the newest that is valid is used."""
    ministry = await find_ministry(session, code)
    policy.check_key_holder(caller, ministry.code)
    begins = valid_from or now()
    policy.check_key(key, valid_from=begins, valid_until=valid_until, at=now())
    known = select(MinistryKey).where(MinistryKey.ministry == code, MinistryKey.kid == key.kid)
    if (await session.exec(known)).first():
        raise Conflict(messages.KEY_KNOWN, errors=[FieldError("#/key", "key-known", messages.MAKE_NEW_KEY)])
    row = MinistryKey(
        ministry=code, kid=key.kid, x=key.x, valid_from=begins, valid_until=valid_until, registered_by=caller.subject
    )
    session.add(row)
    await session.flush()
    detail = {"kid": key.kid, "valid_until": valid_until.isoformat()}
    await record_audit(session, "catalog.register-key", f"ministry/{code}", detail=detail)
    told = MinistryKeyRegistered(ministry=code, kid=key.kid, key=key, valid_from=begins, valid_until=valid_until)
    await emit(session, told)
    return row


async def retire_key(
    session: Session, caller: Principal, code: str, kid: str, *, reason: str, expected: int | None
) -> MinistryKey:
    """For good. What was sealed to it is still opened with its private half."""
    key = await find_key(session, code, kid, lock=True)
    policy.may_retire(caller, key)
    check_version(key, expected)
    key.retired_at, key.retired_reason = now(), reason
    key.touch()
    session.add(key)
    await record_audit(session, "catalog.retire-key", f"ministry/{code}", detail={"kid": kid, "reason": reason})
    await emit(session, MinistryKeyRetired(ministry=code, kid=kid, reason=reason))
    return key
