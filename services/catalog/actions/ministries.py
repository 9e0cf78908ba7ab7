"""Members join."""

from collections.abc import Sequence

from sqlmodel import select

from services.catalog.models import Ministry
from services.catalog.queries import is_member
from services.catalog.schemas.ministries import MinistryIn
from shared.audit import record_audit
from shared.auth import Principal, Role, require
from shared.contracts import LocalText, MinistryJoined
from shared.db import Session
from shared.errors import Conflict, FieldError
from shared.outbox import emit


async def join_ministry(session: Session, caller: Principal, given: MinistryIn) -> Ministry:
    require(caller, Role.COUNCIL_SECRETARY)
    if await is_member(session, given.code):
        error = FieldError("#/code", "code-taken", "Choose another code.")
        raise Conflict("A member with this code has joined already.", errors=[error])
    return await add_ministry(session, given)


async def seed_ministries(session: Session, given: Sequence[MinistryIn]) -> int:
    """Let those join that are not members yet, without a caller: at the start of an installation. Gives their number."""
    known = set((await session.exec(select(Ministry.code))).all())
    new = [ministry for ministry in given if ministry.code not in known]
    for ministry in new:
        await add_ministry(session, ministry)
    return len(new)


async def add_ministry(session: Session, given: MinistryIn) -> Ministry:
    ministry = Ministry(code=given.code, ko=given.name.ko, en=given.name.en, kind=given.kind, contact=given.contact)
    session.add(ministry)
    await session.flush()
    await record_audit(session, "catalog.join-ministry", f"ministry/{given.code}", detail={"kind": given.kind})
    await emit(session, MinistryJoined(code=given.code, name=LocalText(ko=given.name.ko, en=given.name.en)))
    return ministry
