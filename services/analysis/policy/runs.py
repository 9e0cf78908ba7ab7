"""Who may see a run, cancel it and say when its turn comes."""

from services.analysis import messages
from services.analysis.models import Run, RunStatus
from shared.auth import Principal, Role, require
from shared.errors import Conflict, Forbidden, NotFound

EVERY_RUN = (Role.CENTRE_ANALYST, Role.AUDITOR, Role.OPS)


def sees_every_run(caller: Principal) -> bool:
    return not caller.roles.isdisjoint(EVERY_RUN)


def asks_for(caller: Principal, run: Run) -> bool:
    return caller.has(Role.REQUESTER) and caller.ministry == run.ministry


def check_may_see_run(caller: Principal, run: Run) -> None:
    if not sees_every_run(caller) and not asks_for(caller, run):
        raise NotFound(messages.NO_RUN)


def sees_parameters(caller: Principal, run: Run) -> bool:
    """Auditors and operators see that a run was, not what was asked of it."""
    return caller.has(Role.CENTRE_ANALYST) or asks_for(caller, run)


def check_may_cancel(caller: Principal, run: Run) -> None:
    check_may_see_run(caller, run)
    if not caller.has(Role.CENTRE_ANALYST) and not asks_for(caller, run):
        right = f"requester of {run.ministry} or centre-analyst"
        raise Forbidden(messages.ROLE_NEEDED(right=right), right=right)


def check_may_prioritise(caller: Principal, run: Run) -> None:
    """Whose run goes first is the centre's to say, not of those who wait."""
    check_may_see_run(caller, run)
    require(caller, Role.CENTRE_ANALYST)


def check_may_read_log(caller: Principal, run: Run) -> None:
    """What a method printed passed no disclosure control: it stays at the centre."""
    check_may_see_run(caller, run)
    require(caller, Role.CENTRE_ANALYST)


def check_not_ended(run: Run) -> None:
    if run.ended:
        ended = {RunStatus.CANCELLED: "was cancelled"}.get(run.status, str(run.status))
        raise Conflict(messages.RUN_ENDED(ended=ended), state=run.status)


def check_may_see_quotas(caller: Principal) -> None:
    if not sees_every_run(caller):
        raise Forbidden(messages.QUOTAS_AT_CENTRE, right="centre-analyst, auditor or ops")


def run_actions(caller: Principal, run: Run) -> list[str]:
    """What this caller may do with this run now."""
    if run.ended:
        return []
    if caller.has(Role.CENTRE_ANALYST):
        return ["cancel", "prioritise"]
    return ["cancel"] if asks_for(caller, run) else []
