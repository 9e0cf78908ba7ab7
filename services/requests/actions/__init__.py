"""Everything that changes a request, by noun: asking, decisions, votes, progress; and the copies of what others said."""

from services.requests.actions.asking import resubmit_request, return_request, submit_request, withdraw_request
from services.requests.actions.copies import (
    forget_dataset,
    forget_key,
    forget_method,
    forget_model,
    know_dataset,
    know_key,
    know_method,
    know_ministry,
    know_model,
)
from services.requests.actions.decisions import decide_dataset, revoke_grant
from services.requests.actions.limits import OpenLimits
from services.requests.actions.progress import end_run, follow_result, follow_run
from services.requests.actions.votes import cast_vote

__all__ = [
    "OpenLimits",
    "cast_vote",
    "decide_dataset",
    "end_run",
    "follow_result",
    "follow_run",
    "forget_dataset",
    "forget_key",
    "forget_method",
    "forget_model",
    "know_dataset",
    "know_key",
    "know_method",
    "know_ministry",
    "know_model",
    "resubmit_request",
    "return_request",
    "revoke_grant",
    "submit_request",
    "withdraw_request",
]
