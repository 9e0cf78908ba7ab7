"""The common language: every event and value object, by producer. Read this first."""

from shared.contracts.analysis import MethodLive, MethodWithdrawn, Outcome, RunFinished, RunQueued, RunStarted
from shared.contracts.base import Envelope, Event, Value
from shared.contracts.catalog import DatasetPublished, DatasetWithdrawn, MinistryJoined
from shared.contracts.requests import (
    RequestApproved,
    RequestRefused,
    RequestReturned,
    RequestSubmitted,
    RequestWithdrawn,
)
from shared.contracts.results import ResultHeld, ResultRecalled, ResultReleased, ResultWithheld
from shared.contracts.values import (
    ApprovedInput,
    Artefact,
    Audience,
    AudienceKind,
    CardColumn,
    Code,
    Column,
    ColumnRole,
    ColumnType,
    InputRole,
    Linkage,
    LocalText,
    MethodCard,
    MethodRef,
    Name,
    OutputKind,
    OutputSpec,
    Reason,
    RequestBrief,
    Resources,
    SemVer,
    Sensitivity,
    Sha256,
    StoredObject,
    Text,
    Title,
)

__all__ = [
    "ApprovedInput", "Artefact", "Audience", "AudienceKind", "CardColumn", "Code", "Column", "ColumnRole", "ColumnType",
    "DatasetPublished", "DatasetWithdrawn", "Envelope", "Event", "InputRole", "Linkage", "LocalText", "MethodCard",
    "MethodLive", "MethodRef", "MethodWithdrawn", "MinistryJoined", "Name", "Outcome", "OutputKind", "OutputSpec", "Reason",
    "RequestApproved", "RequestBrief", "RequestRefused", "RequestReturned", "RequestSubmitted", "RequestWithdrawn",
    "Resources", "ResultHeld", "ResultRecalled", "ResultReleased", "ResultWithheld", "RunFinished", "RunQueued",
    "RunStarted", "SemVer", "Sensitivity", "Sha256", "StoredObject", "Text", "Title", "Value",
]
