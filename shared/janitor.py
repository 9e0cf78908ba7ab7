"""What is thrown away, and when: each purge is an audited deed. No decision and no audit row is ever deleted."""

import asyncio
import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import CursorResult, Delete, delete

from shared.audit import record_audit
from shared.clock import now
from shared.db import Database
from shared.storage import Storage

SENT_KEPT = timedelta(days=7)
HANDLED_KEPT = timedelta(days=30)
ANSWERS_KEPT = timedelta(days=7)
HOUR = 3600.0
# Rows lie in these folders while a file is checked or a bundle is built; a killed process leaves its own behind.
SCRATCH = ("dure-check-*", "dure-prepare-*")
SCRATCH_KEPT = 6 * HOUR


def old_rows(db: Database) -> dict[str, Delete]:
    """Sent events, handled events and answers kept for idempotency, each when it is older than it is kept."""
    outbox, inbox, answers = db.tables.outbox, db.tables.inbox, db.tables.idempotency
    return {
        "sent-events": delete(outbox).where(outbox.c.due_at.is_(None), outbox.c.sent_at < now() - SENT_KEPT),
        "handled-events": delete(inbox).where(inbox.c.state == "done", inbox.c.done_at < now() - HANDLED_KEPT),
        "kept-answers": delete(answers).where(answers.c.created_at < now() - ANSWERS_KEPT),
    }


def sweep_scratch(scratch: Path) -> int:
    """Remove working folders that nobody has touched for hours; how many there were."""
    left = [folder for pattern in SCRATCH for folder in scratch.glob(pattern) if folder.is_dir() and not folder.is_symlink()]
    old = [folder for folder in left if time.time() - folder.stat().st_mtime > SCRATCH_KEPT]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


class Janitor:
    """One turn an hour; `tidy` is the turn."""

    def __init__(self, db: Database, storage: Storage, scratch: Path | None = None) -> None:
        self.db, self.storage, self.scratch, self.due = db, storage, scratch or Path(tempfile.gettempdir()), 0.0

    async def tidy(self) -> bool:
        if time.monotonic() < self.due:
            return False
        self.due = time.monotonic() + HOUR
        folders = await asyncio.to_thread(sweep_scratch, self.scratch)
        counts = {"half-uploads": await self.storage.sweep(), "working-folders": folders}
        async with self.db.transaction() as session:
            for name, statement in old_rows(self.db).items():
                result = await session.execute(statement.execution_options(synchronize_session=False))
                assert isinstance(result, CursorResult)
                counts[name] = result.rowcount
            if any(counts.values()):
                await record_audit(session, f"{self.db.service}.purge", f"service/{self.db.service}", detail=counts)
        return False
