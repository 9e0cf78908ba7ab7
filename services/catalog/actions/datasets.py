"""A dataset is registered, described, and taken back."""

from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col

from services.catalog import policy
from services.catalog.models import UNCHECKED, Dataset, DatasetFile, DatasetState, FileState
from services.catalog.queries import find_dataset, live_file
from services.catalog.schemas.datasets import DatasetChange, DatasetIn
from services.catalog.search import words_of
from shared.audit import record_audit
from shared.auth import Principal, Role, require
from shared.clock import now
from shared.contracts import Column, DatasetWithdrawn
from shared.db import Session, check_version
from shared.outbox import emit


async def register_dataset(session: Session, caller: Principal, given: DatasetIn) -> Dataset:
    """A draft of the caller's ministry. It is published when a file of it passes its check."""
    require(caller, Role.STEWARD)
    policy.check_table(given.table)
    fields = given.model_dump(exclude={"table", "steward"})
    dataset = Dataset(
        **fields, ministry=caller.ministry, steward=given.steward or caller.subject, columns=dumped(given.table), words=""
    )
    refresh_words(dataset)
    session.add(dataset)
    await session.flush()
    await record_audit(session, "catalog.register-dataset", f"dataset/{dataset.id}", detail={"columns": len(given.table)})
    return dataset


async def update_dataset(
    session: Session, caller: Principal, dataset_id: UUID, given: DatasetChange, *, expected: int | None
) -> Dataset:
    """Change the description. What is published is announced again, so that every copy follows."""
    dataset = await find_dataset(session, caller, dataset_id, lock=True)
    policy.may_update(caller, dataset)
    check_version(dataset, expected)
    changes = given.model_dump(exclude_none=True, exclude={"table"})
    if given.table is not None:
        policy.check_table_open(dataset)
        policy.check_table(given.table)
        changes["columns"] = dumped(given.table)
    dataset.sqlmodel_update(changes)
    refresh_words(dataset)
    dataset.touch()
    await record_audit(session, "catalog.update-dataset", f"dataset/{dataset.id}", detail={"fields": sorted(changes)})
    if file := await live_file(session, dataset):
        await emit(session, dataset.announced(file))
    return dataset


async def withdraw_dataset(
    session: Session, caller: Principal, dataset_id: UUID, *, reason: str, expected: int | None
) -> Dataset:
    """For good. The row stays as a tombstone, so that whoever has used the dataset can see why it went."""
    dataset = await find_dataset(session, caller, dataset_id, lock=True)
    policy.may_withdraw(caller, dataset)
    check_version(dataset, expected)
    dataset.state, dataset.withdrawn_at, dataset.withdrawal_reason = DatasetState.WITHDRAWN, now(), reason
    dataset.touch()
    await supersede_files(session, dataset)
    await record_audit(session, "catalog.withdraw-dataset", f"dataset/{dataset.id}", detail={"reason": reason})
    if dataset.live_file is not None:
        await emit(session, DatasetWithdrawn(dataset_id=dataset.id, ministry=dataset.ministry, reason=reason))
    return dataset


async def supersede_files(session: Session, dataset: Dataset) -> None:
    """Whatever is being checked no longer counts: its claim is overtaken."""
    waiting = update(DatasetFile).where(col(DatasetFile.dataset_id) == dataset.id, col(DatasetFile.state).in_(UNCHECKED))
    await session.execute(waiting.values(state=FileState.SUPERSEDED, due_at=None, fence=col(DatasetFile.fence) + 1))


def refresh_words(dataset: Dataset) -> None:
    dataset.words = words_of(title=dataset.title, description=dataset.description, keywords=dataset.keywords, table=dataset.table)


def dumped(table: list[Column]) -> list[dict[str, Any]]:
    return [column.model_dump(mode="json") for column in table]
