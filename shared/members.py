"""Who may act at all: this service's copy of the members, kept by the events of the catalog."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from shared import messages
from shared.auth import Principal
from shared.contracts.wording import Sentence
from shared.db import Session, database
from shared.errors import Forbidden, Unavailable

MISSING = "a ministry that is a member"
PRESENT = "present_members"  # in a session's `info`: one transaction asks for them several times


class NotAMember(Forbidden):
    slug, title = "not-a-member", Sentence("Your ministry is not a member", ko="회원 기관이 아님")
    advice = Sentence(
        "The council's secretary lets a body join: POST /catalog/ministries. One that has left may join again.",
        ko="협의회 간사가 기관의 참여를 승인합니다: POST /catalog/ministries. 탈퇴한 기관도 다시 참여할 수 있습니다.",
    )


async def keep_member(session: Session, code: str, sequence: int, *, has_left: bool = False) -> None:
    """Note that a body joined or left; older news of it change nothing."""
    db = database(session)
    table = db.tables.members
    insert = (insert_sqlite if db.sqlite else insert_postgresql)(table)
    row = insert.values(code=code, sequence=sequence, has_left=has_left)
    newer = {"sequence": row.excluded.sequence, "has_left": row.excluded.has_left}
    kept = row.on_conflict_do_update(index_elements=[table.c.code], set_=newer, where=table.c.sequence < row.excluded.sequence)
    await session.execute(kept)
    session.info.pop(PRESENT, None)


async def present_members(session: Session) -> frozenset[str]:
    """The codes of the bodies that are members now, as far as was heard; read once in a transaction."""
    if PRESENT not in session.info:
        table = database(session).tables.members
        session.info[PRESENT] = frozenset((await session.execute(select(table.c.code).where(~table.c.has_left))).scalars())
    present: frozenset[str] = session.info[PRESENT]
    return present


async def check_member(session: Session, caller: Principal) -> None:
    """NotAMember if the caller's body never joined or has left; Unavailable while no member was heard of at all."""
    table = database(session).tables.members
    query = select(table.c.has_left).where(table.c.code == caller.ministry)
    has_left = (await session.execute(query)).scalar_one_or_none()
    if has_left is False:
        return
    if has_left:
        raise NotAMember(messages.HAS_LEFT(ministry=caller.ministry), right=MISSING)
    if (await session.execute(select(table.c.code).limit(1))).first() is None:
        raise Unavailable(messages.MEMBERS_UNKNOWN, retry_after=10)
    raise NotAMember(messages.NOT_A_MEMBER(ministry=caller.ministry), right=MISSING)
