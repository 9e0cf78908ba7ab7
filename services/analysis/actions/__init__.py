"""Every change that the analysis service makes."""

from services.analysis.actions.artefacts import check_artefact, end_damaged_run, keep_artefact, read_bundle, read_log
from services.analysis.actions.claims import (
    ClaimTerms,
    Offer,
    beat,
    claim_run,
    finish_run,
    keep_late_result,
    reap,
    see_worker,
)
from services.analysis.actions.keys import keep_key, keep_retirement
from services.analysis.actions.methods import announce_method, review_method, withdraw_method
from services.analysis.actions.queue import prioritise_run, set_quota
from services.analysis.actions.runs import cancel_run, close_request, queue_run
from services.analysis.actions.withdrawals import end_withdrawn_request, end_withdrawn_runs

__all__ = [
    "ClaimTerms",
    "Offer",
    "announce_method",
    "beat",
    "cancel_run",
    "check_artefact",
    "claim_run",
    "close_request",
    "end_damaged_run",
    "end_withdrawn_request",
    "end_withdrawn_runs",
    "finish_run",
    "keep_artefact",
    "keep_key",
    "keep_late_result",
    "keep_retirement",
    "prioritise_run",
    "queue_run",
    "read_bundle",
    "read_log",
    "reap",
    "review_method",
    "see_worker",
    "set_quota",
    "withdraw_method",
]
