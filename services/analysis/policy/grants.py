"""Who may ask for, see, decide on and take back a scoring grant."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from services.analysis import messages
from services.analysis.models import GRANT_TRANSITIONS, Grant, GrantReview, GrantState, ReleasedModel, Verdict
from services.analysis.rules import Rules
from services.analysis.schemas import GrantIn
from shared.auth import Principal, Role, require
from shared.contracts.wording import Sentence
from shared.errors import Conflict, FieldError, Forbidden, Gone, NotFound, Unprocessable

REVIEWERS: Final = (Role.METHOD_REVIEWER, Role.CENTRE_ANALYST)
EVERY_GRANT: Final = (*REVIEWERS, Role.AUDITOR)
APPROVALS_NEEDED: Final = 2


def check_grant_move(grant: Grant, to: GrantState) -> None:
    if to not in GRANT_TRANSITIONS[grant.state]:
        raise Conflict(messages.GRANT_MOVE(state=grant.state, to=to), state=grant.state)


def check_may_ask(caller: Principal) -> None:
    require(caller, Role.REQUESTER)


def check_asked(data: GrantIn, rules: Rules, at: datetime) -> None:
    """The term and the number of rows are within the limits of the rules."""
    check_term(data.valid_from, data.valid_until, at, timedelta(days=rules.term_days.value))
    errors = [
        FieldError(f"#/{name}", "above-limit", messages.LIMIT_BASIS(value=limit.value, legal_basis=limit.legal_basis))
        for name, asked, limit in (
            ("rows_per_day", data.rows_per_day, rules.rows_per_day),
            ("rows_per_minute", data.rows_per_minute or 0, rules.rows_per_minute),
        )
        if asked > limit.value
    ]
    if errors:
        raise Unprocessable(messages.FEWER_ROWS, errors=errors)


def check_term(valid_from: datetime, valid_until: datetime, at: datetime, longest: timedelta) -> None:
    """It ends after it begins and after now, and does not last too long: then the purpose is looked at again."""
    wrong: Sentence | None = None
    if valid_until <= valid_from:
        wrong = messages.ENDS_BEFORE
    elif valid_until <= at:
        wrong = messages.ENDED_ALREADY
    elif valid_until - max(valid_from, at) > longest:
        wrong = messages.TERM_TOO_LONG(days=longest.days)
    if wrong:
        raise Unprocessable(wrong, errors=[FieldError("#/valid_until", "bad-term", wrong)])


def check_askable(model: ReleasedModel | None) -> ReleasedModel:
    if model is None:
        error = FieldError("#/model_id", "unknown-model", messages.NOT_RELEASED_MODEL)
        raise Unprocessable(messages.NO_RELEASED_MODEL, errors=[error])
    check_not_withdrawn(model)
    return model


def check_not_withdrawn(model: ReleasedModel) -> None:
    if model.withdrawn_at is not None:
        raise Gone(messages.MODEL_WITHDRAWN)


def owns(caller: Principal, model: ReleasedModel) -> bool:
    """A steward of the ministry whose request trained the model."""
    return caller.has(Role.STEWARD) and caller.ministry == model.ministry


def owns_data(caller: Principal, model: ReleasedModel) -> bool:
    """A steward of a body whose data the model was trained on."""
    return caller.has(Role.STEWARD) and caller.ministry in model.owners


def check_may_object(caller: Principal, model: ReleasedModel) -> None:
    if not owns_data(caller, model):
        right = f"steward of {' or '.join(model.owners)}" if model.owners else "steward of an owner of its data"
        raise Forbidden(messages.OBJECTORS, right=right)


def objected(grant: Grant) -> GrantState:
    """What an objection makes of a grant: one that is asked for is refused, one that holds is taken back."""
    return GrantState.REFUSED if grant.state is GrantState.ASKED else GrantState.REVOKED


def sees_every_grant(caller: Principal) -> bool:
    return not caller.roles.isdisjoint(EVERY_GRANT)


def check_may_see_grant(caller: Principal, grant: Grant, model: ReleasedModel) -> None:
    concerned = caller.ministry == grant.ministry or owns(caller, model) or owns_data(caller, model)
    if not (sees_every_grant(caller) or concerned):
        raise NotFound(messages.NO_GRANT)


def check_may_review_grant(caller: Principal, grant: Grant, model: ReleasedModel) -> None:
    if not owns(caller, model):
        require(caller, *REVIEWERS)
    if caller.ministry == grant.ministry or caller.subject in (grant.asked_by, grant.client):
        raise Forbidden(messages.OWN_GRANT, right="a reviewer of another ministry")


def check_grant_reviewable(caller: Principal, grant: Grant, reviews: Sequence[GrantReview]) -> None:
    """It is decided once by each person, once by each body, while it is only asked for."""
    if grant.state is not GrantState.ASKED:
        raise Conflict(messages.GRANT_NOT_OPEN(state=grant.state), state=grant.state)
    if any(review.reviewer == caller.subject for review in reviews):
        raise Conflict(messages.GRANT_DECIDED)
    if any(review.ministry == caller.ministry for review in reviews):
        raise Conflict(messages.GRANT_SAME_BODY(ministry=caller.ministry))


def check_may_revoke(caller: Principal, grant: Grant, model: ReleasedModel) -> None:
    """The owner of the model, the centre, or the ministry that has no more use for it."""
    if not owns(caller, model) and not (caller.ministry == grant.ministry and caller.has(Role.REQUESTER)):
        require(caller, Role.CENTRE_ANALYST)


def decided(reviews: Sequence[GrantReview]) -> GrantState:
    """What the decisions so far make of a grant: one refusal refuses it, two approvals grant it."""
    if any(review.verdict is Verdict.REJECT for review in reviews):
        return GrantState.REFUSED
    return GrantState.GRANTED if len(reviews) >= APPROVALS_NEEDED else GrantState.ASKED


def grant_actions(caller: Principal, grant: Grant, model: ReleasedModel, reviews: Sequence[GrantReview]) -> list[str]:
    """What this caller may do with this grant now."""
    found = []
    try:
        check_not_withdrawn(model)
        check_may_review_grant(caller, grant, model)
        check_grant_reviewable(caller, grant, reviews)
        found.append("review")
    except (Forbidden, Conflict, Gone):
        pass
    try:
        check_may_revoke(caller, grant, model)
        check_grant_move(grant, GrantState.REVOKED)
        found.append("revoke")
    except (Forbidden, Conflict):
        pass
    try:
        check_may_object(caller, model)
        check_grant_move(grant, objected(grant))
        found.append("object")
    except (Forbidden, Conflict):
        pass
    return found


def grant_waiting(grant: Grant, reviews: Sequence[GrantReview]) -> str | None:
    """Who must act before the grant holds."""
    if grant.state is not GrantState.ASKED:
        return None
    if not reviews:
        return f"Two reviewers of two bodies, neither of {grant.ministry}, must approve it."
    return f"A second reviewer, of another body than {reviews[0].ministry}, must approve it."
