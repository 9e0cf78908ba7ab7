"""A file is handed in, checked as Due work, and published whole or not at all."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func
from sqlalchemy import select as select_plain
from sqlmodel import select

from services.catalog import policy
from services.catalog.actions.datasets import supersede_files
from services.catalog.actions.quotas import Quota, check_quota
from services.catalog.models import UNCHECKED, Dataset, DatasetFile, DatasetState, FileState
from services.catalog.queries import find_dataset, find_file, next_file
from services.catalog.schemas.reports import Fault, Findings, Report
from shared.audit import record_audit
from shared.auth import Principal
from shared.clock import now
from shared.contracts import StoredObject
from shared.db import Session, database
from shared.due import backoff, claim_first, db_now, record
from shared.outbox import emit

CLAIMING: Final = 7_301_004  # the name of a lock in this service's own database


async def attach_file(
    session: Session, caller: Principal, dataset_id: UUID, stored: StoredObject, *, quota: Quota
) -> DatasetFile:
    """Hand in a stored file. The same bytes again, while they are or have been accepted, are the same version.

    TooMany where a quota of the ministry has no room for it."""
    dataset = await find_dataset(session, caller, dataset_id, lock=True)
    policy.may_attach(caller, dataset)
    if same := await same_file(session, dataset, stored):
        return same
    await check_quota(session, dataset.ministry, dataset.id, stored.size, quota)
    if dataset.state in (DatasetState.DRAFT, DatasetState.REJECTED):
        policy.check_move(dataset, DatasetState.CHECKING)
        dataset.state = DatasetState.CHECKING
    await supersede_files(session, dataset)
    dataset.latest_file += 1
    dataset.touch()
    file = DatasetFile(
        dataset_id=dataset.id,
        ministry=dataset.ministry,
        number=dataset.latest_file,
        uploaded_by=caller.subject,
        sha256=stored.sha256,
        size=stored.size,
        media_type=stored.media_type,
    )
    session.add(file)
    await session.flush()
    detail = {"version": file.number, "sha256": stored.sha256, "size": stored.size}
    await record_audit(session, "catalog.attach-file", f"dataset/{dataset.id}", detail=detail)
    return file


async def same_file(session: Session, dataset: Dataset, stored: StoredObject) -> DatasetFile | None:
    if not dataset.latest_file:
        return None
    file = await find_file(session, dataset, dataset.latest_file)
    counts = file.state in (*UNCHECKED, FileState.PASSED)
    return file if counts and file.stored == stored else None


async def begin_check(session: Session, *, lease: timedelta, most_each: int) -> tuple[Dataset, DatasetFile] | None:
    """Claim the file whose turn it is; a ministry has at most `most_each` in hand."""
    if not database(session).sqlite:  # claims are made one after another: each sees those before it
        await session.execute(select_plain(func.pg_advisory_xact_lock(CLAIMING)))
    chosen = next_file(most_each).with_for_update(skip_locked=True)
    file = await claim_first(session, DatasetFile, chosen, lease=lease)
    if file is None:
        return None
    policy.check_file_move(file, FileState.CHECKING)
    file.state = FileState.CHECKING
    file.touch()
    dataset = (await session.exec(select(Dataset).where(Dataset.id == file.dataset_id))).one()
    return dataset, file


async def postpone_check(session: Session, claimed: DatasetFile, *, error: str) -> None:
    """Try again later; if somebody else has claimed the file meanwhile, it is theirs."""
    due_at = db_now(backoff(claimed.attempts))
    await record(session, DatasetFile, claimed.id, claimed.fence, due_at=due_at, last_error=error)


async def record_check(session: Session, claimed: DatasetFile, report: Report, converted: StoredObject | None = None) -> bool:
    """Publish the file, or refuse it: both wholly. False if the claim was overtaken, and nothing happened."""
    dataset = (await session.exec(select(Dataset).where(Dataset.id == claimed.dataset_id).with_for_update(key_share=True))).one()
    outcome = FileState.PASSED if report.passed else FileState.FAILED
    policy.check_file_move(claimed, outcome)
    values = {"state": outcome, "report": report.model_dump(mode="json"), "checked_at": now(), "due_at": None, "last_error": None}
    values["converted"] = converted.model_dump(mode="json") if converted else None
    if not await record(session, DatasetFile, claimed.id, claimed.fence, version=DatasetFile.version + 1, **values):
        return False
    file = (await session.exec(select(DatasetFile).where(DatasetFile.id == claimed.id))).one()
    await (publish_dataset(session, dataset, file, report) if report.passed else reject_file(session, dataset, file, report))
    return True


async def publish_dataset(session: Session, dataset: Dataset, file: DatasetFile, report: Report) -> None:
    if dataset.state is not DatasetState.PUBLISHED:
        policy.check_move(dataset, DatasetState.PUBLISHED)
    dataset.state, dataset.live_file, dataset.rows, dataset.published_at = DatasetState.PUBLISHED, file.number, report.rows, now()
    dataset.touch()
    warned = sorted({warning.code for warning in report.warnings})
    detail = {"version": file.number, "rows": report.rows, "warnings": warned}
    await record_audit(session, "catalog.publish-dataset", f"dataset/{dataset.id}", detail=detail)
    await emit(session, dataset.announced(file))


async def reject_file(session: Session, dataset: Dataset, file: DatasetFile, report: Report) -> None:
    """An earlier version, if there is one, stays published."""
    if dataset.state is DatasetState.CHECKING:
        policy.check_move(dataset, DatasetState.REJECTED)
        dataset.state = DatasetState.REJECTED
    dataset.touch()
    codes = sorted({error.code for error in report.errors})
    detail = {"version": file.number, "error_count": report.error_count, "codes": codes}
    await record_audit(session, "catalog.reject-file", f"dataset/{dataset.id}", detail=detail)


def failed_report(fault: Fault) -> Report:
    """The report on a file whose check gave none."""
    findings = Findings()
    findings.add(fault)
    return findings.report(0)
