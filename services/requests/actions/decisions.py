"""The owners' side: each decides on its dataset; when all have approved, the council has its turn."""

from uuid import UUID

from services.requests import fitting, messages, policy
from services.requests.actions.history import find_request, write_history
from services.requests.models import (
    AnalysisRequest,
    Decision,
    KnownDataset,
    KnownMethod,
    RequestInput,
    Revocation,
    Status,
    Verdict,
)
from services.requests.rules import Rules
from services.requests.schemas import DecisionIn, RevocationIn
from shared.audit import record_audit
from shared.auth import Principal, Role
from shared.clock import now
from shared.contracts import DatasetPublished, GrantRevoked, MethodLive, Reason, RequestRefused
from shared.db import Session, check_version
from shared.errors import Conflict, FieldError, Unprocessable
from shared.outbox import emit


async def decide_dataset(
    session: Session, caller: Principal, request_id: UUID, data: DecisionIn, *, rules: Rules, expected: int | None = None
) -> AnalysisRequest:
    """Approve or refuse one dataset for this request, for the version that it has now."""
    request = await find_request(session, caller, request_id)
    inputs = inputs_of(request, data.dataset_id)
    policy.check_may_decide(caller, request, inputs[0].ministry)
    check_version(request, expected)
    policy.check_undecided(request, data.dataset_id)
    method = await live_method(session, request)
    if faults := fitting.decision_faults(data, inputs, request.parameters, method.card, rules):
        raise Unprocessable(messages.DECISION_FAULTY, errors=faults)
    dataset = await present_dataset(session, inputs, method)
    request.decisions.append(decision(request, caller, data, dataset, rules))
    code = data.code or "approved"
    write_history(session, request, "decide-dataset", caller=caller, role=Role.STEWARD, code=code, reason=data.reason)
    detail = {"dataset": str(data.dataset_id), "version": dataset.version, "verdict": data.verdict, "code": data.code}
    await record_audit(session, "requests.decide-dataset", f"request/{request.id}", detail=detail | {"reason": data.reason})
    if data.verdict is Verdict.REFUSE:
        await refuse_request(session, request, role="owner", reason=Reason(code=code, detail=data.reason))
    elif not request.undecided:
        await open_council_review(session, request, rules)
    return request


async def revoke_grant(
    session: Session, caller: Principal, request_id: UUID, data: RevocationIn, *, expected: int | None = None
) -> AnalysisRequest:
    """Take an approval back: the request ends, its run stops, and nothing of it is released. The dataset stays published."""
    request = await find_request(session, caller, request_id)
    owner = inputs_of(request, data.dataset_id)[0].ministry
    policy.check_may_decide(caller, request, owner)
    check_version(request, expected)
    policy.check_granted(request, data.dataset_id)
    request.revocations.append(revocation(request, caller, data, owner))
    write_history(
        session,
        request,
        "revoke-grant",
        caller=caller,
        role=Role.STEWARD,
        to=Status.REVOKED,
        code="grant-revoked",
        reason=data.reason,
    )
    detail = {"dataset": str(data.dataset_id), "reason": data.reason}
    await record_audit(session, "requests.revoke-grant", f"request/{request.id}", detail=detail)
    await emit(session, GrantRevoked(request_id=request.id, dataset_id=data.dataset_id, ministry=owner, reason=data.reason))
    return request


def inputs_of(request: AnalysisRequest, dataset_id: UUID) -> list[RequestInput]:
    """The parts that the dataset plays in this request."""
    inputs = [one for one in request.current_inputs if one.dataset_id == dataset_id]
    if not inputs:
        error = FieldError("#/dataset_id", "not-in-request", messages.DATASET_NOT_ASKED)
        raise Unprocessable(messages.DATASET_NOT_ASKED, errors=[error])
    return inputs


async def live_method(session: Session, request: AnalysisRequest) -> MethodLive:
    known = await session.get(KnownMethod, f"{request.method_name}@{request.method_version}")
    live = known.live if known else None
    if live is None:
        raise Conflict(messages.METHOD_WITHDRAWN, reason="method-withdrawn")
    return live


async def live_dataset(session: Session, dataset_id: UUID) -> DatasetPublished:
    known = await session.get(KnownDataset, dataset_id)
    live = known.live if known else None
    if live is None:
        raise Conflict(messages.DATASET_WITHDRAWN, reason="dataset-withdrawn")
    return live


async def present_dataset(session: Session, inputs: list[RequestInput], method: MethodLive) -> DatasetPublished:
    """The dataset as it is now, if it is still what the request was checked against."""
    dataset = await live_dataset(session, inputs[0].dataset_id)
    roles = {role.name: role for role in method.card.inputs}
    if any(fitting.changed_since(one, roles[one.role], dataset, method.card.linkage.key_domain) for one in inputs):
        raise Conflict(messages.DATASET_CHANGED, reason="dataset-changed")
    return dataset


def decision(request: AnalysisRequest, caller: Principal, data: DecisionIn, dataset: DatasetPublished, rules: Rules) -> Decision:
    return Decision(
        request_id=request.id,
        revision=request.revision,
        dataset_id=data.dataset_id,
        dataset_version=dataset.version,
        ministry=caller.ministry,
        verdict=data.verdict,
        code=data.code,
        reason=data.reason,
        conditions=list(data.conditions),
        columns=data.columns,
        seen=dataset.model_dump(mode="json"),
        decided_by=caller.subject,
        rules_version=rules.version,
    )


def revocation(request: AnalysisRequest, caller: Principal, data: RevocationIn, owner: str) -> Revocation:
    return Revocation(
        request_id=request.id,
        revision=request.revision,
        dataset_id=data.dataset_id,
        ministry=owner,
        reason=data.reason,
        revoked_by=caller.subject,
    )


async def open_council_review(session: Session, request: AnalysisRequest, rules: Rules) -> None:
    """Every owner has approved: the council votes."""
    write_history(session, request, "open-council-review", role="owners", to=Status.COUNCIL_REVIEW, code="owners-approved")
    request.decide_by = rules.council_decides_by(rules.day(now()), request.risk_tier)
    await record_audit(session, "requests.open-council-review", f"request/{request.id}", detail={"revision": request.revision})


async def refuse_request(session: Session, request: AnalysisRequest, *, role: str, reason: Reason) -> None:
    """An owner or the council said no."""
    write_history(session, request, "refuse-request", role=role, to=Status.REFUSED, code=reason.code, reason=reason.detail)
    await record_audit(session, "requests.refuse-request", f"request/{request.id}", detail=reason.model_dump())
    await emit(session, RequestRefused(request_id=request.id, ministry=request.ministry, reason=reason))
