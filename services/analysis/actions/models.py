"""Register, review, release and withdraw trained models."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from services.analysis import messages, policy
from services.analysis.actions.endings import obstacle
from services.analysis.actions.grants import keep_released_model
from services.analysis.actions.withdrawals import SOURCE, take_back
from services.analysis.models import Method, Model, ModelReview, ModelState, RequestKey, Run, RunArtefact, Verdict
from shared.audit import record_audit
from shared.auth import Principal
from shared.clock import now
from shared.contracts import ModelManifest, ModelReleased, OutputKind, RequestApproved, TrainedBy
from shared.db import Session, check_version
from shared.errors import Conflict, NotFound
from shared.inbox import withdrawal_waits
from shared.outbox import emit

REVIEWS_NEEDED = 2


async def register_models(session: Session, run: Run, artefacts: Sequence[RunArtefact]) -> None:
    """Each model that a run handed in and that counts becomes a row, with what the centre knows of where it comes from."""
    approved = RequestApproved.model_validate(run.approved)
    of_method = (col(Method.name) == run.method_name, col(Method.release) == run.method_release)
    announced_by = (await session.exec(select(Method.announced_by).where(*of_method))).one()
    for artefact in artefacts:
        if artefact.kind is OutputKind.MODEL and artefact.manifest is not None:
            model = described(run, approved, artefact, announced_by)
            session.add(model)
            await session.flush()
            detail = {"run": str(run.id), "sha256": model.sha256, "format": model.format}
            await record_audit(session, "analysis.register-model", f"model/{model.id}", detail=detail)


def described(run: Run, approved: RequestApproved, artefact: RunArtefact, announced_by: str) -> Model:
    manifest, brief = ModelManifest.model_validate(artefact.manifest), approved.brief
    datasets = tuple(dict.fromkeys(each.dataset_id for each in approved.inputs))
    lineage = manifest.lineage.model_copy(update={"run_id": run.id, "dataset_ids": datasets})
    trained = TrainedBy(name=run.method_name, version=run.method_release, digest=run.method_digest)
    whole = manifest.model_copy(update={"lineage": lineage, "method": trained})
    return Model(
        run_id=run.id,
        request_id=run.request_id,
        ministry=run.ministry,
        name=artefact.name,
        format=manifest.format,
        sha256=artefact.sha256,
        size=artefact.size,
        media_type=artefact.media_type,
        method_name=run.method_name,
        method_release=run.method_release,
        method_digest=run.method_digest,
        announced_by=announced_by,
        authors=sorted({brief.requester, *brief.authors}),
        parts=[part.model_dump(mode="json") for part in brief.parts],
        datasets=[
            {
                "role": each.role,
                "dataset_id": str(each.dataset_id),
                "version": each.dataset_version,
                "ministry": each.ministry,
                "sha256": each.object.sha256,
            }
            for each in approved.inputs
        ],
        manifest=whole.model_dump(mode="json"),
    )


async def review_model(
    session: Session, caller: Principal, model_id: UUID, verdict: Verdict, reason: str, expected: int | None = None
) -> Model:
    """Record what a reviewer found. The second approval, of another body, releases the model."""
    model = await locked_model(session, caller, model_id)
    policy.check_may_review_model(caller, model)
    check_version(model, expected)
    reviews = list((await session.exec(select(ModelReview).where(col(ModelReview.model_id) == model.id))).all())
    policy.check_model_reviewable(caller, model, reviews)
    review = ModelReview(model_id=model.id, reviewer=caller.subject, ministry=caller.ministry, verdict=verdict, reason=reason)
    session.add(review)
    model.touch()
    session.add(model)
    await record_audit(session, "analysis.review-model", f"model/{model.id}", detail={"verdict": verdict, "reason": reason})
    approvals = [each for each in (*reviews, review) if each.verdict is Verdict.APPROVE]
    if len(approvals) == REVIEWS_NEEDED:
        await release_model(session, model)
    return model


async def release_model(session: Session, model: Model) -> None:
    if await withdrawal_waits(session):
        raise Conflict(messages.WITHDRAWAL_WAITS)
    run = (await session.exec(select(Run).where(col(Run.id) == model.run_id))).one()
    key = await session.get(RequestKey, run.request_id)
    if run.alarms and (key is None or key.destroyed_at is None):
        raise Conflict(messages.ALARMS_FIRST)
    if ending := await obstacle(session, run, of=SOURCE):
        raise Conflict(messages.MODEL_CANNOT_BE_RELEASED(detail=ending.reason.detail), state=model.state)
    policy.check_model_move(model, ModelState.RELEASED)
    model.state, model.released_at = ModelState.RELEASED, now()
    await record_audit(session, "analysis.release-model", f"model/{model.id}", detail={"sha256": model.sha256})
    await emit(session, ModelReleased(model=model.ref, run_id=model.run_id, ministry=model.ministry))
    await keep_released_model(session, model.ref, model.ministry, [each["ministry"] for each in model.datasets])


async def withdraw_model(session: Session, caller: Principal, model_id: UUID, reason: str, expected: int | None = None) -> Model:
    """Take a model back for good: no request names it, and what is under way with it ends."""
    model = await locked_model(session, caller, model_id)
    policy.check_may_withdraw_model(caller, model)
    check_version(model, expected)
    await take_back(session, model, reason)
    return model


async def locked_model(session: Session, caller: Principal, model_id: UUID) -> Model:
    query = select(Model).where(col(Model.id) == model_id).with_for_update().execution_options(populate_existing=True)
    model = (await session.exec(query)).first()
    if model is None:
        raise NotFound(messages.NO_MODEL)
    policy.check_may_see_model(caller, model)
    return model
