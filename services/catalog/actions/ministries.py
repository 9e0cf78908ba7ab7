"""Members join."""

from collections.abc import Sequence

from sqlmodel import select

from services.catalog.models import Ministry
from services.catalog.queries import is_member
from services.catalog.schemas.ministries import MinistryIn
from shared.audit import record_audit
from shared.auth import Principal, Role, require
from shared.contracts import LocalText, MinistryJoined, MinistryRenamed
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


async def add_ministry(session: Session, given: MinistryIn) -> Ministry:
    ministry = Ministry(
        code=given.code,
        ko=given.name.ko,
        en=given.name.en,
        kind=given.kind,
        contact=given.contact,
        valid_from=given.valid_from,
        successor_of=formers(given),
    )
    session.add(ministry)
    await session.flush()
    await record_audit(session, "catalog.join-ministry", f"ministry/{given.code}", detail={"kind": given.kind})
    await emit(session, MinistryJoined(code=given.code, name=LocalText(ko=given.name.ko, en=given.name.en)))
    return ministry


def formers(given: MinistryIn) -> list[dict[str, str]]:
    return [former.model_dump(mode="json") for former in given.successor_of]
