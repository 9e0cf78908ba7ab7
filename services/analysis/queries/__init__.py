"""Every read of the analysis service, scoped to the caller."""

from services.analysis.queries.grants import describe_grant, get_grant, list_grants
from services.analysis.queries.keys import sealing_key
from services.analysis.queries.methods import describe_method, get_method, list_methods
from services.analysis.queries.models import describe_model, files_of_models, get_model, list_models
from services.analysis.queries.runs import (
    claimed_method,
    describe_bundle,
    describe_run,
    get_run,
    has_claimable,
    is_cancelled,
    list_runs,
    missing_layers,
)
from services.analysis.queries.uploads import describe_upload, get_upload, list_uploads

__all__ = [
    "claimed_method",
    "describe_bundle",
    "describe_method",
    "describe_model",
    "describe_run",
    "describe_upload",
    "files_of_models",
    "get_method",
    "get_model",
    "get_run",
    "get_upload",
    "has_claimable",
    "is_cancelled",
    "list_methods",
    "list_models",
    "list_runs",
    "list_uploads",
    "missing_layers",
    "describe_grant",
    "get_grant",
    "list_grants",
    "sealing_key",
]
