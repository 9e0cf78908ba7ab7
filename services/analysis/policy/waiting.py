"""Why something waits, and who must act, in words for people."""

from collections.abc import Sequence

from services.analysis.models import Method, MethodReview, MethodState, Run, RunStatus
from services.analysis.policy.methods import rejected
from services.analysis.schemas import Waiting


def method_waiting(method: Method, reviews: Sequence[MethodReview]) -> str | None:
    """What a registered version lacks."""
    if method.state is not MethodState.REGISTERED:
        return None
    if rejected(reviews):
        return "It was rejected and cannot go live; whoever announced it can announce a corrected one under a new version."
    if not reviews:
        return f"Two method reviewers of two bodies, neither of {method.announced_ministry} which announced it, must approve it."
    others = f"neither of {reviews[0].ministry} nor of {method.announced_ministry}"
    return f"A second method reviewer, {others}, must approve it."


def run_waiting(run: Run, offered: bool, full: int | None = None) -> Waiting | None:
    """What a run waits for. `offered`: a worker that called lately offers its method; `full`: the quota, if it is used up."""
    match run.status:
        case RunStatus.QUEUED if run.attempts:
            why = f"Preparing its inputs failed ({run.last_error}); it is tried again by itself."
            return Waiting(code="prepare-again", why=why, who="the operators of the analysis centre, if it fails again")
        case RunStatus.QUEUED:
            return Waiting(code="prepare", why="Its inputs are not prepared yet.", who="nobody: it goes on by itself")
        case RunStatus.PREPARING:
            return Waiting(code="preparing", why="Its inputs are being linked.", who="nobody: it goes on by itself")
        case RunStatus.PREPARED if not offered:
            why = f"No worker offers {run.method_name} {run.method_release} now."
            return Waiting(code="no-worker", why=why, who=f"whoever runs the worker of {run.method_name}: start it")
        case RunStatus.PREPARED if full is not None:
            why = f"{run.ministry} has as many runs under way as it may have at one time: {full}."
            who = "nobody: it goes on when one of them ends; a centre-analyst may set another quota"
            return Waiting(code="quota", why=why, who=who)
        case RunStatus.PREPARED if run.last_error:
            why = f"The last attempt did not succeed ({run.last_error}); it is tried again by itself."
            return Waiting(code="worker-again", why=why, who="nobody: it goes on by itself")
        case RunStatus.PREPARED:
            return Waiting(code="worker", why="It waits for a worker to be free.", who="nobody: it goes on by itself")
        case RunStatus.RUNNING:
            return Waiting(code="running", why="A worker carries it out.", who="nobody: it goes on by itself")
        case _:
            return None
