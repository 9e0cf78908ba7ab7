"""Datasets over HTTP: register, describe, find, withdraw."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.catalog import actions, policy, queries
from services.catalog.models import Dataset
from services.catalog.queries import DatasetFilter
from services.catalog.schemas.causes import WARNINGS, Sentence
from services.catalog.schemas.datasets import DatasetBrief, DatasetChange, DatasetIn, DatasetOut, Hint, WithdrawIn
from services.catalog.schemas.reports import Warned
from shared.auth import Principal
from shared.http import Caller, IfMatch, Page, Reading, Route, Transaction, link_next, tagged
from shared.openapi import CREATED, UNCHANGED

router = APIRouter(prefix="/datasets", route_class=Route, tags=["datasets"])


def fields(caller: Principal, dataset: Dataset) -> dict[str, Any]:
    return {
        **dataset.model_dump(),
        "table": dataset.columns,
        "version": dataset.live_file,
        "actions": policy.actions_for(caller, dataset),
    }


def shown(caller: Principal, dataset: Dataset, response: Response) -> DatasetOut:
    tagged(response, dataset)
    return DatasetOut.model_validate(fields(caller, dataset) | {"hints": hints(dataset)})


def hints(dataset: Dataset) -> list[Hint]:
    """What its steward should know before anybody asks for it."""
    ko, en = WARNINGS[Warned.KEY_TYPE]
    return [
        Hint(
            pointer=f"#/table/{position}/type",
            code=Warned.KEY_TYPE,
            detail=Sentence(ko=ko.format(wanted=dataset.table[position].type), en=en.format(wanted=dataset.table[position].type)),
        )
        for position in policy.unlinkable_keys(dataset.table)
    ]


@router.post("", status_code=201, responses=CREATED)
async def register_dataset(given: DatasetIn, session: Transaction, caller: Caller, response: Response) -> DatasetOut:
    """Register a dataset of your ministry (steward). It is a draft until a file of it has passed its check."""
    dataset = await actions.register_dataset(session, caller, given)
    response.headers["Location"] = f"/catalog/datasets/{dataset.id}"
    return shown(caller, dataset, response)


@router.get("")
async def list_datasets(
    session: Reading, caller: Caller, asked: Annotated[DatasetFilter, Query()], request: Request, response: Response
) -> Page[DatasetBrief]:
    """List the datasets that you may see, newest first. `q` finds parts of words too, in Korean and English."""
    datasets, cursor = await queries.list_datasets(session, caller, asked)
    link_next(request, response, cursor)
    return Page(items=[DatasetBrief.model_validate(fields(caller, dataset)) for dataset in datasets], next=cursor)


@router.get("/{dataset_id}", responses=UNCHANGED)
async def get_dataset(dataset_id: UUID, session: Reading, caller: Caller, response: Response) -> DatasetOut:
    """Show a dataset with its table. A withdrawn one is still shown, with the reason."""
    return shown(caller, await queries.find_dataset(session, caller, dataset_id), response)


@router.patch("/{dataset_id}")
async def update_dataset(
    dataset_id: UUID, given: DatasetChange, session: Transaction, caller: Caller, expected: IfMatch, response: Response
) -> DatasetOut:
    """Change what is said of a dataset (steward of its ministry). Send If-Match, so as not to undo another's change."""
    return shown(caller, await actions.update_dataset(session, caller, dataset_id, given, expected=expected), response)


@router.post("/{dataset_id}/withdraw")
async def withdraw_dataset(
    dataset_id: UUID, given: WithdrawIn, session: Transaction, caller: Caller, expected: IfMatch, response: Response
) -> DatasetOut:
    """Take a dataset back for good (steward of its ministry): no request, run or release may stand on it any more."""
    dataset = await actions.withdraw_dataset(session, caller, dataset_id, reason=given.reason, expected=expected)
    return shown(caller, dataset, response)
