"""The only readers of the life cycles."""

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
        raise Conflict(f"The run is {run.status} and cannot become {to}.", state=run.status)


def check_method_move(method: Method, to: MethodState) -> None:
    if to not in METHOD_TRANSITIONS[method.state]:
        raise Conflict(f"The method version is {method.state} and cannot become {to}.", state=method.state)


def check_model_move(model: Model, to: ModelState) -> None:
    if to not in MODEL_TRANSITIONS[model.state]:
        raise Conflict(f"The model is {model.state} and cannot become {to}.", state=model.state)
