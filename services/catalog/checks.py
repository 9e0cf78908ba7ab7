"""The door of the clock: handed-in files are checked one after the other, each in a process of its own."""

import asyncio
import logging
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlmodel import col, select

from services.catalog import actions
from services.catalog.actions.files import crash_report
from services.catalog.models import Dataset, DatasetFile
from services.catalog.profile import check_apart
from services.catalog.profile.process import CheckCrashedError, Job
from services.catalog.schemas.reports import Report
from shared.due import db_now, record
from shared.service import Context

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 20


class OvertakenError(Exception):
    """Somebody else has claimed the file, or it does not count any more."""


async def check_next(ctx: Context) -> bool:
    """Check the file that has waited longest. False when none waits."""
    async with ctx.db.reading() as session:
        if (await session.exec(select(DatasetFile.id).where(col(DatasetFile.due_at) <= db_now()).limit(1))).first() is None:
            return False
    async with ctx.db.transaction() as session:
        begun = await actions.begin_check(session, lease=ctx.settings.check_lease)
    if begun is None:
        return False
    dataset, file = begun
    report: Report | None
    try:
        report = await examined(ctx, dataset, file)
    except OvertakenError:
        return True
    except Exception as error:
        report = await given_up(ctx, file, error)
    if report is not None:
        async with ctx.db.transaction() as session:
            await actions.record_check(session, file, report)
    return True


async def given_up(ctx: Context, file: DatasetFile, error: Exception) -> Report | None:
    """A report that says so, when a file has broken its check too often; storage that is away is waited for much longer."""
    name = type(error).__name__
    log.warning("file check failed", extra={"file": str(file.id), "attempts": file.attempts, "error": name})
    most = ctx.settings.check_attempts if isinstance(error, CheckCrashedError | TimeoutError) else MOST_ATTEMPTS
    if file.attempts >= most:
        return crash_report()
    async with ctx.db.transaction() as session:
        await actions.postpone_check(session, file, error=name)
    return None


async def examined(ctx: Context, dataset: Dataset, file: DatasetFile) -> Report:
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


async def examine_file(ctx: Context, dataset: Dataset, file: DatasetFile) -> Report:
    with TemporaryDirectory(prefix="dure-check-", dir=ctx.settings.scratch) as folder:
        path = Path(folder) / "table"
        await ctx.storage.fetch(file.sha256, path)
        job = Job(path=path, media_type=file.media_type, columns=dataset.table, limits=ctx.settings.check_limits)
        return await check_apart(job)


async def keep_claim(ctx: Context, file: DatasetFile) -> Report:
    """Extend the lease until cancelled; OvertakenError when that fails."""
    lease = ctx.settings.check_lease
    while True:
        await asyncio.sleep(lease.total_seconds() / 3)
        async with ctx.db.transaction() as session:
            if not await record(session, DatasetFile, file.id, file.fence, due_at=db_now(lease)):
                raise OvertakenError
