"""The door of the clock: handed-in files are checked, some at a time in turns by ministry, each in a process of its own."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlmodel import col, select

from services.catalog import actions
from services.catalog.actions.files import failed_report
from services.catalog.models import Dataset, DatasetFile
from services.catalog.profile import check_apart
from services.catalog.profile.converting import CONVERTED
from services.catalog.profile.process import Job
from services.catalog.schemas.reports import Fault, Report
from shared.contracts import StoredObject
from shared.due import db_now, record
from shared.errors import Unavailable
from shared.service import Context
from shared.storage import Corrupt, MissingObject

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 20
MIB = 1024 * 1024
Examined = tuple[Report, StoredObject | None]


class OvertakenError(Exception):
    """Somebody else has claimed the file, or it does not count any more."""


async def check_next(ctx: Context) -> bool:
    """Check what waits, some files at a time, until none does. False when none waits, or all that wait are of ministries with
    enough in hand."""
    slots = Slots(ctx)
    async with asyncio.TaskGroup() as group:
        for _ in range(ctx.settings.checks_at_once):
            group.create_task(slots.one())
    if slots.failure is not None:
        raise slots.failure
    return slots.checked > 0


class Slots:
    """Checks side by side. A slot that finds nothing stays as long as another is at work: meanwhile more may be handed in."""

    def __init__(self, ctx: Context) -> None:
        self.ctx, self.busy, self.checked = ctx, 0, 0
        self.failure: Exception | None = None

    async def one(self) -> None:
        wake = self.ctx.wake
        while not wake.stopping:
            ticket = wake.ticket()
            try:
                if await self.check():
                    continue
            except Exception as error:  # of this check alone: the others go on
                if not self.busy:
                    self.failure = error
                    return
                log.warning("a file could not be taken up, or its report not be recorded", exc_info=error)
                await wake.rest(self.ctx.settings.idle_seconds)
                continue
            if not self.busy:
                return
            await wake.wait(ticket, self.ctx.settings.idle_seconds)

    async def check(self) -> bool:
        """Check the file whose turn it is. False when there is none."""
        begun = await begin(self.ctx)
        if begun is None:
            return False
        self.busy += 1
        try:
            await check_file(self.ctx, *begun)
        finally:
            self.busy -= 1
        self.checked += 1
        return True


async def begin(ctx: Context) -> tuple[Dataset, DatasetFile] | None:
    async with ctx.db.reading() as session:
        if (await session.exec(select(DatasetFile.id).where(col(DatasetFile.due_at) <= db_now()).limit(1))).first() is None:
            return None
    async with ctx.db.transaction() as session:
        return await actions.begin_check(session, lease=ctx.settings.check_lease, most_each=ctx.settings.checks_each)


async def check_file(ctx: Context, dataset: Dataset, file: DatasetFile) -> None:
    found: Examined | None
    try:
        found = await examined(ctx, dataset, file)
    except OvertakenError:
        return
    except Exception as error:
        found = await given_up(ctx, file, error)
    if found is not None:
        async with ctx.db.transaction() as session:
            await actions.record_check(session, file, *found)


async def given_up(ctx: Context, file: DatasetFile, error: Exception) -> Examined | None:
    """A report that says so, when a check has failed too often; storage that is away is waited for much longer."""
    name = type(error).__name__
    log.warning("file check failed", extra={"file": str(file.id), "attempts": file.attempts, "error": name})
    # A time-out is an OSError too.
    away = isinstance(error, Unavailable | OSError) and not isinstance(error, TimeoutError)
    most = MOST_ATTEMPTS if away else ctx.settings.check_attempts
    if file.attempts >= most:
        return failed_report(fault_of(error)), None
    async with ctx.db.transaction() as session:
        await actions.postpone_check(session, file, error=name)
    return None


def fault_of(error: Exception) -> Fault:
    """What the steward reads of a check that gave no report."""
    match error:
        case TimeoutError():
            return Fault.CHECK_TOO_SLOW
        case MissingObject():
            return Fault.FILE_LOST
        case Corrupt():
            return Fault.FILE_DAMAGED
    return Fault.CHECK_CRASHED


async def examined(ctx: Context, dataset: Dataset, file: DatasetFile) -> Examined:
    """The report on a file, while its claim is kept alive; the check ends as soon as the claim is lost."""
    examine, keep = asyncio.create_task(examine_file(ctx, dataset, file)), asyncio.create_task(keep_claim(ctx, file))
    try:
        await asyncio.wait({examine, keep}, return_when=asyncio.FIRST_COMPLETED)
        if examine.done():
            return examine.result()
        return await keep
    finally:
        for task in (examine, keep):
            task.cancel()
        await asyncio.gather(examine, keep, return_exceptions=True)


async def examine_file(ctx: Context, dataset: Dataset, file: DatasetFile) -> Examined:
    """The report on a file, and the stored file for readers if the check wrote one."""
    with TemporaryDirectory(prefix="dure-check-", dir=ctx.settings.scratch) as folder:
        path = Path(folder) / "table"
        await ctx.storage.fetch(file.sha256, path)
        job = Job(path=path, media_type=file.media_type, columns=dataset.table, limits=ctx.settings.check_limits)
        report = await check_apart(job)
        if not (report.passed and report.converted):
            return report, None
        written = path.with_name(CONVERTED)
        # A converted file may be larger than what was sent, such as a packed workbook; not without end.
        most = max(8 * file.size, MIB) + ctx.settings.upload_limit
        return report, await ctx.storage.put_stream(blocks(written), media_type=report.converted, limit=most)


async def blocks(path: Path) -> AsyncIterator[bytes]:
    """A file in blocks, read beside the event loop."""
    with path.open("rb") as file:
        while block := await asyncio.to_thread(file.read, MIB):
            yield block


async def keep_claim(ctx: Context, file: DatasetFile) -> Examined:
    """Extend the lease until cancelled; OvertakenError when that fails."""
    lease = ctx.settings.check_lease
    while True:
        await asyncio.sleep(lease.total_seconds() / 3)
        async with ctx.db.transaction() as session:
            if not await record(session, DatasetFile, file.id, file.fence, due_at=db_now(lease)):
                raise OvertakenError
