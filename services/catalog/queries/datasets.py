"""Questions about datasets and their files."""

import json
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, Text, or_, true, type_coerce
from sqlmodel import col, select

from services.catalog import messages, policy
from services.catalog.models import Dataset, DatasetFile, DatasetState
from services.catalog.search import holds_pairs, matching
from shared.auth import Principal, Role
from shared.contracts import Sensitivity
from shared.db import Session, database
from shared.errors import NotFound
from shared.paging import PageQuery, paginate


class DatasetFilter(PageQuery):
    """Narrows the list; without `state` it leaves out what was withdrawn."""

    q: str | None = Field(default=None, max_length=200, description="Words of title, description, keywords or columns.")
    ministry: str | None = Field(default=None, max_length=40)
    sensitivity: Sensitivity | None = None
    purpose: str | None = Field(default=None, max_length=200, description="One of the allowed purposes, in its words.")
    state: DatasetState | None = None


def visible(caller: Principal) -> ColumnElement[bool]:
    """policy.sees, in SQL."""
    published = col(Dataset.live_file).is_not(None)
    return or_(published, col(Dataset.ministry) == caller.ministry) if caller.has(Role.STEWARD) else published


def narrowed(asked: DatasetFilter, *, indexed: bool) -> list[ColumnElement[bool]]:
    conditions = matching(asked.q or "", indexed=indexed)
    if asked.ministry is not None:
        conditions.append(col(Dataset.ministry) == asked.ministry)
    if asked.sensitivity is not None:
        conditions.append(col(Dataset.sensitivity) == asked.sensitivity)
    if asked.purpose is not None:
        purpose = json.dumps(asked.purpose.strip(), ensure_ascii=False)
        purposes = type_coerce(col(Dataset.allowed_purposes), Text)
        conditions.append(purposes.contains(purpose, autoescape=True))
        conditions += [holds_pairs(purposes, purpose)] if indexed else []
    if asked.state is not None:
        conditions.append(col(Dataset.state) == asked.state)
    else:
        conditions.append(col(Dataset.state) != DatasetState.WITHDRAWN)
    return conditions or [true()]


async def list_datasets(session: Session, caller: Principal, asked: DatasetFilter) -> tuple[list[Dataset], str | None]:
    query = select(Dataset).where(visible(caller), *narrowed(asked, indexed=not database(session).sqlite))
    return await paginate(session, query, Dataset, asked)


async def find_dataset(session: Session, caller: Principal, dataset_id: UUID, *, lock: bool = False) -> Dataset:
    # key_share: a check that claims a file of this dataset must not wait for us, or each would wait for the other.
    dataset = await session.get(Dataset, dataset_id, with_for_update={"key_share": True} if lock else None)
    if dataset is None or not policy.sees(caller, dataset):
        raise NotFound(messages.NO_DATASET)
    return dataset


async def own_dataset(session: Session, caller: Principal, dataset_id: UUID) -> Dataset:
    """A dataset of which the caller is a steward; to others its files are as if they did not exist."""
    dataset = await find_dataset(session, caller, dataset_id)
    if not policy.is_steward(caller, dataset.ministry):
        raise NotFound(messages.NO_CHECK)
    return dataset


async def find_file(session: Session, dataset: Dataset, number: int) -> DatasetFile:
    query = select(DatasetFile).where(DatasetFile.dataset_id == dataset.id, DatasetFile.number == number)
    file = (await session.exec(query)).one_or_none()
    if file is None:
        raise NotFound(messages.NO_CHECK)
    return file


async def live_file(session: Session, dataset: Dataset) -> DatasetFile | None:
    """The file of the published version, if there is one that may be used."""
    if dataset.live_file is None or dataset.state is DatasetState.WITHDRAWN:
        return None
    return await find_file(session, dataset, dataset.live_file)
