"""What other services say: something was withdrawn, or has a name."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, select

from services.results.actions.results import withdrawal_words, withhold_result
from services.results.models import Known, Result, Status, Withdrawal
from shared.audit import record_audit
from shared.db import Session

OPEN = (Status.CHECKING, Status.HELD)


async def note_withdrawal(session: Session, *, kind: str, key: str, reason: str) -> None:
    """Keep a tombstone, and withhold every result that stands on it and is not out. A released one is recalled by people."""
    known = select(Withdrawal).where(Withdrawal.kind == kind, Withdrawal.key == key)
    if (await session.exec(known)).first():
        return
    session.add(Withdrawal(kind=kind, key=key, reason=reason))
    standing = [result for result in await open_results(session) if key in stands_on(result, kind)]
    ids = [str(result.id) for result in standing]
    await record_audit(session, "results.note-withdrawal", f"{kind}/{key}", detail={"results": ids, "reason": reason})
    for result in standing:
        await withhold_result(session, result, withdrawal_words(kind, reason))


async def open_results(session: Session) -> Sequence[Result]:
    return (await session.exec(select(Result).where(col(Result.status).in_(OPEN)).with_for_update())).all()


def stands_on(result: Result, kind: str) -> Sequence[str]:
    match kind:
        case "request":
            return [str(result.request_id)]
        case "method":
            return [f"{result.method_name}@{result.method_version}"]
        case "model":
            return [str(result.champion_id)] if result.champion_id else []
        case _:
            return result.dataset_ids


async def note_known(session: Session, *, kind: str, key: str, sequence: int, facts: dict[str, Any]) -> None:
    """Keep what another service calls something; an older telling changes nothing."""
    found = (await session.exec(select(Known).where(Known.kind == kind, Known.key == key))).first()
    if found is None:
        session.add(Known(kind=kind, key=key, sequence=sequence, facts=facts))
    elif sequence > found.sequence:
        found.sequence, found.facts = sequence, facts
        found.touch()
