"""What is tried again, and what a failed run says of it."""

from typing import Final

from shared.contracts import Reason

# Whose cause lies outside the method: another attempt may well succeed.
TRIED_AGAIN: Final = frozenset({"input-corrupt", "remote-failed", "engine-failed", "worker-lost", "prepare-crashed"})
# The same code on the same bundle ends the same way.
NEVER: Final = frozenset({"method-crashed", "method-memory", "method-output-invalid", "method-refused-input", "method-timeout"})
NEVER_AGAIN: Final = "It was not tried again: the same method on the same data would end the same way."


def is_tried_again(reason: Reason | None, attempts: int, most: int) -> bool:
    return reason is not None and reason.code in TRIED_AGAIN and attempts < most


def with_attempts(reason: Reason, attempts: int) -> Reason:
    """The reason, with how often it was tried and whether it could be tried again."""
    told = [reason.detail]
    if reason.code in TRIED_AGAIN | NEVER and attempts > 1:
        told.append(f"It was tried {attempts} times.")
    if reason.code in NEVER:
        told.append(NEVER_AGAIN)
    return reason.model_copy(update={"detail": " ".join(told)[:4000]})
