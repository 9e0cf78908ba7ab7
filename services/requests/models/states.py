"""Where a request can stand, and what owners and council members can say."""

from enum import StrEnum


class Status(StrEnum):
    """Where a request stands."""

    OWNER_REVIEW = "owner_review"
    RETURNED = "returned"
    COUNCIL_REVIEW = "council_review"
    APPROVED = "approved"
    IN_ANALYSIS = "in_analysis"
    OUTPUT_REVIEW = "output_review"
    RELEASED = "released"
    RECALLED = "recalled"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    FAILED = "failed"
    WITHHELD = "withheld"


# What was said of an approved request may arrive in any order, so later stops can be reached from each earlier one.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.OWNER_REVIEW: frozenset({Status.RETURNED, Status.COUNCIL_REVIEW, Status.REFUSED, Status.WITHDRAWN, Status.REVOKED}),
    Status.RETURNED: frozenset({Status.OWNER_REVIEW, Status.WITHDRAWN}),
    Status.COUNCIL_REVIEW: frozenset({Status.RETURNED, Status.APPROVED, Status.REFUSED, Status.WITHDRAWN, Status.REVOKED}),
    Status.APPROVED: frozenset(
        {
            Status.IN_ANALYSIS,
            Status.OUTPUT_REVIEW,
            Status.RELEASED,
            Status.RECALLED,
            Status.FAILED,
            Status.WITHHELD,
            Status.WITHDRAWN,
            Status.REVOKED,
        }
    ),
    Status.IN_ANALYSIS: frozenset(
        {
            Status.OUTPUT_REVIEW,
            Status.RELEASED,
            Status.RECALLED,
            Status.FAILED,
            Status.WITHHELD,
            Status.WITHDRAWN,
            Status.REVOKED,
        }
    ),
    Status.OUTPUT_REVIEW: frozenset({Status.RELEASED, Status.RECALLED, Status.WITHHELD, Status.WITHDRAWN, Status.REVOKED}),
    Status.RELEASED: frozenset({Status.RECALLED}),
    Status.RECALLED: frozenset(),
    Status.REFUSED: frozenset(),
    Status.WITHDRAWN: frozenset(),
    Status.REVOKED: frozenset(),
    Status.FAILED: frozenset(),
    Status.WITHHELD: frozenset(),
}
CLOSED = tuple(status for status, following in TRANSITIONS.items() if not following or status is Status.RELEASED)
IN_REVIEW = (Status.OWNER_REVIEW, Status.COUNCIL_REVIEW)


class Verdict(StrEnum):
    """What an owner says of its dataset."""

    APPROVE = "approve"
    REFUSE = "refuse"


class Ballot(StrEnum):
    """What a council member says of a request."""

    APPROVE = "approve"
    REJECT = "reject"
