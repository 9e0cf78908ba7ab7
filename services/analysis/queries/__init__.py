"""Every read of the analysis service, scoped to the caller."""

from services.analysis.queries.keys import sealing_key
from services.analysis.queries.methods import describe_method, get_method, list_methods, runnable_methods
from services.analysis.queries.queue import TO_WORK, Order, anything_due, is_someones_turn
from services.analysis.queries.quotas import describe_quota, list_quotas
from services.analysis.queries.runs import (
    Present,
    claimed_method,
    describe_bundle,
    describe_news,
    describe_run,
    get_run,
    is_cancelled,
    list_runs,
    version_of,
)

__all__ = [
    "Order",
    "Present",
    "TO_WORK",
    "anything_due",
    "claimed_method",
    "describe_bundle",
    "describe_method",
    "describe_news",
    "describe_quota",
    "describe_run",
    "get_method",
    "get_run",
    "is_cancelled",
    "is_someones_turn",
    "list_methods",
    "list_quotas",
    "list_runs",
    "runnable_methods",
    "sealing_key",
    "version_of",
]
