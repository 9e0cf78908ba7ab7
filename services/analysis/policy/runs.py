"""Who may see and cancel a run."""

from services.analysis.models import Run
from shared.auth import Principal, Role
from shared.errors import Forbidden, NotFound

EVERY_RUN = (Role.CENTRE_ANALYST, Role.AUDITOR, Role.OPS)


def sees_every_run(caller: Principal) -> bool:
    return not caller.roles.isdisjoint(EVERY_RUN)


def asks_for(caller: Principal, run: Run) -> bool:
    return caller.has(Role.REQUESTER) and caller.ministry == run.ministry


def check_may_see_run(caller: Principal, run: Run) -> None:
    if not sees_every_run(caller) and not asks_for(caller, run):
        raise NotFound("There is no such run.")


def sees_parameters(caller: Principal, run: Run) -> bool:
    """Auditors and operators see that a run was, not what was asked of it."""
    return caller.has(Role.CENTRE_ANALYST) or asks_for(caller, run)


def check_may_cancel(caller: Principal, run: Run) -> None:
    check_may_see_run(caller, run)
    if not caller.has(Role.CENTRE_ANALYST) and not asks_for(caller, run):
        right = f"requester of {run.ministry} or centre-analyst"
        raise Forbidden(f"This needs the role {right}.", right=right)


def run_actions(caller: Principal, run: Run) -> list[str]:
    """What this caller may do with this run now."""
    may = caller.has(Role.CENTRE_ANALYST) or asks_for(caller, run)
    return ["cancel"] if may and not run.ended else []
