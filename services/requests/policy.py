"""Who may do what to a request (check_may_...), and when (the other checks): pure, they raise; and what a caller may do now."""

from collections.abc import Callable
from uuid import UUID

from services.requests import messages
from services.requests.models import IN_REVIEW, TRANSITIONS, Proceedings, Status
from shared.auth import Principal, Role
from shared.contracts import PartKind
from shared.errors import Conflict, Forbidden, Problem

WORDS = {
    PartKind.REQUESTER: messages.PART_REQUESTER,
    PartKind.OWNER: messages.PART_OWNER,
    PartKind.COUNCIL: messages.PART_COUNCIL,
}
READERS = (Role.COUNCIL_MEMBER, Role.COUNCIL_SECRETARY, Role.CENTRE_ANALYST, Role.AUDITOR)


def can_move(status: Status, to: Status) -> bool:
    return to in TRANSITIONS[status]


def check_move(request: Proceedings, to: Status) -> None:
    """The only reader of TRANSITIONS for deeds: refuse a move that the life of a request does not have."""
    if not can_move(request.status, to):
        raise Conflict(messages.REQUEST_MOVE(status=request.status, to=to), status_now=request.status)


def is_requester(caller: Principal, request: Proceedings) -> bool:
    return caller.has(Role.REQUESTER) and caller.ministry == request.ministry


def may_read(caller: Principal, request: Proceedings) -> bool:
    """The requester's ministry, every owner that is or was asked, the council, the centre's analysts and the auditor."""
    if any(caller.has(role) for role in READERS) or is_requester(caller, request):
        return True
    asked = {one.ministry for one in request.inputs} | {request.ministry}
    return caller.has(Role.STEWARD) and caller.ministry in asked


def check_not_own(caller: Principal, request: Proceedings) -> None:
    if caller.subject in request.authors:
        raise Forbidden(messages.OWN_REQUEST, right="somebody else than the requester")


def check_one_part(caller: Principal, request: Proceedings, part: PartKind) -> None:
    """One person has one part in a request, whatever roles and bodies their tokens name. A vote counts once anyhow."""
    for subject, ministry, other in request.acted:
        same_body = ministry == caller.ministry or part is PartKind.COUNCIL
        if subject == caller.subject and not (other is part and same_body):
            raise Forbidden(
                messages.PART_ALREADY(part=WORDS[other], ministry=ministry),
                right="somebody without another part in the request",
            )


def check_may_change(caller: Principal, request: Proceedings) -> None:
    """Resubmit and withdraw are for the requester's ministry."""
    if not is_requester(caller, request):
        raise Forbidden(messages.ASKERS_REQUESTER, right=f"requester of {request.ministry}")
    check_one_part(caller, request, PartKind.REQUESTER)


def check_may_decide(caller: Principal, request: Proceedings, owner: str) -> None:
    if not (caller.has(Role.STEWARD) and caller.ministry == owner):
        raise Forbidden(messages.OWNERS_STEWARD, right=f"steward of {owner}")
    check_not_own(caller, request)
    check_one_part(caller, request, PartKind.OWNER)


def check_may_vote(caller: Principal, request: Proceedings) -> None:
    if not caller.has(Role.COUNCIL_MEMBER):
        raise Forbidden(messages.COUNCIL_VOTES, right=Role.COUNCIL_MEMBER.value)
    if caller.ministry in request.recused:
        raise Forbidden(
            messages.RECUSED,
            right="council-member of a ministry that is not recused",
        )
    check_not_own(caller, request)
    check_one_part(caller, request, PartKind.COUNCIL)


def check_may_return(caller: Principal, request: Proceedings) -> None:
    """Whoever decides on the request, or keeps the council's list, may send it back for correction."""
    steward = caller.has(Role.STEWARD) and caller.ministry in request.owners
    member = caller.has(Role.COUNCIL_MEMBER) and caller.ministry not in request.recused
    if not (steward or member or caller.has(Role.COUNCIL_SECRETARY)):
        right = f"steward of {' or '.join(request.owners)}, council-member not recused, or council-secretary"
        raise Forbidden(messages.DECIDERS_RETURN, right=right)
    check_not_own(caller, request)
    if not caller.has(Role.COUNCIL_SECRETARY):
        check_one_part(caller, request, PartKind.OWNER if steward else PartKind.COUNCIL)


def check_stage(request: Proceedings, *stages: Status) -> None:
    if request.status not in stages:
        wanted = " or ".join(stages)
        raise Conflict(messages.REQUEST_NOT_OPEN(status=request.status, wanted=wanted), status_now=request.status)


def check_undecided(request: Proceedings, dataset_id: UUID) -> None:
    check_stage(request, Status.OWNER_REVIEW)
    if dataset_id not in request.undecided:
        raise Conflict(messages.DATASET_DECIDED)


def check_granted(request: Proceedings, dataset_id: UUID) -> None:
    """An approval may be taken back until something of it has been released."""
    if request.status in (Status.RELEASED, Status.RECALLED):
        raise Conflict(messages.RESULT_RELEASED, status_now=request.status)
    check_move(request, Status.REVOKED)
    if dataset_id not in request.granted:
        raise Conflict(messages.NO_APPROVAL)


def check_not_voted(caller: Principal, request: Proceedings) -> None:
    check_stage(request, Status.COUNCIL_REVIEW)
    for vote in request.current_votes:
        if vote.member == caller.subject:
            raise Conflict(messages.VOTED)
        if vote.ministry == caller.ministry:
            raise Conflict(messages.MINISTRY_VOTED)


def check_turn_to_return(caller: Principal, request: Proceedings) -> None:
    """Stewards return at their stage, council members at theirs, the secretary at both."""
    check_stage(request, *IN_REVIEW)
    if caller.has(Role.COUNCIL_SECRETARY):
        return
    stage = Status.OWNER_REVIEW if caller.ministry in request.owners else Status.COUNCIL_REVIEW
    check_stage(request, stage)


def decide(caller: Principal, request: Proceedings) -> None:
    check_stage(request, Status.OWNER_REVIEW)
    if caller.ministry not in request.undecided.values():
        raise Conflict(messages.NOTHING_WAITS)
    check_may_decide(caller, request, caller.ministry)


def revoke(caller: Principal, request: Proceedings) -> None:
    check_move(request, Status.REVOKED)
    if caller.ministry not in request.granted.values():
        raise Conflict(messages.NOTHING_APPROVED)
    check_may_decide(caller, request, caller.ministry)


def vote(caller: Principal, request: Proceedings) -> None:
    check_may_vote(caller, request)
    check_not_voted(caller, request)


def return_(caller: Principal, request: Proceedings) -> None:
    check_may_return(caller, request)
    check_turn_to_return(caller, request)


def resubmit(caller: Principal, request: Proceedings) -> None:
    check_may_change(caller, request)
    check_stage(request, Status.RETURNED)


def withdraw(caller: Principal, request: Proceedings) -> None:
    check_may_change(caller, request)
    check_move(request, Status.WITHDRAWN)


ACTIONS: dict[str, Callable[[Principal, Proceedings], None]] = {
    "decisions": decide,
    "revocations": revoke,
    "votes": vote,
    "return": return_,
    "resubmit": resubmit,
    "withdraw": withdraw,
}


# Whoever has none of these is refused anyhow; a list asks for each action of each request.
NEEDS: dict[str, frozenset[Role]] = {
    "decisions": frozenset({Role.STEWARD}),
    "revocations": frozenset({Role.STEWARD}),
    "votes": frozenset({Role.COUNCIL_MEMBER}),
    "return": frozenset({Role.STEWARD, Role.COUNCIL_MEMBER, Role.COUNCIL_SECRETARY}),
    "resubmit": frozenset({Role.REQUESTER}),
    "withdraw": frozenset({Role.REQUESTER}),
}


def actions_for(caller: Principal, request: Proceedings) -> list[str]:
    """What the caller may do now; each is the last part of an address to POST to."""
    return [
        name for name, check in ACTIONS.items() if not NEEDS[name].isdisjoint(caller.roles) and allowed(check, caller, request)
    ]


def allowed(check: Callable[[Principal, Proceedings], None], caller: Principal, request: Proceedings) -> bool:
    try:
        check(caller, request)
    except Problem:
        return False
    return True
