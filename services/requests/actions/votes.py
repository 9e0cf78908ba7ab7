"""The council's side: members vote; a majority of a quorum approves or refuses."""

from uuid import UUID

from services.requests import fitting, messages, panel, policy
from services.requests.actions.asking import brief
from services.requests.actions.decisions import live_dataset, live_method, refuse_request
from services.requests.actions.history import find_request, write_history
from services.requests.models import AnalysisRequest, Ballot, KnownModel, Status, Vote
from services.requests.queries import sealing_key
from services.requests.rules import Rules
from services.requests.schemas import VoteIn
from shared.audit import record_audit
from shared.auth import Principal, Role
from shared.contracts import ApprovedInput, ModelRef, Reason, RequestApproved
from shared.db import Session, check_version
from shared.errors import Conflict
from shared.outbox import emit


async def cast_vote(
    session: Session, caller: Principal, request_id: UUID, data: VoteIn, *, rules: Rules, expected: int | None = None
) -> AnalysisRequest:
    """Vote on a request that every owner approved."""
    request = await find_request(session, caller, request_id)
    policy.check_may_vote(caller, request)
    check_version(request, expected)
    policy.check_not_voted(caller, request)
    vote = Vote(
        request_id=request.id,
        revision=request.revision,
        member=caller.subject,
        ministry=caller.ministry,
        ballot=data.ballot,
        reason=data.reason,
        rules_version=rules.version,
    )
    request.votes.append(vote)
    write_history(session, request, "cast-vote", caller=caller, role=Role.COUNCIL_MEMBER, code=data.ballot, reason=data.reason)
    detail = {"ballot": data.ballot, "reason": data.reason, "revision": request.revision}
    await record_audit(session, "requests.cast-vote", f"request/{request.id}", detail=detail)
    await conclude(session, request, rules)
    return request


async def conclude(session: Session, request: AnalysisRequest, rules: Rules) -> None:
    """Do what the votes come to, if they come to something."""
    tally = panel.count_votes(request.current_votes, recused=request.recused, quorum=rules.quorum.value)
    words = f"{tally.approve} for, {tally.reject} against."
    match tally.outcome:
        case Ballot.APPROVE:
            await approve_request(session, request, words, rules)
        case Ballot.REJECT:
            reasons = " ".join(vote.reason for vote in request.current_votes if vote.ballot is Ballot.REJECT)
            reason = Reason(code="council-rejected", detail=f"{words} {reasons}"[:4000])
            await refuse_request(session, request, role="council", reason=reason)
        case None:
            pass


async def approve_request(session: Session, request: AnalysisRequest, words: str, rules: Rules) -> None:
    """The centre may run exactly this method on exactly these columns of these bytes."""
    method = await live_method(session, request)
    champion = await live_champion(session, request)
    inputs = tuple([await approved_input(session, request, at) for at in range(len(request.current_inputs))])
    write_history(session, request, "approve-request", role="council", to=Status.APPROVED, code="council-approved", reason=words)
    await record_audit(session, "requests.approve-request", f"request/{request.id}", detail={"rules": rules.version})
    approved = RequestApproved(
        brief=brief(request),
        method=request.method,
        parameters=request.parameters,
        inputs=inputs,
        champion=champion,
        sealing_key=await sealing_key(session, request.ministry) if method.card.lists_entities else None,
        rules_version=rules.version,
    )
    await emit(session, approved)


async def live_champion(session: Session, request: AnalysisRequest) -> ModelRef | None:
    if request.champion_id is None:
        return None
    known = await session.get(KnownModel, request.champion_id)
    if known is None or known.live is None:
        raise Conflict(messages.MODEL_WITHDRAWN, reason="model-withdrawn")
    return known.live.model


async def approved_input(session: Session, request: AnalysisRequest, at: int) -> ApprovedInput:
    """The dataset as its owner saw it when it approved, unless it was withdrawn since."""
    asked = request.current_inputs[at]
    decision = next(one for one in request.current_decisions if one.dataset_id == asked.dataset_id)
    await live_dataset(session, asked.dataset_id)
    seen, columns = decision.dataset, fitting.cut(asked.columns, decision.columns)
    return ApprovedInput(
        role=asked.role,
        dataset_id=seen.dataset_id,
        dataset_version=seen.version,
        ministry=seen.ministry,
        object=seen.object,
        table=tuple(column for column in seen.table if column.name in columns.values()),
        columns=columns,
        conditions=tuple(decision.conditions),
    )
