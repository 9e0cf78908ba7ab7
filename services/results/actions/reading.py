"""Reading restricted data is a deed: it is audited before the first byte leaves."""

from typing import Any
from uuid import UUID

from services.results import messages, policy
from services.results.models import Result
from shared.audit import record_audit
from shared.auth import Principal
from shared.db import Session
from shared.errors import NotFound


async def open_restricted_list(
    session: Session, caller: Principal, result_id: UUID, *, name: str | None, reason: str
) -> dict[str, Any]:
    """The stored list, once the read is written down: who, why, and how many entities."""
    result = policy.check_list_reader(caller, await session.get(Result, result_id))
    lists = result.contents.get("lists", [])
    entry = next((entry for entry in lists if name is None or entry["name"] == name), None)
    if entry is None:
        raise NotFound(messages.NO_LIST)
    detail = {"list": entry["name"], "entities": entry["lines"], "sha256": entry["sha256"], "reason": reason}
    await record_audit(session, "results.read-restricted-list", f"result/{result.id}", outcome="read", detail=detail)
    return entry
