"""Who may see, review and withdraw a trained model, and what a model file must say of itself."""

from collections.abc import Sequence

from services.analysis import messages
from services.analysis.models import Model, ModelReview, ModelState, Run, Verdict
from services.analysis.policy.methods import EVERY_METHOD
from shared.auth import Principal, Role, require
from shared.contracts import ModelManifest
from shared.errors import Conflict, FieldError, Forbidden, NotFound, Unprocessable

# Bounds of bins and names of categories come from single rows: they stay with those who judge models.
SEES_REFERENCE = (Role.METHOD_REVIEWER, Role.CENTRE_ANALYST)


def sees_every_model(caller: Principal) -> bool:
    return not caller.roles.isdisjoint(EVERY_METHOD)


def asked_for(caller: Principal, model: Model) -> bool:
    return caller.has(Role.REQUESTER) and caller.ministry == model.ministry


def check_may_see_model(caller: Principal, model: Model) -> None:
    """What was released is known to all; before that, to those who judge it and to the ministry that asked for it."""
    if model.released_at is None and not sees_every_model(caller) and not asked_for(caller, model):
        raise NotFound(messages.NO_MODEL)


def sees_reference(caller: Principal) -> bool:
    return not caller.roles.isdisjoint(SEES_REFERENCE)


def sees_manifest(caller: Principal, model: Model) -> bool:
    """Nobody has checked a method's words and figures before the reviewers do."""
    return sees_reference(caller) or model.released_at is not None


def check_may_review_model(caller: Principal, model: Model) -> None:
    require(caller, Role.METHOD_REVIEWER)
    if caller.subject in (model.announced_by, *model.authors):
        raise Forbidden(messages.OWN_MODEL, right="another reviewer")
    if any(each["subject"] == caller.subject for each in model.parts):
        raise Forbidden(messages.ONE_PART, right="somebody without another part in the request")
    if caller.ministry == model.ministry:
        right = f"method-reviewer of another ministry than {model.ministry}"
        raise Forbidden(messages.OWN_BODYS_MODEL, right=right)


def check_model_reviewable(caller: Principal, model: Model, reviews: Sequence[ModelReview]) -> None:
    """A model is reviewed while it is registered, once by each person, once by each body."""
    if model.state is not ModelState.REGISTERED:
        raise Conflict(messages.MODEL_NOT_OPEN(state=model.state), state=model.state)
    if any(review.reviewer == caller.subject for review in reviews):
        raise Conflict(messages.MODEL_REVIEWED)
    if any(review.ministry == caller.ministry for review in reviews):
        raise Conflict(messages.MODEL_SAME_BODY(ministry=caller.ministry))
    if model_rejected(reviews):
        raise Conflict(messages.MODEL_REJECTED)


def model_rejected(reviews: Sequence[ModelReview]) -> bool:
    return any(review.verdict is Verdict.REJECT for review in reviews)


def check_may_withdraw_model(caller: Principal, model: Model) -> None:
    if not may_withdraw_model(caller, model):
        right = f"requester of {model.ministry} or centre-analyst"
        raise Forbidden(messages.ROLE_NEEDED(right=right), right=right)


def may_withdraw_model(caller: Principal, model: Model) -> bool:
    return caller.has(Role.CENTRE_ANALYST) or asked_for(caller, model)


def model_actions(caller: Principal, model: Model, reviews: Sequence[ModelReview]) -> list[str]:
    """What this caller may do with this model now."""
    actions = []
    try:
        check_may_review_model(caller, model)
        check_model_reviewable(caller, model, reviews)
        actions.append("review")
    except (Forbidden, Conflict):
        pass
    if model.state is not ModelState.WITHDRAWN and may_withdraw_model(caller, model):
        actions.append("withdraw")
    return actions


def model_waiting(model: Model, reviews: Sequence[ModelReview]) -> str | None:
    """What a registered model lacks."""
    if model.state is not ModelState.REGISTERED:
        return None
    if model_rejected(reviews):
        return "It was rejected and is never released; a new round can train another one."
    if not reviews:
        return (
            f"Two method reviewers of two bodies, neither of them {model.ministry} which asked for it, must approve it; "
            "not who announced its method."
        )
    return f"A second method reviewer, neither of {reviews[0].ministry} nor of {model.ministry}, must approve it."


def check_lineage(manifest: ModelManifest, run: Run) -> None:
    """A model file does not say that another method or another run trained it."""
    told, errors = manifest.method, []
    if (told.name, told.version) != (run.method_name, run.method_release) or told.digest not in (None, run.method_digest):
        errors.append(FieldError("#/method", "other-method", messages.MANIFEST_OTHER_METHOD))
    if manifest.lineage.run_id not in (None, run.id):
        errors.append(FieldError("#/lineage/run_id", "other-run", messages.MANIFEST_OTHER_RUN))
    if errors:
        raise Unprocessable(messages.MANIFEST_UNLIKE_RUN, errors=errors)
