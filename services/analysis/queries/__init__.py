"""Every read of the analysis service, scoped to the caller."""

from services.analysis.queries.grants import describe_grant, get_grant, list_grants
from services.analysis.queries.keys import sealing_key
from services.analysis.queries.methods import describe_method, get_method, list_methods, runnable_methods
from services.analysis.queries.models import describe_model, files_of_models, get_model, list_models
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
    missing_layers,
    version_of,
)
from services.analysis.queries.uploads import describe_upload, get_upload, list_uploads

__all__ = [
    "Order",
    "Present",
    "TO_WORK",
    "anything_due",
    "claimed_method",
    "describe_bundle",
    "describe_method",
    "describe_model",
    "describe_news",
    "describe_quota",
    "describe_run",
    "describe_upload",
    "files_of_models",
    "get_method",
    "get_model",
    "get_run",
    "get_upload",
    "is_cancelled",
    "is_someones_turn",
    "list_methods",
    "list_models",
    "list_runs",
    "list_uploads",
    "missing_layers",
    "describe_grant",
    "get_grant",
    "list_grants",
    "list_quotas",
    "runnable_methods",
    "sealing_key",
    "version_of",
]
