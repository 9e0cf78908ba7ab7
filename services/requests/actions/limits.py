"""How much one person may have open at a time: whatever is open stands on the lists of people who have to decide."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, case, func, select
from sqlmodel import col

from services.requests import messages
from services.requests.models import CLOSED, AnalysisRequest
from shared.auth import Principal
from shared.db import Session, database
from shared.errors import Conflict, FieldError, TooMany

OF_ONE_PERSON: Final = 7_301_002  # the kind of a lock in this service's own database
SAME = col(AnalysisRequest.fingerprint) == bindparam("fingerprint")
COUNTED = select(
    func.count().label("all"),
    func.count(case((SAME, 1))).label("identical"),
    func.max(case((SAME, col(AnalysisRequest.created_at)))).label("newest"),
).where(col(AnalysisRequest.requester) == bindparam("subject"), col(AnalysisRequest.status).not_in(CLOSED))


@dataclass(frozen=True)
class OpenLimits:
    """Most open requests of one subject, and of these most that ask for exactly the same."""

    each: int = 200
    identical: int = 10


def fingerprint(request: AnalysisRequest) -> str:
    """SHA-256 of everything that is asked: the same of two requests that ask for exactly the same."""
    asked: dict[str, Any] = {
        name: getattr(request, name)
        for name in ("title", "purpose", "legal_basis", "method_name", "method_version", "parameters", "champion_id", "audience")
    }
    asked["inputs"] = sorted([one.role, str(one.dataset_id), sorted(one.columns.items())] for one in request.current_inputs)
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


async def check_open(session: Session, caller: Principal, request: AnalysisRequest, limits: OpenLimits) -> None:
    """Conflict or TooMany if the caller has so many open requests that this one would be one too many."""
    if not database(session).sqlite:  # SQLite lets in one writer at a time anyhow
        locked = func.pg_advisory_xact_lock(func.hashtextextended(caller.subject, OF_ONE_PERSON))
        await session.execute(select(locked))
    who = {"subject": caller.subject, "fingerprint": request.fingerprint}
    found = (await session.execute(COUNTED, who)).mappings().one()
    everything, identical, at = found["all"], found["identical"], found["newest"]
    if identical >= limits.identical:
        detail = messages.ASKED_ALREADY(count=identical, at=f"{at:%Y-%m-%d %H:%M}", most=limits.identical)
        raise Conflict(detail, errors=[FieldError("#", "asked-already", messages.ASKED_THE_SAME)])
    if everything >= limits.each:
        detail = messages.TOO_MANY_OPEN(count=everything, most=limits.each)
        raise TooMany(detail, quota="open requests of one person", limit=limits.each)
