"""The requester's side: submit, correct, withdraw; and sending a request back for correction."""

from typing import Any
from uuid import UUID

from services.requests import panel, policy
from services.requests.actions.fit import Asked, check_asked, unfit
from services.requests.actions.history import find_request, history_entry, write_history
from services.requests.actions.limits import OpenLimits, check_open, fingerprint
from services.requests.models import AnalysisRequest, RequestInput, Status
from services.requests.rules import Rules
from services.requests.schemas import ReasonIn, RequestIn
from shared.audit import record_audit
from shared.auth import Principal, Role, require
from shared.clock import now
from shared.contracts import (
    Audience,
    AudienceKind,
    RequestBrief,
    RequestReturned,
    RequestSubmitted,
    RequestWithdrawn,
)
from shared.db import Session, check_version
from shared.errors import FieldError
from shared.members import present_members
from shared.outbox import emit

HOUSE_LIMITS = OpenLimits()


async def submit_request(
    session: Session, caller: Principal, data: RequestIn, *, rules: Rules, limits: OpenLimits = HOUSE_LIMITS
) -> AnalysisRequest:
    """Ask for an analysis; the owners of its datasets decide first."""
    require(caller, Role.REQUESTER)
    asked = await check_asked(session, caller.ministry, data)
    request = AnalysisRequest(
        ministry=caller.ministry,
        requester=caller.subject,
        entries=0,
        revision=1,
        inputs=[],
        decisions=[],
        revocations=[],
        votes=[],
        **words(caller, data, asked, rules),
    )
    request.authors = [caller.subject]
    add_inputs(request, asked)
    request.fingerprint = fingerprint(request)
    await check_council(session, request, rules)
    await check_open(session, caller, request, limits)
    enter_owner_review(request, asked, rules)
    entry = history_entry(session, request, "submit-request", caller=caller, role=Role.REQUESTER)
    session.add(request)
    await session.flush()
    session.add(entry)
    await record_audit(session, "requests.submit-request", f"request/{request.id}", detail={"revision": 1})
    await emit(session, RequestSubmitted(brief=brief(request), method=request.method, revision=1))
    return request


async def resubmit_request(
    session: Session, caller: Principal, request_id: UUID, data: RequestIn, *, rules: Rules, expected: int | None = None
) -> AnalysisRequest:
    """Submit a returned request again, corrected: a new revision, on which everybody decides anew."""
    request = await find_request(session, caller, request_id)
    policy.check_may_change(caller, request)
    check_version(request, expected)
    policy.check_stage(request, Status.RETURNED)
    asked = await check_asked(session, caller.ministry, data)
    for name, value in words(caller, data, asked, rules).items():
        setattr(request, name, value)
    request.revision += 1
    request.authors = sorted({*request.authors, caller.subject})
    add_inputs(request, asked)
    request.fingerprint = fingerprint(request)
    await check_council(session, request, rules)
    write_history(session, request, "resubmit-request", caller=caller, role=Role.REQUESTER, to=Status.OWNER_REVIEW)
    enter_owner_review(request, asked, rules)
    await record_audit(session, "requests.resubmit-request", f"request/{request.id}", detail={"revision": request.revision})
    await emit(session, RequestSubmitted(brief=brief(request), method=request.method, revision=request.revision))
    return request


def words(caller: Principal, data: RequestIn, asked: Asked, rules: Rules) -> dict[str, Any]:
    """What a submission says, as the request's columns."""
    audience = data.audience or Audience(kind=AudienceKind.MINISTRIES, ministries=(caller.ministry,))
    return {
        "title": data.title,
        "purpose": data.purpose,
        "legal_basis": data.legal_basis,
        "parameters": asked.parameters,
        "champion_id": data.champion.model_id if data.champion else None,
        "method_name": asked.method.name,
        "method_version": asked.method.version,
        "method_digest": asked.method.digest,
        "audience": audience.model_dump(mode="json"),
        "rules_version": rules.version,
    }


def add_inputs(request: AnalysisRequest, asked: Asked) -> None:
    for one in asked.inputs:
        row = RequestInput(
            request_id=request.id,
            revision=request.revision,
            role=one.role,
            dataset_id=one.dataset.dataset_id,
            dataset_title=one.dataset.title,
            ministry=one.dataset.ministry,
            columns=one.columns,
            allowed_purpose=one.allowed_purpose,
        )
        request.inputs.append(row)


async def check_council(session: Session, request: AnalysisRequest, rules: Rules) -> None:
    """Look ahead, before the owners spend their time: enough members are left to decide on it."""
    barred = panel.barred(await present_members(session), recused=request.recused, quorum=rules.quorum.value)
    if barred:
        raise unfit([FieldError("#/inputs", "no-quorum", panel.out_of_reach(barred, rules.quorum.value))])


def enter_owner_review(request: AnalysisRequest, asked: Asked, rules: Rules) -> None:
    sensitivities = [one.dataset.sensitivity for one in asked.inputs]
    request.risk_tier = rules.tier(sensitivities, owners=len(request.owners), entity_level=asked.card.lists_entities)
    request.decide_by = rules.owners_decide_by(rules.day(now()))


def brief(request: AnalysisRequest) -> RequestBrief:
    """What later services need to know of a request."""
    return RequestBrief(
        request_id=request.id,
        title=request.title,
        purpose=request.purpose,
        ministry=request.ministry,
        requester=request.requester,
        authors=tuple(request.authors),
        audience=request.readers,
        owners=tuple(request.owners),
        dataset_ids=tuple(sorted({one.dataset_id for one in request.current_inputs})),
        parts=tuple(request.parts),
    )


async def return_request(
    session: Session, caller: Principal, request_id: UUID, data: ReasonIn, *, expected: int | None = None
) -> AnalysisRequest:
    """Send the request back to its requester for correction."""
    request = await find_request(session, caller, request_id)
    policy.check_may_return(caller, request)
    check_version(request, expected)
    policy.check_turn_to_return(caller, request)
    role = next(role for role in (Role.COUNCIL_SECRETARY, Role.STEWARD, Role.COUNCIL_MEMBER) if caller.has(role))
    await send_back(session, request, caller=caller, role=role, by=caller.ministry, code="correction", reason=data.reason)
    return request


async def send_back(
    session: Session, request: AnalysisRequest, *, caller: Principal | None, role: str, by: str, code: str, reason: str
) -> None:
    """Return a request, by somebody's hand or because something that it stands on was withdrawn."""
    write_history(session, request, "return-request", caller=caller, role=role, to=Status.RETURNED, code=code, reason=reason)
    await record_audit(session, "requests.return-request", f"request/{request.id}", detail={"code": code, "reason": reason})
    await emit(session, RequestReturned(request_id=request.id, ministry=request.ministry, returned_by=by, reason=reason))


async def withdraw_request(
    session: Session, caller: Principal, request_id: UUID, data: ReasonIn, *, expected: int | None = None
) -> AnalysisRequest:
    """Take the request back: whatever of it runs stops, and nothing of it is released."""
    request = await find_request(session, caller, request_id)
    policy.check_may_change(caller, request)
    check_version(request, expected)
    policy.check_move(request, Status.WITHDRAWN)
    write_history(
        session,
        request,
        "withdraw-request",
        caller=caller,
        role=Role.REQUESTER,
        to=Status.WITHDRAWN,
        code="withdrawn-by-requester",
        reason=data.reason,
    )
    await record_audit(session, "requests.withdraw-request", f"request/{request.id}", detail={"reason": data.reason})
    await emit(session, RequestWithdrawn(request_id=request.id, ministry=request.ministry, reason=data.reason))
    return request
