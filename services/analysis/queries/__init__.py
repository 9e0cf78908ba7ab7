"""Every read of the analysis service, scoped to the caller."""

from services.analysis.queries.grants import describe_grant, get_grant, list_grants
from services.analysis.queries.keys import sealing_key
from services.analysis.queries.methods import describe_method, get_method, list_methods
from services.analysis.queries.runs import (
    claimed_method,
    describe_bundle,
    describe_run,
    get_run,
    has_claimable,
    is_cancelled,
    list_runs,
)

__all__ = [
    "claimed_method",
    "describe_bundle",
    "describe_method",
    "describe_run",
    "get_method",
    "get_run",
    "has_claimable",
    "is_cancelled",
    "list_methods",
    "list_runs",
    "describe_grant",
    "get_grant",
    "list_grants",
    "sealing_key",
]
