"""The only readers of the life cycles."""

from services.analysis import messages
from services.analysis.models import (
    METHOD_TRANSITIONS,
    MODEL_TRANSITIONS,
    TRANSITIONS,
    Method,
    MethodState,
    Model,
    ModelState,
    Run,
    RunStatus,
)
from shared.errors import Conflict


def check_move(run: Run, to: RunStatus) -> None:
    if to not in TRANSITIONS[run.status]:
        raise Conflict(messages.RUN_MOVE(status=run.status, to=to), state=run.status)


def check_method_move(method: Method, to: MethodState) -> None:
    if to not in METHOD_TRANSITIONS[method.state]:
        raise Conflict(messages.METHOD_MOVE(state=method.state, to=to), state=method.state)


def check_model_move(model: Model, to: ModelState) -> None:
    if to not in MODEL_TRANSITIONS[model.state]:
        raise Conflict(messages.MODEL_MOVE(state=model.state, to=to), state=model.state)
