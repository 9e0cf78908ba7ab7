"""Who may do what, and when: pure checks that raise."""

from services.analysis.policy.cards import check_card
from services.analysis.policy.eta import marked, remaining
from services.analysis.policy.methods import (
    check_may_review,
    check_may_see_method,
    check_may_withdraw,
    check_reviewable,
    check_same_announcement,
    may_claim,
    method_actions,
    sees_every_method,
)
from services.analysis.policy.moves import check_method_move, check_move
from services.analysis.policy.outputs import (
    LOG_LIMIT,
    MEDIA_TYPES,
    Named,
    check_finish,
    check_media_type,
    check_output,
    shown_log,
    without_cells,
)
from services.analysis.policy.retries import is_tried_again, with_attempts
from services.analysis.policy.runs import (
    check_may_cancel,
    check_may_prioritise,
    check_may_read_log,
    check_may_see_quotas,
    check_may_see_run,
    check_not_ended,
    run_actions,
    sees_every_run,
    sees_parameters,
)
from services.analysis.policy.waiting import method_waiting, run_waiting

__all__ = [
    "LOG_LIMIT",
    "MEDIA_TYPES",
    "Named",
    "check_card",
    "may_claim",
    "check_finish",
    "check_may_cancel",
    "check_may_prioritise",
    "check_may_read_log",
    "check_may_review",
    "check_may_see_method",
    "check_may_see_quotas",
    "check_may_see_run",
    "check_may_withdraw",
    "check_media_type",
    "check_method_move",
    "check_move",
    "check_not_ended",
    "check_output",
    "check_reviewable",
    "check_same_announcement",
    "is_tried_again",
    "marked",
    "method_actions",
    "method_waiting",
    "remaining",
    "run_actions",
    "run_waiting",
    "sees_every_method",
    "sees_every_run",
    "sees_parameters",
    "shown_log",
    "with_attempts",
    "without_cells",
]
