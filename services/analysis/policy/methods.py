"""Who may announce, review, see, claim and withdraw a version of a method."""

from collections.abc import Sequence

from services.analysis import messages
from services.analysis.models import Method, MethodReview, MethodState, OnnxMethod, Verdict
from shared.auth import Principal, Role, require
from shared.contracts import MethodCard
from shared.errors import Conflict, Forbidden, NotFound

EVERY_METHOD = (Role.METHOD_REVIEWER, Role.CENTRE_ANALYST, Role.AUDITOR, Role.OPS)


def sees_every_method(caller: Principal) -> bool:
    return not caller.roles.isdisjoint(EVERY_METHOD)


def check_may_see_method(caller: Principal, method: Method) -> None:
    """What is only registered is seen by those who work on it."""
    if method.state is MethodState.REGISTERED and not sees_every_method(caller) and caller.subject != method.announced_by:
        raise NotFound(messages.NO_METHOD_VERSION)


def check_same_announcement(caller: Principal, method: Method, card: MethodCard, digest: str) -> None:
    """A version is announced once and never changes; only its own client may say it again."""
    if (MethodCard.model_validate(method.card), method.digest) != (card, digest):
        raise Conflict(messages.OTHER_DIGEST(label=method.label), reason="other-content")
    if method.announced_by != caller.subject:
        raise Conflict(messages.OTHER_CLIENT(label=method.label), reason="other-client")
    if method.state is MethodState.WITHDRAWN:
        raise Conflict(messages.VERSION_WITHDRAWN(label=method.label), reason="withdrawn")


def may_claim(caller: Principal, method: Method) -> bool:
    """Whether this client may run the method: it is live, and it is the client that was reviewed with it."""
    return method.state is MethodState.LIVE and method.announced_by == caller.subject


def check_may_review(caller: Principal, method: Method, uploaded: OnnxMethod | None = None) -> None:
    """A method-reviewer, neither of the body that announced it nor of the one that uploaded it."""
    require(caller, Role.METHOD_REVIEWER)
    if caller.subject in (method.announced_by, uploaded and uploaded.uploaded_by):
        raise Forbidden(messages.OWN_METHOD, right="another reviewer")
    bodies = {method.announced_ministry} | ({uploaded.uploaded_ministry} if uploaded else set())
    if caller.ministry in bodies:
        right = f"method-reviewer of another ministry than {' and '.join(sorted(bodies))}"
        raise Forbidden(messages.OWN_BODYS_METHOD, right=right)


def check_reviewable(caller: Principal, method: Method, reviews: Sequence[MethodReview]) -> None:
    """A version is reviewed while it is registered, once by each person, once by each body."""
    if method.state is not MethodState.REGISTERED:
        raise Conflict(messages.METHOD_NOT_OPEN(label=method.label, state=method.state), state=method.state)
    if any(review.reviewer == caller.subject for review in reviews):
        raise Conflict(messages.VERSION_REVIEWED)
    if any(review.ministry == caller.ministry for review in reviews):
        raise Conflict(messages.VERSION_SAME_BODY(ministry=caller.ministry))
    if rejected(reviews):
        raise Conflict(messages.VERSION_REJECTED)


def rejected(reviews: Sequence[MethodReview]) -> bool:
    return any(review.verdict is Verdict.REJECT for review in reviews)


def check_may_withdraw(caller: Principal, method: Method) -> None:
    if caller.subject != method.announced_by:
        require(caller, Role.CENTRE_ANALYST)


def method_actions(
    caller: Principal, method: Method, reviews: Sequence[MethodReview], uploaded: OnnxMethod | None = None
) -> list[str]:
    """What this caller may do with this version now."""
    actions = []
    try:
        check_may_review(caller, method, uploaded)
        check_reviewable(caller, method, reviews)
        actions.append("review")
    except (Forbidden, Conflict):
        pass
    if method.state is not MethodState.WITHDRAWN and (caller.subject == method.announced_by or caller.has(Role.CENTRE_ANALYST)):
        actions.append("withdraw")
    return actions
