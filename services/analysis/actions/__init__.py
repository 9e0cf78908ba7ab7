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
from services.analysis.actions.grants import (
    ask_for_grant,
    keep_released_model,
    keep_withdrawn_model,
    object_to_grant,
    review_grant,
    revoke_grant,
)
from services.analysis.actions.keys import keep_key, keep_retirement
from services.analysis.actions.methods import announce_method, review_method, withdraw_method
from services.analysis.actions.models import review_model, withdraw_model
from services.analysis.actions.queue import prioritise_run, set_quota
from services.analysis.actions.runs import cancel_run, close_request, queue_run
from services.analysis.actions.uploads import attach_file, check_attach, check_onnx_file, note_fault, read_file, upload_manifest
from services.analysis.actions.withdrawals import (
    end_revoked_request,
    end_withdrawn_request,
    end_withdrawn_runs,
    withhold_models,
)

__all__ = [
    "ClaimTerms",
    "Offer",
    "announce_method",
    "attach_file",
    "beat",
    "cancel_run",
    "check_artefact",
    "check_attach",
    "check_onnx_file",
    "claim_run",
    "close_request",
    "end_damaged_run",
    "end_revoked_request",
    "end_withdrawn_request",
    "end_withdrawn_runs",
    "finish_run",
    "keep_artefact",
    "keep_key",
    "keep_late_result",
    "keep_retirement",
    "note_fault",
    "prioritise_run",
    "queue_run",
    "read_bundle",
    "read_file",
    "read_log",
    "reap",
    "review_method",
    "review_model",
    "see_worker",
    "upload_manifest",
    "ask_for_grant",
    "keep_released_model",
    "object_to_grant",
    "keep_withdrawn_model",
    "review_grant",
    "revoke_grant",
    "set_quota",
    "withdraw_method",
    "withdraw_model",
    "withhold_models",
]
