"""What the requests service says."""

from typing import Any
from uuid import UUID

from pydantic import Field

from shared.contracts.base import Event
from shared.contracts.methods import MethodRef, ModelRef
from shared.contracts.values import ApprovedInput, Code, PublicKey, Reason, RequestBrief, Text


class RequestSubmitted(Event, type="requests.request-submitted.v1"):
    """A ministry asked for an analysis; the owners named here have to decide."""

    brief: RequestBrief
    method: MethodRef
    revision: int = Field(ge=1, description="1 at first, one more each time a returned request is resubmitted.")

    @property
    def subject(self) -> str:
        return f"request/{self.brief.request_id}"


class RequestReturned(Event, type="requests.request-returned.v1"):
    """Somebody who must decide asked the requester to correct the request."""

    request_id: UUID
    ministry: Code
    returned_by: Code
    reason: Text

    @property
    def subject(self) -> str:
        return f"request/{self.request_id}"


class RequestApproved(Event, type="requests.request-approved.v1"):
    """Every owner and the council agreed: exactly this method may read exactly these columns of these bytes."""

    brief: RequestBrief
    method: MethodRef
    parameters: dict[str, Any]
    inputs: tuple[ApprovedInput, ...]
    champion: ModelRef | None = Field(default=None, description="A released model that this round is also scored with.")
    sealing_key: PublicKey | None = Field(
        default=None, description="The key that a restricted list is sealed to, unless the ministry registers a newer one."
    )
    rules_version: str = Field(max_length=40)

    @property
    def subject(self) -> str:
        return f"request/{self.brief.request_id}"


class RequestRefused(Event, type="requests.request-refused.v1"):
    """An owner or the council said no."""

    request_id: UUID
    ministry: Code
    reason: Reason

    @property
    def subject(self) -> str:
        return f"request/{self.request_id}"


class RequestWithdrawn(Event, type="requests.request-withdrawn.v1", withdrawal=True):
    """The requester took the request back: its run stops, nothing of it is released."""

    request_id: UUID
    ministry: Code
    reason: Text

    @property
    def subject(self) -> str:
        return f"request/{self.request_id}"


class GrantRevoked(Event, type="requests.grant-revoked.v1", withdrawal=True):
    """An owner took back its approval for one request: the run stops, nothing of it is released; the dataset itself stays."""

    request_id: UUID
    dataset_id: UUID
    ministry: Code = Field(description="The owner that had approved.")
    reason: Text

    @property
    def subject(self) -> str:
        return f"request/{self.request_id}"
