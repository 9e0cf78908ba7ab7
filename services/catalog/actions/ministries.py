"""Members join and leave."""

from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import col, select

from services.catalog import messages, policy
from services.catalog.models import Ministry
from services.catalog.queries import find_ministry, unannounced
from services.catalog.schemas.ministries import MinistryIn
from shared.audit import record_audit
from shared.auth import Principal, Role, require
from shared.clock import now
from shared.contracts import LocalText, MinistryJoined, MinistryLeft, MinistryRenamed
from shared.db import Session, check_version
from shared.errors import Conflict, FieldError
from shared.members import keep_member
from shared.outbox import emit

BATCH = 100


async def join_ministry(session: Session, caller: Principal, given: MinistryIn) -> Ministry:
    """Let a body join, also one that has left. Conflict if it is a member."""
    require(caller, Role.COUNCIL_SECRETARY)
    known = await named(session, given.code)
    if known is not None and known.left_at is None:
        error = FieldError("#/code", "code-taken", messages.OTHER_CODE)
        raise Conflict(messages.CODE_TAKEN, errors=[error])
    return await add_ministry(session, given, known)


async def named(session: Session, code: str) -> Ministry | None:
    return (await session.exec(select(Ministry).where(Ministry.code == code).with_for_update())).one_or_none()


async def seed_ministries(session: Session, given: Sequence[MinistryIn]) -> int:
    """Let those join that are not members yet, and give members their later names, without a caller:
    at the start of an installation or of a release. Returns how many joined."""
    known = {ministry.code: ministry for ministry in (await session.exec(select(Ministry))).all()}
    for each in given:
        ministry = known.get(each.code)
        if ministry is None:
            await add_ministry(session, each)
        elif each.valid_from and (ministry.valid_from is None or ministry.valid_from < each.valid_from):
            await rename_ministry(session, ministry, each)
    return sum(each.code not in known for each in given)


async def rename_ministry(session: Session, ministry: Ministry, given: MinistryIn) -> None:
    """Give a member the name of `given`, which it bears from `valid_from` on; code and contact stay."""
    assert given.valid_from is not None
    former, name = ministry.name.model_dump(), LocalText(ko=given.name.ko, en=given.name.en)
    ministry.ko, ministry.en, ministry.valid_from = name.ko, name.en, given.valid_from
    ministry.successor_of = formers(given)
    ministry.touch()
    detail = {"from": former, "to": name.model_dump(), "valid_from": given.valid_from.isoformat()}
    await record_audit(session, "catalog.rename-ministry", f"ministry/{given.code}", detail=detail)
    await emit(session, MinistryRenamed(code=given.code, name=name, valid_from=given.valid_from))


async def add_ministry(session: Session, given: MinistryIn, known: Ministry | None = None) -> Ministry:
    ministry = known or Ministry(code=given.code, ko="", en="", kind=given.kind)
    ministry.ko, ministry.en, ministry.kind, ministry.contact = given.name.ko, given.name.en, given.kind, given.contact
    ministry.valid_from, ministry.successor_of = given.valid_from, formers(given)
    if known is not None:
        ministry.left_at = ministry.left_reason = None
        ministry.touch()
    session.add(ministry)
    await session.flush()
    await record_audit(session, "catalog.join-ministry", f"ministry/{given.code}", detail={"kind": given.kind})
    await announce_ministry(session, ministry)
    return ministry


async def announce_ministry(session: Session, ministry: Ministry) -> None:
    """Say to the other services that it is a member."""
    ministry.announced_at = now()
    session.add(ministry)
    told = await emit(session, MinistryJoined(code=ministry.code, name=ministry.name))
    await keep_member(session, ministry.code, told.sequence)


async def announce_members(session: Session, every: timedelta) -> int:
    """Say again who is a member, where that was not said for so long; how many.

    A service that was added later, or was restored from an older copy, hears of the members by this alone.
    """
    query = select(Ministry).where(unannounced(every)).order_by(col(Ministry.id)).limit(BATCH)
    ministries = (await session.exec(query.with_for_update(skip_locked=True))).all()
    for ministry in ministries:
        await announce_ministry(session, ministry)
    return len(ministries)


async def leave_ministry(session: Session, caller: Principal, code: str, *, reason: str, expected: int | None) -> Ministry:
    """A body is a member no more: from now on its people do not act. What it decided and offered stays."""
    ministry = await named(session, code) or await find_ministry(session, code)
    policy.check_may_let_leave(caller, ministry)
    check_version(ministry, expected)
    policy.check_present(ministry)
    ministry.left_at, ministry.left_reason = now(), reason
    ministry.touch()
    session.add(ministry)
    await record_audit(session, "catalog.leave-ministry", f"ministry/{code}", detail={"reason": reason})
    told = await emit(session, MinistryLeft(code=code, reason=reason))
    await keep_member(session, code, told.sequence, has_left=True)
    return ministry


def formers(given: MinistryIn) -> list[dict[str, str]]:
    return [former.model_dump(mode="json") for former in given.successor_of]
