"""What is thrown away, and when: each purge is an audited deed. No decision and no audit row is ever deleted."""

import time
from datetime import timedelta

from sqlalchemy import CursorResult, Delete, delete

from shared.audit import record_audit
from shared.clock import now
from shared.db import Database
from shared.storage import Storage

SENT_KEPT = timedelta(days=7)
HANDLED_KEPT = timedelta(days=30)
ANSWERS_KEPT = timedelta(days=7)
HOUR = 3600.0


def old_rows(db: Database) -> dict[str, Delete]:
    """Sent events, handled events and answers kept for idempotency, each when it is older than it is kept."""
    outbox, inbox, answers = db.tables.outbox, db.tables.inbox, db.tables.idempotency
    return {
        "sent-events": delete(outbox).where(outbox.c.due_at.is_(None), outbox.c.sent_at < now() - SENT_KEPT),
        "handled-events": delete(inbox).where(inbox.c.state == "done", inbox.c.done_at < now() - HANDLED_KEPT),
        "kept-answers": delete(answers).where(answers.c.created_at < now() - ANSWERS_KEPT),
    }


class Janitor:
    """One turn an hour; `tidy` is the turn."""

    def __init__(self, db: Database, storage: Storage) -> None:
        self.db, self.storage, self.due = db, storage, 0.0

    async def tidy(self) -> bool:
        if time.monotonic() < self.due:
            return False
        self.due = time.monotonic() + HOUR
        swept = await self.storage.sweep()
        async with self.db.transaction() as session:
            counts = {"half-uploads": swept}
            for name, statement in old_rows(self.db).items():
                result = await session.execute(statement.execution_options(synchronize_session=False))
                assert isinstance(result, CursorResult)
                counts[name] = result.rowcount
            if any(counts.values()):
                await record_audit(session, f"{self.db.service}.purge", f"service/{self.db.service}", detail=counts)
        return False
