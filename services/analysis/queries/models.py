"""Read trained models."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlmodel import col, or_, select

from services.analysis import messages, policy
from services.analysis.models import Model, ModelReview, ModelState
from services.analysis.schemas import LineageOut, ModelOut, ModelSummary, ReviewOut, TrainedOn
from shared.auth import Principal, Role
from shared.contracts import MethodRef, ModelManifest, ModelReference
from shared.db import Session
from shared.errors import NotFound
from shared.paging import PageQuery, paginate


async def list_models(
    session: Session, caller: Principal, page: PageQuery, *, state: ModelState | None, method: str | None
) -> tuple[list[ModelSummary], str | None]:
    query = select(Model)
    if not policy.sees_every_model(caller):
        released = col(Model.released_at).is_not(None)
        own = col(Model.ministry) == caller.ministry
        query = query.where(or_(released, own) if caller.has(Role.REQUESTER) else released)
    if state is not None:
        query = query.where(col(Model.state) == state)
    if method is not None:
        query = query.where(col(Model.method_name) == method)
    models, cursor = await paginate(session, query, Model, page)
    reviews = await reviews_of(session, [model.id for model in models])
    return [ModelSummary(**summary(caller, model, reviews.get(model.id, []))) for model in models], cursor


async def get_model(session: Session, caller: Principal, model_id: UUID) -> Model:
    model = await session.get(Model, model_id)
    if model is None:
        raise NotFound(messages.NO_MODEL)
    policy.check_may_see_model(caller, model)
    return model


async def describe_model(session: Session, caller: Principal, model: Model) -> ModelOut:
    reviews = (await reviews_of(session, [model.id])).get(model.id, [])
    manifest = shown_manifest(caller, model)
    told = [
        ReviewOut(reviewer=each.reviewer, ministry=each.ministry, verdict=each.verdict, reason=each.reason, at=each.created_at)
        for each in reviews
    ]
    lineage = LineageOut(
        run_id=model.run_id,
        request_id=model.request_id,
        sha256=model.sha256,
        size=model.size,
        datasets=[TrainedOn.model_validate(each) for each in model.datasets],
    )
    return ModelOut(
        **summary(caller, model, reviews),
        manifest=manifest,
        metrics=dict(manifest.metrics) if manifest else {},
        not_onnx=manifest.refused if manifest else None,
        lineage=lineage,
        reviews=told,
        withdrawn_reason=model.withdrawn_reason,
    )


def shown_manifest(caller: Principal, model: Model) -> ModelManifest | None:
    """Without what comes from single rows, for those who do not judge models."""
    manifest = ModelManifest.model_validate(model.manifest) if policy.sees_manifest(caller, model) else None
    if manifest is None or policy.sees_reference(caller):
        return manifest
    features = tuple(feature.model_copy(update={"categories": ()}) for feature in manifest.features)
    training = manifest.training.model_copy(update={"rows": manifest.training.rows // 100 * 100})
    return manifest.model_copy(update={"features": features, "reference": ModelReference(), "training": training})


async def reviews_of(session: Session, model_ids: Sequence[UUID]) -> dict[UUID, list[ModelReview]]:
    query = select(ModelReview).where(col(ModelReview.model_id).in_(model_ids)).order_by(col(ModelReview.id))
    found: dict[UUID, list[ModelReview]] = {}
    for review in (await session.exec(query)).all():
        found.setdefault(review.model_id, []).append(review)
    return found


def summary(caller: Principal, model: Model, reviews: Sequence[ModelReview]) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "ministry": model.ministry,
        "method": MethodRef(name=model.method_name, version=model.method_release, digest=model.method_digest),
        "format": model.format,
        "task": model.manifest["task"],
        "state": model.state,
        "registered_at": model.created_at,
        "released_at": model.released_at,
        "waiting": policy.model_waiting(model, reviews),
        "actions": policy.model_actions(caller, model, reviews),
    }


async def files_of_models(session: Session, digests: Iterable[str]) -> set[str]:
    """Which of these files a registered model refers to: whatever else they were, they are not deleted."""
    return set((await session.exec(select(Model.sha256).where(col(Model.sha256).in_(list(digests))))).all())
