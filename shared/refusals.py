"""Refused attempts become audit rows: bounded by caller, and written later where the database cannot take them now.

Nobody is told of a refusal that is no row yet: while the database is busy or full the answer is 503, and the row waits in this
process. What does not fit there, or was left out because a caller was refused too often, is counted in the next row.
"""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shared import messages
from shared.audit import audit_row, insert_row
from shared.auth import Principal
from shared.clock import now
from shared.db import Database
from shared.errors import Unavailable
from shared.ids import new_id
from shared.turns import regardless

log = logging.getLogger(__name__)
# The window of callers whom nobody knows; no subject is empty.
STRANGERS: Final = ""


@dataclass
class Window:
    """The refusals of one caller in a span of time."""

    began: float
    written: int = 0
    left_out: int = 0


@dataclass
class Refusals:
    """The refusals of one process. `most` of a caller become rows in so many `seconds`; `room` rows may wait to be written."""

    db: Database
    most: int = 60
    seconds: float = 60.0
    room: int = 1000
    clock: Callable[[], float] = time.monotonic
    windows: dict[str, Window] = field(default_factory=dict)
    waiting: deque[dict[str, Any]] = field(default_factory=deque)
    lost: int = 0
    writing: set[asyncio.Task[bool]] = field(default_factory=set)

    async def record(
        self, caller: Principal | None, action: str, subject: str, detail: Mapping[str, Any], *, known: bool
    ) -> None:
        """Write the row, also if the caller leaves meanwhile. Unavailable if it has to wait, or is lost."""
        left_out = self.admit(caller.subject if caller and known else STRANGERS)
        if left_out is None:
            return
        told = {**detail, **({"left_out_before": left_out} if left_out else {})}
        row = audit_row(caller or f"/{self.db.service}", action, subject, "refused", told)
        task = asyncio.create_task(self.write_or_keep(row))
        self.writing.add(task)
        task.add_done_callback(self.writing.discard)
        if not await asyncio.shield(task):
            raise Unavailable(messages.ATTEMPT_NOT_AUDITED)

    def admit(self, caller: str) -> int | None:
        """How many refusals of the caller before this one became no row; None if it becomes none itself."""
        window = self.windows.setdefault(caller, Window(self.clock()))
        if self.clock() - window.began >= self.seconds:
            window.began, window.written = self.clock(), 0
        if window.written >= self.most:
            window.left_out += 1
            return None
        window.written += 1
        before, window.left_out = window.left_out, 0
        return before

    async def write_or_keep(self, row: dict[str, Any]) -> bool:
        """Whether it is written."""
        try:
            await self.write(row)
        except Exception as error:
            log.warning("a refused attempt waits to be audited", extra={"waiting": len(self.waiting) + 1}, exc_info=error)
            self.keep(row)
            return False
        return True

    def keep(self, row: dict[str, Any]) -> None:
        if len(self.waiting) < self.room:
            self.waiting.append(row)
        else:
            self.lost += 1

    async def write(self, row: Mapping[str, Any]) -> None:
        """In a transaction of its own, with the number of those that were lost before it."""
        lost, self.lost = self.lost, 0
        if lost:
            row = with_detail(row, lost_before=lost)
        try:
            with regardless():  # whoever hangs up is not spared the row
                async with self.db.transaction() as session:
                    await insert_row(session, row)
        except BaseException:
            self.lost += lost
            raise

    async def turn(self) -> bool:
        """Write one row that waits, or what was left out of a caller who came no more. True if there may be more."""
        self.close_windows()
        if not self.waiting:
            return False
        row = self.waiting[0]
        # The row is of now, as its id has to be; it says when the attempt was.
        late = with_detail(row, attempted_at=row["at"]) | {"at": now().isoformat(), "id": new_id()}
        try:
            await self.write(late)
        except Unavailable:
            raise
        except Exception:
            log.exception("a refused attempt cannot be audited", extra={"row": row})
            self.lost += 1
        self.waiting.popleft()
        return bool(self.waiting)

    def close_windows(self) -> None:
        ended = {name: each for name, each in self.windows.items() if self.clock() - each.began >= self.seconds}
        for name, window in ended.items():
            del self.windows[name]
            if window.left_out:
                service = self.db.service
                subject = f"caller/{name}" if name else "callers/unknown"
                detail = {"left_out": window.left_out}
                self.keep(audit_row(f"/{service}", f"{service}.refuse-attempts", subject, "refused", detail))

    async def close(self) -> None:
        """Write what waits before the process ends; what cannot be written is logged in full."""
        await asyncio.gather(*self.writing, return_exceptions=True)
        for window in self.windows.values():
            window.began -= self.seconds
        try:
            while await self.turn():
                pass
        except Unavailable as error:
            for row in self.waiting:
                log.error("a refused attempt was not audited", extra={"row": row}, exc_info=error)


def with_detail(row: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {**row, "detail": json.dumps(json.loads(row["detail"]) | more, ensure_ascii=False, sort_keys=True)}
