"""Trained models: read, review, withdraw."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.analysis import actions, queries
from services.analysis.models import ModelState
from services.analysis.schemas import ModelOut, ModelReviewIn, ModelSummary, ModelWithdrawIn
from shared.contracts import Name
from shared.http import Caller, IfMatch, Page, Paging, Reading, Route, Transaction, link_next, tagged
from shared.openapi import UNCHANGED

router = APIRouter(prefix="/models", route_class=Route, tags=["models"])


@router.get("")
async def list_models(
    session: Reading,
    caller: Caller,
    page: Paging,
    request: Request,
    response: Response,
    state: Annotated[ModelState | None, Query(description="Only models in this state.")] = None,
    method: Annotated[Name | None, Query(description="Only models that this method trained.")] = None,
) -> Page[ModelSummary]:
    """List trained models, newest first. One that was never released is shown to reviewers and the ministry that asked."""
    items, cursor = await queries.list_models(session, caller, page, state=state, method=method)
    link_next(request, response, cursor)
    return Page(items=items, next=cursor)


@router.get("/{model_id}", responses=UNCHANGED)
async def show_model(model_id: UUID, session: Reading, caller: Caller, response: Response) -> ModelOut:
    """Show a model: what it says of itself, how good it is, what it learned from, and what you may do with it."""
    model = await queries.get_model(session, caller, model_id)
    tagged(response, model)
    return await queries.describe_model(session, caller, model)


@router.post("/{model_id}/reviews", status_code=201)
async def review_model(
    model_id: UUID, data: ModelReviewIn, session: Transaction, caller: Caller, expected: IfMatch, response: Response
) -> ModelOut:
    """Approve or reject a registered model (method-reviewer; not of the ministry that asked, nor with another part in its
    request, nor the announcer of its method; one of each body).

    The second approval releases it at once. A rejected model is never released.
    """
    model = await actions.review_model(session, caller, model_id, data.verdict, data.reason, expected)
    tagged(response, model)
    return await queries.describe_model(session, caller, model)


@router.post("/{model_id}/withdraw")
async def withdraw_model(
    model_id: UUID, data: ModelWithdrawIn, session: Transaction, caller: Caller, expected: IfMatch, response: Response
) -> ModelOut:
    """Withdraw a model for good (requester of its ministry, or centre-analyst). Runs that are to be scored with it end."""
    model = await actions.withdraw_model(session, caller, model_id, data.reason, expected)
    tagged(response, model)
    return await queries.describe_model(session, caller, model)
