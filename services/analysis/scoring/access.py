"""Who may ask which model now: a bearer token and a grant, looked up again after a second at most."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from services.analysis.scoring.registry import Access, find_access
from shared.auth import Principal, TokenVerifier
from shared.db import Database
from shared.errors import Unauthorized
from shared.members import check_member
from shared.messages import TOKEN_HEADER, TOKEN_MISSING

KEPT = 10_000


class Asked(NamedTuple):
    """Everything that the answer depends on."""

    authorization: str
    model: str
    release: str | None


@dataclass
class Doorkeeper:
    """Verifies tokens and finds grants. Only what was allowed is remembered; whoever is refused is looked at every time."""

    db: Database
    verifier: TokenVerifier
    door: UUID
    seconds: float
    known: dict[Asked, tuple[float, Access]] = field(default_factory=dict)
    asking: dict[Asked, tuple[Principal, asyncio.Task[Access]]] = field(default_factory=dict)

    def remembered(self, asked: Asked) -> Access | None:
        found = self.known.get(asked)
        return found[1] if found is not None and found[0] > time.monotonic() else None

    async def check(self, asked: Asked, told: dict[str, Principal]) -> Access:
        """The caller's access. Unauthorized, Forbidden, NotFound, Gone; `told` holds the caller even then."""
        if (access := self.remembered(asked)) is not None:
            return access
        if asked not in self.asking:
            caller = told["caller"] = await self.caller(asked.authorization)
            if asked not in self.asking:  # nobody else began meanwhile
                task = asyncio.create_task(self.look(asked, caller))
                task.add_done_callback(lambda _: self.asking.pop(asked, None))
                self.asking[asked] = caller, task
        told["caller"], looking = self.asking[asked]
        return await asyncio.shield(looking)

    async def caller(self, authorization: str) -> Principal:
        if not authorization:
            raise Unauthorized(TOKEN_MISSING)
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized(TOKEN_HEADER, reason="malformed-header")
        return await self.verifier.verify(token.strip())

    async def look(self, asked: Asked, caller: Principal) -> Access:
        began = time.monotonic()
        async with self.db.reading(caller=caller) as session:
            await check_member(session, caller)
            access = await find_access(session, caller, asked.model, asked.release, self.door)
        if len(self.known) >= KEPT:
            self.known.clear()
        self.known[asked] = began + self.seconds, access
        return access
